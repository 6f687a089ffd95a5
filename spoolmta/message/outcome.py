"""What became of one recipient in one attempt: a value that agents return.

Also what an agent is handed. They are made for every message: a msgspec.Struct costs a tenth of a
frozen dataclass.
"""

from enum import StrEnum

import msgspec

from spoolmta.errors import ConfigError
from spoolmta.message.envelope import Trace


class Action(StrEnum):
    """The end of an attempt for one recipient.

    SENT        the next hop, mailbox or command has it (final)
    BOUNCED     it will never be delivered (final; the sender is told)
    DEFERRED    not now: tried again after the backoff
    """

    SENT = "sent"
    BOUNCED = "bounced"
    DEFERRED = "deferred"


class Success(StrEnum):
    """How a success is worded in a notice (RFC 3464, 2.3.3)."""

    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The result for recipient *number* (its key in the message).

    *reason* is the public text, logged in parentheses after status=, and read by the sender in a
    notice. *relay* is what the log says ("mx.example[192.0.2.1]:25", "virtual", "none").
    *remote* is the host that spoke the *reply* ("" if no host did), for Remote-MTA and
    Diagnostic-Code. *delays* are the four of Postfix's log line, in seconds: before the queue
    manager, in it, connection set-up, transmission. *tell_success* is how a success notice, if the
    sender asked for one, words it; None if the next hop took over that duty. *address* is the one
    that it speaks of, "" for the recipient's own; *answers* are those that it sums up: they stand
    in the log and the journal in its place. *further* are outcomes of other destinations of the
    recipient, none worse than this one, which the sender hears of, too. *is_softened*: it would be
    final but for soft_bounce.
    """

    number: int
    action: Action
    dsn: str
    reason: str
    relay: str = "none"
    remote: str = ""
    reply: str = ""
    delays: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    connection_use: int = 1
    tell_success: Success | None = Success.DELIVERED
    address: str = ""
    answers: tuple["Answer", ...] = ()
    further: tuple["Outcome", ...] = ()
    is_softened: bool = False

    @property
    def is_final(self) -> bool:
        """True if the recipient needs no further attempt."""
        return self.action is not Action.DEFERRED


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The outcome for one address that a recipient was expanded to, within this attempt.

    *original* is what the log prints as orig_to, "" if the sender is not its owner any more.
    """

    address: str
    original: str
    outcome: Outcome


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """Some recipients of one message that go to one next hop by one transport: an agent's work.

    *recipients* pairs the recipient's number with the address to deliver to, and keeps what the
    agent must hand on or print. *attempted_at* is when the agent claimed it, *granted_at* when the
    scheduler let it go, *arrived_at* when the message came in (seconds). *passes* tells how often
    its recipient was passed on, from transport to transport. With *trace* VERIFY it is not made.
    """

    delivery_id: int
    message_id: int
    queue_id: str
    transport: str
    nexthop: str
    sender: str
    size: int
    encoding: str
    smtputf8: bool
    envid: str
    ret: str
    arrived_at: float
    activated_at: float
    granted_at: float
    attempted_at: float
    recipients: tuple["DeliveryRecipient", ...]
    passes: int = 0
    trace: Trace = Trace.NONE


class DeliveryRecipient(msgspec.Struct, frozen=True, gc=False):
    """One recipient of a Delivery; *address* is the one to deliver to, after resolving."""

    number: int
    address: str
    original: str
    orcpt: str
    notify: int


class Passed(msgspec.Struct, frozen=True, gc=False):
    """A recipient that another transport is to deliver to, in this activation of the message.

    *address* is the one to deliver to: the recipient's, or one that an alias made of it.
    *destination*, by which the scheduler counts, is filled in by the loop around the agent.
    """

    number: int
    address: str
    transport: str
    nexthop: str
    destination: str = ""


class Served(msgspec.Struct, frozen=True, gc=False):
    """A destination of recipient *number* that has the message, while others may have to wait.

    It does not get the message again. *destination* is a name for it within the recipient.
    """

    number: int
    destination: str


def passed_name(address: str) -> str:
    """Return the name of what was passed to another transport, as a destination."""
    return f"passed {address.lower()}"


def pass_to(service: str, nexthop: str, number: int, address: str) -> Passed:
    """Return the passing of a recipient to "transport" or "transport:nexthop".

    *nexthop* is that of the delivery so far: it stays where *service* names none.
    Raises ConfigError: *service* names no transport.
    """
    transport, _, own = service.partition(":")
    if not transport:
        raise ConfigError(f'missing transport name in "{service}"')
    return Passed(number, address, transport, own or nexthop)


def defer(number: int, dsn: str, reason: str, **more: object) -> Outcome:
    """Return a DEFERRED outcome."""
    return Outcome(number, Action.DEFERRED, dsn, reason, **more)  # type: ignore[arg-type]


def bounce(number: int, dsn: str, reason: str, **more: object) -> Outcome:
    """Return a BOUNCED outcome."""
    return Outcome(number, Action.BOUNCED, dsn, reason, **more)  # type: ignore[arg-type]
