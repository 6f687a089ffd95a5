"""What becomes of a message whose deliveries are all answered: gone, deferred, or told of.

Expiry is looked at only after a failed attempt, so that mail which could not be tried for days
(a stopped system, a clock set forward) gets its chance.

Postfix:    qmgr(8), maximal_queue_lifetime and bounce_queue_lifetime in postconf(5)
Must not:   touch the spool
"""

from dataclasses import dataclass
from typing import NamedTuple

from spoolmta.message.envelope import Trace
from spoolmta.message.outcome import Action
from spoolmta.scheduler.backoff import retry_at, spread
from spoolmta.spool.completion import Answered
from spoolmta.spool.notices import Kind


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long mail is tried, in seconds; after *delay_warning* (0: never) the sender is warned."""

    minimal_backoff: float
    maximal_backoff: float
    mail: float
    bounce: float
    delay_warning: float = 0.0

    def of(self, sender: str) -> float:
        """Return how long mail of *sender* stays in the queue."""
        return self.mail if sender else min(self.bounce, self.mail)


class Completion(NamedTuple):
    """The decision. Without notices the message is removed, or deferred until *retry_at*.

    *expired*: what is deferred is to be returned first. With *notices* the bounce stage ends the
    message, or defers it until *retry_at*.
    """

    retry_at: float | None
    expired: bool
    notices: tuple[Kind, ...]


# To look a member up in its class takes longer than to compare with it.
_SENT, _BOUNCED, _DEFERRED = Action.SENT, Action.BOUNCED, Action.DEFERRED
_VERIFY = Trace.VERIFY

# Nothing is left to do: every recipient has the message, and nobody is to be told.
REMOVED = Completion(retry_at=None, expired=False, notices=())


def decide(message: Answered, now: float, lifetimes: Lifetimes) -> Completion:
    """Return what becomes of *message* at time *now* (seconds)."""
    if message.trace is _VERIFY:
        return Completion(None, expired=False, notices=(Kind.TRACE,))
    actions = [outcome.action for outcome in message.open]
    deferred = _DEFERRED in actions
    expired = deferred and now >= message.created_at + lifetimes.of(message.sender)
    notices = []
    if expired or _BOUNCED in actions:
        notices.append(Kind.FAILURE)
    if _SENT in actions and message.sender:
        notices.append(Kind.SUCCESS)
    retry = None
    if deferred and not expired:
        if lifetimes.delay_warning and _is_late(message, now, lifetimes.delay_warning):
            notices.append(Kind.DELAY)
        retry = retry_at(
            now, message.created_at, lifetimes.minimal_backoff, lifetimes.maximal_backoff
        )
        if message.asked:
            retry = spread(retry, now, message.message_id)
    if message.trace and message.sender:
        notices.append(Kind.TRACE)
    return Completion(retry, expired, tuple(notices))


def _is_late(message: Answered, now: float, delay_warning: float) -> bool:
    """Return whether the sender is to be told that mail is late: once, never the null sender."""
    return (
        message.sender != ""
        and now >= message.arrived_at + delay_warning
        and not any(outcome.delay_told for outcome in message.open)
    )
