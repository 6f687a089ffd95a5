"""What an operator asks of the spool: states, listings, one message, its history.

Every read is a bounded one, page after page in the order of the ids: a listing of a large queue
never holds one read open, and what moves meanwhile may be seen twice or not at all.

Must not: change anything; import what makes a question slow to start
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from spoolmta.message.queue_id import parse_queue_id
from spoolmta.spool.connection import Row, Spool, numbers, seconds
from spoolmta.spool.state import State

PAGE = 500

_EVENT_WINDOW = 20_000
_MOST_DELIVERIES = 1000
# A message may have very many recipients, all of which are read at once.
_RECIPIENTS_PAGE = 50


class StateSummary(NamedTuple):
    """A state table: how many messages, and when the oldest of them arrived (seconds)."""

    state: str
    messages: int
    oldest_at: float | None


class Entry(NamedTuple):
    """A message as one line of a listing. Times are seconds; *waiting* recipients have no end."""

    message_id: int
    queue_id: str
    state: str
    sender: str
    size: int
    arrived_at: float
    next_try_at: float | None
    first_recipient: str
    recipients: int
    waiting: int
    reason: str


class RecipientAnswer(NamedTuple):
    """A recipient of a message and the latest answer for it ("waiting" if there is none yet)."""

    number: int
    address: str
    original: str
    orcpt: str
    notify: int
    answer: str
    dsn: str
    reason: str
    relay: str
    answered_at: float | None


class PresentDelivery(NamedTuple):
    """Where some recipients of an active message are on their way to; *pid* of the agent."""

    transport: str
    nexthop: str
    stage: str
    since_at: float
    recipients: int
    pid: int | None


class Claimer(NamedTuple):
    """The process that works on a message now, and since when (seconds)."""

    service: str
    pid: int
    since_at: float


class Event(NamedTuple):
    """One entry of the journal; *at* in seconds."""

    event_id: int
    at: float
    message_id: int
    kind: str
    recipient: str
    detail: dict[str, object]


class Worker(NamedTuple):
    """A process that works on the spool, and how many rows it holds."""

    service: str
    pid: int
    started_at: float
    claims: int
    attempts: int
    uploads: int


class QueuedRecipient(NamedTuple):
    """A recipient that has no final answer yet; *is_clean*: cleanup has rewritten it."""

    queue_id: str
    sender: str
    address: str
    is_clean: bool


def states(reader: Spool) -> list[StateSummary]:
    """Return all six states, in the order in which a message passes them."""
    return [StateSummary(*row) for row in reader.read("read_states")]


def places(reader: Spool, message_ids: Sequence[int]) -> dict[int, str]:
    """Return the states of those messages that are in the spool."""
    ids = sorted(set(message_ids))
    return dict(reader.read("states_of_messages", {"ids": numbers(ids)}))


def queue_ids(reader: Spool, message_ids: Sequence[int]) -> dict[int, str]:
    """Return the queue ids of those messages that are in the spool, in the order that is given."""
    names = {row[0]: row[1] for row in reader.read("load_listed", {"ids": numbers(message_ids)})}
    return {message_id: names[message_id] for message_id in message_ids if message_id in names}


def pages(reader: Spool, states: Sequence[State]) -> Iterator[list[int]]:
    """Yield the ids of all messages of *states*, page by page, oldest first in each state."""
    for state in states:
        after = 0
        while ids := page(reader, state, after, PAGE):
            after = ids[-1]
            yield ids


def page(reader: Spool, state: State, after: int, limit: int) -> list[int]:
    """Return the next ids of *state* after an id, oldest first."""
    rows = reader.read(f"page_{state}", {"after": after, "limit": limit})
    return [row[0] for row in rows]


def entries(reader: Spool, message_ids: Sequence[int]) -> list[Entry]:
    """Return those of *message_ids* that are in the spool now, in the order of their ids."""
    return [
        _entry(row) for row in reader.read("load_entries", {"ids": numbers(message_ids)}) if row[2]
    ]


def find(reader: Spool, queue_id: str) -> Entry | None:
    """Return the message with a queue id, in either form; None if it is not in the spool."""
    message_id = parse_queue_id(queue_id)
    if message_id is None:
        return None
    found = entries(reader, [message_id])
    return found[0] if found else None


def recipients(reader: Spool, message_id: int) -> Iterator[RecipientAnswer]:
    """Yield the recipients of a message with their answers."""
    after = -1
    bindings = {"message_id": message_id, "limit": PAGE}
    while rows := reader.read("load_recipients_of_message", {**bindings, "after": after}):
        after = rows[-1][0]
        yield from (_answer(row) for row in rows)


def waiting_recipients(reader: Spool) -> Iterator[QueuedRecipient]:
    """Yield the recipients of all messages, whatever their state, that have no final answer."""
    from spoolmta.spool import queues

    for state in State:
        after = 0
        while ids := page(reader, state, after, _RECIPIENTS_PAGE):
            after = ids[-1]
            for message in queues.load_unanswered(reader, ids):
                for _, address in message.recipients:
                    yield QueuedRecipient(
                        message.queue_id, message.sender, address, state is not State.MAILDROP
                    )


def deliveries(reader: Spool, message_id: int) -> list[PresentDelivery]:
    """Return the deliveries of an active message."""
    bindings = {"message_id": message_id, "limit": _MOST_DELIVERIES}
    return [PresentDelivery(*row) for row in reader.read("load_deliveries_of_message", bindings)]


def claimer(reader: Spool, message_id: int) -> Claimer | None:
    """Return who works on a message now; None if nobody does."""
    for service, pid, claimed_at in reader.read("load_claimer", {"message_id": message_id}):
        return Claimer(service or "a process that is gone", pid or 0, seconds(claimed_at))
    return None


def events(reader: Spool, message_id: int) -> Iterator[Event]:
    """Yield the journal of one message, oldest first, also after it is gone."""
    after = 0
    bindings = {"message_id": message_id, "limit": PAGE}
    while rows := reader.read("load_events_of_message", {**bindings, "after": after}):
        after = rows[-1][0]
        yield from (_event(row) for row in rows)


def search_journal(reader: Spool, address: str) -> Iterator[tuple[int, list[int]]]:
    """Yield (events looked at, ids of messages from or for *address*), newest first.

    An id may come several times.
    """
    high = int(reader.read("highest_event")[0][0] or 0)
    address = _lower(address)
    bindings = {"address": address, "quoted": json.dumps(address, ensure_ascii=False)}
    while high > 0:
        low = max(0, high - _EVENT_WINDOW)
        rows = reader.read("events_of_address", {**bindings, "low": low, "high": high})
        yield high - low, [row[0] for row in rows]
        high = low


def faults(reader: Spool) -> list[str]:
    """Return what is wrong with the spool as a whole: the file, and messages in no state."""
    damaged = [f"damaged spool: {text}" for (text,) in reader.read("quick_check") if text != "ok"]
    lost = [f"{queue_id}: in no queue" for (queue_id,) in reader.read("messages_nowhere")]
    return damaged + lost


def rules_in_force(spool: Spool) -> int:
    """Return how many standing rules are in force."""
    return int(spool.read("generation_of_rules")[0][1])


def processes(reader: Spool) -> list[Worker]:
    """Return the processes that work on the spool, by their numbers."""
    return [
        Worker(service, pid, seconds(started_at), *held)
        for service, pid, started_at, *held in reader.read("read_processes")
    ]


def _lower(text: str) -> str:
    """Fold case as SQLite's lower() does, ASCII alone; bytes that are no UTF-8 fit nothing."""
    folded = text.encode("utf-8", "surrogateescape").lower()
    return folded.decode("utf-8", "replace")


def _entry(row: Row) -> Entry:
    message_id, queue_id, state, sender, size, arrived_at, retry_at, first, total, ended, why = row
    return Entry(
        message_id,
        queue_id,
        state,
        sender,
        size,
        seconds(arrived_at),
        _seconds(retry_at),
        first or "",
        total,
        total - ended,
        why,
    )


def _answer(row: Row) -> RecipientAnswer:
    number, address, original, orcpt, notify, answer, dsn, reason, relay, at = row
    return RecipientAnswer(
        number, address, original, orcpt, notify, answer, dsn, reason, relay, _seconds(at)
    )


def _event(row: Row) -> Event:
    event_id, at, message_id, kind, recipient, detail = row
    return Event(event_id, seconds(at), message_id, kind, recipient, json.loads(detail))


def _seconds(at: int | None) -> float | None:
    return None if at is None else seconds(at)
