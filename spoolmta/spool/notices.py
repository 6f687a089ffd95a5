"""Reports to senders that are to be written: what the bounce stage claims and finishes.

A notice, the report that answers it and the end (or deferral) of its message share one commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from spoolmta.errors import ClaimLost
from spoolmta.spool import events, queues
from spoolmta.spool.connection import Row, Spool, Transaction, numbers, seconds
from spoolmta.spool.queues import NewMessage, State

# What outcome.delay_told may be, beside 0.
DELAY_TOLD = 1
DELAY_END_WANTED = 2


class Kind(StrEnum):
    """What the sender is told of: the failure, delay or success of some recipients.

    TRACE is the report of all recipients that sendmail -bv or -v asked for.
    """

    FAILURE = "failure"
    DELAY = "delay"
    SUCCESS = "success"
    TRACE = "trace"


@dataclass(frozen=True, slots=True)
class Notice:
    """The notices of one message. After them it is gone (retry_at None) or deferred until then."""

    message_id: int
    kinds: tuple[Kind, ...]
    retry_at: float | None


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """A latest outcome of a recipient, as the spool keeps it; *at* is in seconds.

    *part* is 0 for the one that counts, above for those of its further destinations.

    *address* is the one that it speaks of, if it is not the recipient's own. *end_of_delay*: the
    sender was told that it is late, and wants to hear of the end.
    """

    number: int
    action: str
    dsn: str
    reason: str
    relay: str
    remote: str
    reply: str
    success: str
    noticed: bool
    at: float
    address: str = ""
    end_of_delay: bool = False
    part: int = 0


def claim(tx: Transaction, process_id: int, limit: int) -> list[Notice]:
    """Claim up to *limit* messages that have notices."""
    bindings = {"process_id": process_id, "now": tx.now, "limit": limit}
    ids = [row[0] for row in tx.run("claim_notices", bindings)]
    found: dict[int, list[tuple[Kind, float | None]]] = {}
    for message_id, kind, retry_at in tx.run("load_notices", {"ids": numbers(ids)}):
        retry = None if retry_at is None else seconds(retry_at)
        found.setdefault(message_id, []).append((Kind(kind), retry))
    return [
        Notice(message_id, tuple(kind for kind, _ in rows), rows[0][1])
        for message_id, rows in found.items()
    ]


def outcomes(reader: Spool, message_id: int) -> list[RecordedOutcome]:
    """Return the latest outcomes of the recipients of a message, in their order."""
    rows = reader.read("load_outcomes", {"message_id": message_id})
    return [_recorded(row) for row in rows]


def finish(
    tx: Transaction,
    process_id: int,
    notice: Notice,
    told: Sequence[RecordedOutcome],
    reports: Sequence[NewMessage],
    *,
    tell_end_of_delay: bool = False,
) -> None:
    """End the notices of a message: its reports go to maildrop, and it is gone or deferred.

    *told* are the outcomes that need no further report. *tell_end_of_delay*: who is
    told of a delay is to be told of its end.
    Raises ClaimLost: somebody else owns the message; drop the reports.
    """
    queues.release(tx, process_id, [notice.message_id])
    if tx.changes != 1:
        raise ClaimLost(f"process {process_id} lost a notice")
    tx.run("delete_notices", {"message_id": notice.message_id})
    for report in reports:
        queues.enqueue(tx, State.MAILDROP, report)
        events.record(tx, notice.message_id, "noticed", report=report.queue_id)
    if notice.retry_at is None:
        queues.remove(tx, State.ACTIVE, [notice.message_id])
    else:
        tx.run_many("mark_noticed", ((notice.message_id, o.number, o.part) for o in told))
        if Kind.DELAY in notice.kinds:
            value = DELAY_END_WANTED if tell_end_of_delay else DELAY_TOLD
            tx.run("mark_delay_told", {"message_id": notice.message_id, "told": value})
        if Kind.TRACE in notice.kinds:
            tx.run("forget_trace", {"message_id": notice.message_id})
        queues.postpone(tx, notice.message_id, notice.retry_at)


def _recorded(row: Row) -> RecordedOutcome:
    number, part, action, dsn, reason, relay, remote, *rest = row
    reply, success, noticed, at, address, told = rest
    return RecordedOutcome(
        number,
        action,
        dsn,
        reason,
        relay,
        remote,
        reply,
        success,
        bool(noticed),
        seconds(at),
        address,
        told == DELAY_END_WANTED,
        part,
    )
