"""What one mailbox, file or command made of a message, and the outcome that it makes.

A Result is plain data, so that it can come back from the process that delivered as the recipient.
"""

from typing import NamedTuple

from spoolmta.message.outcome import Action, Delivery, Outcome, Success


class Result(NamedTuple):
    """*dsn* decides: 2.x.x delivered, 4.x.x to be tried again, 5.x.x never.

    *reply* is what a command printed, for Diagnostic-Code.
    """

    dsn: str
    reason: str
    reply: str = ""

    @property
    def is_sent(self) -> bool:
        """True if the message is there."""
        return self.dsn[0] == "2"

    @property
    def is_deferred(self) -> bool:
        """True if it must be tried again."""
        return self.dsn[0] == "4"


class Softened(Result):
    """A result that would be final but for soft_bounce."""

    __slots__ = ()


_ACTIONS = {"2": Action.SENT, "4": Action.DEFERRED, "5": Action.BOUNCED}


def outcome(
    result: Result,
    number: int,
    relay: str,
    delays: tuple[float, float, float, float],
    *,
    tell_success: Success | None = Success.DELIVERED,
) -> Outcome:
    """Return the outcome of recipient *number*."""
    return Outcome(
        number,
        _ACTIONS[result.dsn[0]],
        result.dsn,
        result.reason,
        relay=relay,
        reply=result.reply,
        delays=delays,
        tell_success=tell_success,
        is_softened=isinstance(result, Softened),
    )


def delays(delivery: Delivery, now: float) -> tuple[float, float, float, float]:
    """Return the delays of an attempt that ends now and needed no connection."""
    return (
        max(0.0, delivery.activated_at - delivery.arrived_at),
        max(0.0, delivery.attempted_at - delivery.activated_at),
        0.0,
        max(0.0, now - delivery.attempted_at),
    )
