"""How modelled destinations behave.

Must not:   know of the scheduler
"""

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum


class Answer(StrEnum):
    """What a destination says of a delivery."""

    ACCEPTED = "accepted"
    LATER = "later"  # this message, not now
    FAILED = "failed"  # nobody spoke to us


@dataclass(slots=True)
class Model:
    """A destination of some *kind*; times are seconds.

    *answer* is asked at the end of an attempt that took *seconds*, with the time, the message's age
    since its first attempt, and the destination itself.
    """

    kind: str
    name: str
    seconds: float
    answer: Callable[["Model", float, float], Answer]
    busy: int = 0
    peak: int = 0
    accepted: deque[float] = field(default_factory=deque)

    def begin(self) -> None:
        """Count an attempt as under way."""
        self.busy += 1
        self.peak = max(self.peak, self.busy)

    def end(self, now: float, tried_for: float) -> Answer:
        """Return the answer to an attempt that ends now."""
        self.busy -= 1
        return self.answer(self, now, tried_for)


KINDS = ("fast", "slow", "dead", "greylisting", "rate-limited", "flaky")

_GREY_SECONDS = 300.0
_RATE_PER_MINUTE = 60
_UP_SECONDS = 7200.0
_DOWN_SECONDS = 1800.0


def make(kind: str, number: int, chance: random.Random) -> Model:
    """Return destination *number* of a kind; *chance* spreads its speed."""
    seconds, answer = _BEHAVIOUR[kind]
    return Model(kind, f"{kind}{number}.example", seconds * chance.uniform(0.5, 1.5), answer)


def _accept(_: Model, __: float, ___: float) -> Answer:
    return Answer.ACCEPTED


def _fail(_: Model, __: float, ___: float) -> Answer:
    return Answer.FAILED


def _greylist(_: Model, __: float, tried_for: float) -> Answer:
    return Answer.ACCEPTED if tried_for >= _GREY_SECONDS else Answer.LATER


def _limit_rate(model: Model, now: float, _: float) -> Answer:
    while model.accepted and model.accepted[0] <= now - 60.0:
        model.accepted.popleft()
    if len(model.accepted) >= _RATE_PER_MINUTE:
        return Answer.FAILED
    model.accepted.append(now)
    return Answer.ACCEPTED


def _come_and_go(_: Model, now: float, __: float) -> Answer:
    is_up = now % (_UP_SECONDS + _DOWN_SECONDS) < _UP_SECONDS
    return Answer.ACCEPTED if is_up else Answer.FAILED


_BEHAVIOUR: dict[str, tuple[float, Callable[[Model, float, float], Answer]]] = {
    "fast": (0.3, _accept),
    "slow": (20.0, _accept),
    "dead": (30.0, _fail),
    "greylisting": (0.5, _greylist),
    "rate-limited": (0.5, _limit_rate),
    "flaky": (1.0, _come_and_go),
}
