"""What is found out of mail for an address; also the fields of the JSON.

Must not: find out anything
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What becomes of the mail, all of its recipients considered but copies: the worst counts.

    DELIVERABLE    every recipient would get it
    HELD           it is accepted and waits on hold
    DISCARDED      it is accepted and dropped
    UNDELIVERABLE  a recipient would not get it: the sender gets a notice
    REFUSED        the client would be told that the mail is not taken, now or ever
    UNDECIDED      a table or the name service gives no answer, or nothing serves the transport:
                   the mail would wait, the client be told to try again
    """

    DELIVERABLE = "deliverable"
    HELD = "held"
    DISCARDED = "discarded"
    UNDELIVERABLE = "undeliverable"
    REFUSED = "refused"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens, and why.

    *result* is what comes of it; *parameter* of main.cf says so, with *key* and *value* of the
    *table*, if one was asked.
    """

    what: str
    result: str
    parameter: str = ""
    table: str = ""
    key: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why mail is not delivered: an enhanced status code, and the text that the sender reads."""

    dsn: str
    text: str

    @property
    def is_temporary(self) -> bool:
        """True if the mail waits."""
        return self.dsn.startswith("4")


@dataclass(frozen=True, slots=True)
class Node:
    """An address and what it stands for: those that *step*'s value names, none if it is final."""

    address: str
    step: Step | None = None
    expands_to: "tuple[Node, ...]" = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """How mail goes to one destination; 0 means no limit, times are in seconds.

    *destination* is what is counted. *queue_lifetime* is when mail that cannot be delivered is
    returned, *size* the largest message that is taken, *mailbox_size* the size of a full mailbox.
    """

    destination: str
    concurrency: int
    initial_concurrency: int
    recipients: int
    queue_lifetime: float
    minimal_backoff: float
    maximal_backoff: float
    size: int
    mailbox_size: int | None = None
    command_time: float | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """A server that would be tried; *nexthop* is whose it is."""

    nexthop: str
    name: str
    address: str
    port: int
    preference: int


@dataclass(frozen=True, slots=True)
class StandingRule:
    """A standing rule that would bind the mail, until *ends_at* (seconds; None: it is removed)."""

    rule: int
    action: str
    name: str
    ends_at: float | None = None


@dataclass(slots=True)
class Recipient:
    """One recipient of the message as it would lie in the queue.

    *address* is the one to deliver to, "class" its address class, *mailbox* the path or command
    that gets the mail, None if it leaves this machine. *forwarded* are the recipients of the new
    message that an alias or .forward file makes. *steps* begin with what was asked about. What
    becomes of a *copy* (always_bcc and its kin), nobody is told. *rules* would bind it.
    """

    address: str
    address_class: str
    transport: str
    nexthop: str
    mailbox: str | None = None
    mailboxes: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    limits: Limits | None = None
    hosts: list[Host] = field(default_factory=list)
    forwarded: "list[Recipient]" = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    problem: Problem | None = None
    copy: bool = False
    rules: list[StandingRule] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Judgement:
    """A restriction that was asked; *answer* is its word, *lookup* what a table had to do with it.

    *evaluated* False: it was passed over, and why is in *answer*.
    """

    stage: str
    parameter: str
    restriction: str
    answer: str
    lookups: list[Step] = field(default_factory=list)
    evaluated: bool = True


@dataclass(slots=True)
class Admission:
    """What an SMTP server says to RCPT; *reply* is the whole reply.

    *decided_by* is the restriction whose answer it is, None if none refused or permitted. A
    *problem* is a table that gave no answer, or what keeps the server from starting.
    """

    service: str
    client: str
    helo: str
    sender: str
    recipient: str
    reply: str = ""
    accepted: bool = True
    decided_by: Judgement | None = None
    asked: list[Judgement] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    problem: str = ""


@dataclass(slots=True)
class Line:
    """One recipient of the envelope and what it becomes: the asked one, or a copy.

    *why* tells of a copy who wants it. *aliases* is what the rewritten address stands for.
    """

    given: str
    rewritten: str
    steps: list[Step]
    aliases: Node
    why: Step | None = None


@dataclass(slots=True)
class Explanation:
    """The whole answer."""

    asked: str
    sender: str
    rewritten: str
    verdict: Verdict = Verdict.DELIVERABLE
    reason: str = ""
    recipients: list[Recipient] = field(default_factory=list)
    smtp: Admission | None = None
    sender_steps: list[Step] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    cleanup: str = ""
    warnings: list[str] = field(default_factory=list)


def fields(explanation: Explanation) -> dict[str, object]:
    """Return the explanation under the names that programs rely on."""
    return {
        "asked": explanation.asked,
        "sender": explanation.sender,
        "rewritten": explanation.rewritten,
        "verdict": explanation.verdict,
        "reason": explanation.reason,
        "recipients": [_recipient(one) for one in explanation.recipients],
        "smtp": explanation.smtp,
        "sender_steps": explanation.sender_steps,
        "envelope": explanation.lines,
        "warnings": explanation.warnings,
    }


def _recipient(one: Recipient) -> dict[str, object]:
    return {
        "address": one.address,
        "class": one.address_class,
        "transport": one.transport,
        "nexthop": one.nexthop,
        "mailbox": one.mailbox,
        "mailboxes": one.mailboxes,
        "steps": one.steps,
        "limits": one.limits,
        "hosts": one.hosts,
        "forwarded": [_recipient(each) for each in one.forwarded],
        "remarks": one.remarks,
        "problem": one.problem,
        "copy": one.copy,
        "rules": one.rules,
    }
