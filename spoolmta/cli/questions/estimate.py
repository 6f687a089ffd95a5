"""When a queue will be empty, as arithmetic: rates, what waits, and the times before nothing goes.

An estimate is a range, or honestly none: rates of minutes and of an hour differ, mail comes in
meanwhile, and what is deferred does not go before its next try.

Must not: read rows; print
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flow:
    """What was delivered, put off and taken in during the last *seconds*, in recipients."""

    seconds: float
    sent: int
    deferred: int
    accepted: int

    @property
    def net(self) -> float:
        """How many more leave than come in, a second."""
        return (self.sent - self.accepted) / self.seconds


@dataclass(frozen=True, slots=True)
class Estimate:
    """When the last of what waits will have left; times are seconds.

    *earliest* and *latest* are None if at these rates it never does. *not_before* is the time
    before which the last of it is not even tried, for the reason *because*.
    """

    earliest: float | None
    latest: float | None
    not_before: float
    because: str


def estimate(
    now: float, waiting: int, flows: Sequence[Flow], retries: Sequence[float], dead_until: float
) -> Estimate:
    """Return when *waiting* recipients will have left.

    *retries* are the next tries of those that are deferred.
    """
    not_before, because = now, ""
    last_try = max(retries, default=now)
    if last_try > not_before:
        not_before, because = last_try, "the last of it is not tried before"
    if dead_until > not_before:
        not_before, because = dead_until, "the destination is not tried before"
    rates = [flow.net for flow in flows]
    fastest, slowest = max(rates, default=0.0), min(rates, default=0.0)
    return Estimate(
        _end(now, waiting, fastest, not_before),
        _end(now, waiting, slowest, not_before),
        not_before,
        because,
    )


def _end(now: float, waiting: int, rate: float, not_before: float) -> float | None:
    return max(now + waiting / rate, not_before) if rate > 0 else None
