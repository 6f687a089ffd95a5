"""The six state tables: how a message enters, is claimed, moves on and ends.

A message is in exactly one of them outside a transaction. Whoever claims a message owns it until
it advances or releases it, or until its process is found dead; a mismatch of row counts means
that the claim was lost, and the work is dropped.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from spoolmta.errors import ClaimLost
from spoolmta.message.envelope import Client, Envelope, Notify, Recipient, Trace
from spoolmta.message.outcome import Action, Success
from spoolmta.spool import events
from spoolmta.spool.connection import Reader, Row, Transaction, micros, numbers, seconds
from spoolmta.spool.state import State as State  # known to all by this name

_SMALL_BYTES = 64 * 1024
# How many recipients the event of an arrival names, and each event that goes on with the list.
_FIRST_RECIPIENTS = 50
_MORE_RECIPIENTS = 500
_ALL = -1  # as a limit


class NewMessage(msgspec.Struct, frozen=True):
    """A message to be enqueued.

    *pieces* are those of its content that have not been uploaded: the first is piece 0, the others
    follow the *uploaded* ones, which are pieces 1, 2, ... *uploaded*. *header_id* is the value of
    its Message-ID header, for the journal alone.
    """

    message_id: int
    queue_id: str
    envelope: Envelope
    size: int
    pieces: tuple[bytes, ...]
    arrived_at: float
    uploaded: int = 0
    header_id: str = ""

    @property
    def is_small(self) -> bool:
        """True if it is enqueued in no time."""
        return self.size <= _SMALL_BYTES and not self.uploaded


class QueuedMessage(msgspec.Struct, frozen=True):
    """A message of the spool, without content. Times are seconds.

    *numbers* are those of the envelope's recipients, in their order: some may be missing, of
    recipients that were dropped, or had the mail before it was requeued.
    """

    message_id: int
    queue_id: str
    envelope: Envelope
    size: int
    arrived_at: float
    created_at: float
    numbers: tuple[int, ...]

    @property
    def numbered(self) -> dict[int, Recipient]:
        """The recipients by number."""
        return dict(zip(self.numbers, self.envelope.recipients, strict=True))


class Unanswered(NamedTuple):
    """A claimed message and its recipients that have no final answer yet, as (number, address)."""

    message_id: int
    queue_id: str
    sender: str
    size: int
    recipients: tuple[tuple[int, str], ...]


def enqueue(tx: Transaction, state: State | str, message: NewMessage, *, reason: str = "") -> None:
    """Insert a message with its recipients and content into maildrop, incoming or hold."""
    _insert(tx, message, created_at=message.arrived_at)
    _enter(tx, State(state), message.message_id, reason)
    envelope = message.envelope
    tell_arrival(
        tx,
        "accepted",
        message,
        reason,
        queue_id=message.queue_id,
        state=str(state),
        origin=envelope.origin,
        sender=envelope.sender,
        client=envelope.client.address,
        helo=envelope.client.helo,
        sasl_username=envelope.client.sasl_username,
    )


def replace(
    tx: Transaction, state: State | str, message: NewMessage, process_id: int, *, reason: str = ""
) -> None:
    """Advance a claimed maildrop message to *state* with new envelope and content, same id.

    Its pieces 1, 2, ... *uploaded* stay as they are; all others are replaced.
    Raises ClaimLost: somebody else owns the message; drop the work.
    """
    ids = [message.message_id]
    _give_up_claims(tx, process_id, ids)
    _leave(tx, State.MAILDROP, ids)
    tx.run("delete_other_pieces", {"id": message.message_id, "kept": message.uploaded})
    tx.run("delete_messages", {"ids": numbers(ids)})
    tx.run("delete_recipients", {"ids": numbers(ids)})
    _insert(tx, message, created_at=tx.now / 1_000_000)
    _enter(tx, State(state), message.message_id, reason)
    sender = message.envelope.sender
    tell_arrival(tx, "cleaned", message, reason, state=str(state), sender=sender)


def claim(tx: Transaction, state: State | str, process_id: int, limit: int) -> list[int]:
    """Claim up to *limit* messages of maildrop, incoming or (those due) deferred.

    One that a process has died with is claimed alone, so that it takes no others along.
    """
    bindings = {"process_id": process_id, "now": tx.now, "limit": limit}
    ids = [row[0] for row in tx.run(f"claim_{state}", bindings)]
    suspects = [row[0] for row in tx.run("crashed_before", {"ids": numbers(ids)})] if ids else []
    if not suspects:
        return ids
    release(tx, process_id, [message_id for message_id in ids if message_id != suspects[0]])
    return suspects[:1]


def has_suspects(tx: Transaction) -> bool:
    """Return whether a process has died with any message that is in the spool."""
    return bool(tx.run("any_crash"))


def release(tx: Transaction, process_id: int, message_ids: Sequence[int]) -> None:
    """Give claimed messages back to their table, unchanged."""
    tx.run("release_claims", {"process_id": process_id, "ids": numbers(message_ids)})


def release_all(tx: Transaction, process_id: int) -> None:
    """Give back every message that the process has claimed."""
    tx.run("release_all_claims", {"process_id": process_id})


def load(reader: Reader, message_ids: Sequence[int]) -> list[QueuedMessage]:
    """Return the messages that exist, with all their recipients, in the order of their ids."""
    bindings = {"ids": numbers(message_ids)}
    recipients: dict[int, dict[int, Recipient]] = {}
    for message_id, number, address, original, orcpt, notify in reader.read(
        "load_recipients", bindings
    ):
        recipients.setdefault(message_id, {})[number] = Recipient(
            address, original, orcpt, Notify(notify)
        )
    rows = reader.read("load_messages", {"ids": numbers(message_ids)})
    return [_queued(row, recipients.get(row[0], {})) for row in sorted(rows)]


def load_unanswered(
    reader: Reader, message_ids: Sequence[int], limit: int = _ALL
) -> list[Unanswered]:
    """Return what is to be routed of claimed messages, in the order of their ids.

    Of all together only the first *limit* recipients.
    """
    recipients: dict[int, list[tuple[int, str]]] = {}
    bindings = {"ids": numbers(message_ids), "limit": limit}
    for message_id, number, address in reader.read("load_unanswered", bindings):
        recipients.setdefault(message_id, []).append((number, address))
    rows = reader.read("load_senders", {"ids": numbers(message_ids)})
    return [
        Unanswered(message_id, queue_id, sender, size, tuple(recipients.get(message_id, ())))
        for message_id, queue_id, sender, size in sorted(rows)
    ]


def activate(
    tx: Transaction, process_id: int, incoming: Sequence[int], deferred: Sequence[int]
) -> None:
    """Advance claimed messages of incoming and deferred to active.

    Raises ClaimLost: somebody else owns one of them; release and drop the work.
    """
    message_ids = [*incoming, *deferred]
    _give_up_claims(tx, process_id, message_ids)
    if incoming:
        _leave(tx, State.INCOMING, incoming)
    asked = set()
    if deferred:
        asked = {row[0] for row in tx.run("asked_messages", {"ids": numbers(deferred)})}
        _leave(tx, State.DEFERRED, deferred)
    now = tx.now
    tx.run_many(
        "enter_active", ((message_id, now, message_id in asked) for message_id in message_ids)
    )


def postpone(tx: Transaction, message_id: int, retry_at: float) -> None:
    """Move an active message to deferred, until *retry_at* (seconds).

    Raises ClaimLost: the message is not active any more.
    """
    _leave(tx, State.ACTIVE, [message_id])
    tx.run("enter_deferred", (message_id, tx.now, micros(retry_at)))
    events.record(tx, message_id, "postponed", retry_at=retry_at)


def hold(
    tx: Transaction, source: State | str, message_id: int, process_id: int, reason: str
) -> None:
    """Move a claimed message to hold.

    Raises ClaimLost: somebody else owns the message; drop the work.
    """
    _give_up_claims(tx, process_id, [message_id])
    _leave(tx, State(source), [message_id])
    tx.run("enter_hold", (message_id, tx.now, reason))
    events.record(tx, message_id, "held", reason=reason)


def park(
    tx: Transaction,
    source: State | str,
    message_ids: Sequence[int],
    process_id: int,
    retry_at: float,
    **told: object,
) -> None:
    """Move claimed messages to deferred, untried, until *retry_at* (seconds).

    Raises ClaimLost: somebody else owns one of them; drop the work.
    """
    _give_up_claims(tx, process_id, message_ids)
    _leave(tx, State(source), message_ids)
    now = tx.now
    tx.run_many("enter_deferred", ((one, now, micros(retry_at)) for one in message_ids))
    events.record_each(tx, message_ids, "postponed", retry_at=retry_at, **told)


def corrupt(
    tx: Transaction, source: State | str, message_id: int, process_id: int, reason: str
) -> None:
    """Move a claimed message that cannot be understood to corrupt, with the reason.

    Raises ClaimLost: somebody else owns the message; drop the work.
    """
    _give_up_claims(tx, process_id, [message_id])
    _leave(tx, State(source), [message_id])
    tx.run("enter_corrupt", (message_id, tx.now, reason))
    events.record(tx, message_id, "corrupted", reason=reason)


def remove(tx: Transaction, state: State | str, message_ids: Sequence[int]) -> None:
    """End messages of *state*: nothing but their history is left.

    Raises ClaimLost: one of them is not in that state any more.
    """
    _leave(tx, State(state), message_ids)
    erase(tx, message_ids)
    events.record_many(tx, ((message_id, "removed", "", "{}") for message_id in message_ids))


def erase(tx: Transaction, message_ids: Sequence[int]) -> None:
    """Delete what a message consists of, save its row in a state table."""
    for statement in (
        "delete_messages",
        "delete_recipients",
        "delete_contents",
        "delete_outcomes",
        "delete_crashes",
        "delete_forced_expiries",
    ):
        tx.run(statement, {"ids": numbers(message_ids)})


def measure_incoming(reader: Reader, most: int) -> tuple[int, int]:
    """Return how many messages are in incoming, as far as *most*, and the id of the oldest or 0."""
    ((count, oldest),) = reader.read("measure_incoming", {"most": most})
    return count, oldest or 0


def next_retry(reader: Reader) -> float | None:
    """Return when the first deferred message is due, in seconds; None if there is none."""
    value = reader.read("next_retry")[0][0]
    return None if value is None else seconds(value)


def count_active(reader: Reader) -> int:
    """Return how many messages are active."""
    return int(reader.read("count_active")[0][0])


def _insert(tx: Transaction, message: NewMessage, *, created_at: float) -> None:
    message_id, envelope = message.message_id, message.envelope
    tx.run("insert_message", _message_row(message, created_at))
    tx.run_many("insert_recipient", _recipient_rows(message_id, envelope.recipients))
    tx.run_many("put_outcome", _expansion_rows(tx, message_id, envelope.recipients))
    first, *others = message.pieces
    tx.run("insert_content", (message_id, 0, first))
    if others:
        start = message.uploaded + 1
        tx.run_many(
            "insert_content",
            ((message_id, start + offset, piece) for offset, piece in enumerate(others)),
        )
    if message.uploaded:
        tx.run("delete_upload", (message_id,))


def tell_arrival(
    tx: Transaction, kind: str, message: NewMessage, reason: str, **values: object
) -> None:
    """Write that a message is there, and whom it is for; *reason* says why it is held if it is.

    Where there are very many recipients, events of their own name the others, some in each.
    """
    recipients = message.envelope.recipients
    addresses = [recipient.address for recipient in recipients]
    said: dict[str, object] = {
        **values,
        "size": message.size,
        "header_id": message.header_id,
        "recipients": addresses[:_FIRST_RECIPIENTS],
        "recipient_count": len(addresses),
    }
    if expanded := [number for number, r in enumerate(recipients) if r.was_expanded]:
        said["expanded"] = expanded
    if reason:
        said["reason"] = reason
    told = [(message.message_id, kind, "", events.detail(**said))]
    for first in range(_FIRST_RECIPIENTS, len(addresses), _MORE_RECIPIENTS):
        more = events.detail(first=first, recipients=addresses[first : first + _MORE_RECIPIENTS])
        told.append((message.message_id, "addressed", "", more))
    events.record_many(tx, told)


def _message_row(message: NewMessage, created_at: float) -> Row:
    envelope, client = message.envelope, message.envelope.client
    return (
        message.message_id,
        message.queue_id,
        envelope.origin,
        envelope.sender,
        message.size,
        micros(message.arrived_at),
        micros(created_at),
        envelope.envid,
        envelope.ret,
        envelope.encoding,
        int(envelope.smtputf8),
        envelope.uid,
        envelope.full_name,
        client.name,
        client.reverse_name,
        client.address,
        client.port,
        client.helo,
        client.protocol,
        client.sasl_method,
        client.sasl_username,
        client.sasl_sender,
        envelope.trace,
    )


def _recipient_rows(message_id: int, recipients: Iterable[Recipient]) -> Iterable[Row]:
    return (
        (message_id, number, r.address, r.original or r.address, r.orcpt, int(r.notify))
        for number, r in enumerate(recipients)
    )


def _expansion_rows(
    tx: Transaction, message_id: int, recipients: Iterable[Recipient]
) -> Iterable[Row]:
    """Return the answers for aliases whose members are recipients of their own."""
    answer = (Action.SENT, "2.0.0", "alias expanded", "none", "", "", Success.EXPANDED, "")
    return (
        (message_id, number, 0, *answer, tx.now)
        for number, recipient in enumerate(recipients)
        if recipient.was_expanded
    )


def _enter(tx: Transaction, state: State, message_id: int, reason: str) -> None:
    if state is State.HOLD:
        tx.run("enter_hold", (message_id, tx.now, reason))
    else:
        tx.run(f"enter_{state}", (message_id, tx.now))


def _leave(tx: Transaction, state: State, message_ids: Sequence[int]) -> None:
    tx.run(f"leave_{state}", {"ids": numbers(message_ids)})
    if tx.changes != len(message_ids):
        raise ClaimLost(f"{len(message_ids)} messages should be in {state}, {tx.changes} were")


def _give_up_claims(tx: Transaction, process_id: int, message_ids: Sequence[int]) -> None:
    release(tx, process_id, message_ids)
    if tx.changes != len(message_ids):
        raise ClaimLost(f"process {process_id} lost a claim")


def _queued(row: Row, recipients: Mapping[int, Recipient]) -> QueuedMessage:
    message_id, queue_id, origin, sender, size, arrived_at, created_at = row[:7]
    envid, ret, encoding, smtputf8, uid, full_name, trace = row[7:14]
    envelope = Envelope(
        sender=sender,
        recipients=tuple(recipients.values()),
        origin=origin,
        client=Client(*row[14:]),
        uid=uid,
        envid=envid,
        ret=ret,
        encoding=encoding,
        smtputf8=bool(smtputf8),
        full_name=full_name,
        trace=Trace(trace),
    )
    return QueuedMessage(
        message_id,
        queue_id,
        envelope,
        size,
        seconds(arrived_at),
        seconds(created_at),
        tuple(recipients),
    )
