"""The journal backwards, slice after slice, and the attempts of processes that have died.

No read is held open: a long look back keeps the write-ahead log from starting afresh no longer
than one slice takes.

Must not: change anything
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from spoolmta.spool import liveness
from spoolmta.spool.connection import Spool, seconds
from spoolmta.spool.questions.inspect import Event

_WINDOW = 20_000


class Unfinished(NamedTuple):
    """A recipient of an attempt whose process died; *started_at* in seconds."""

    message_id: int
    queue_id: str
    recipient: str
    transport: str
    nexthop: str
    started_at: float
    service: str
    pid: int


def backwards(
    reader: Spool, kinds: Sequence[str], *, since: float = 0.0
) -> Iterator[tuple[int, list[Event]]]:
    """Yield (events looked at, those of *kinds*), the latest first, back to *since* (seconds)."""
    reader.attach_history()
    high = int(reader.read("last_event")[0][0] or 0)
    wanted = msgspec.json.encode(list(kinds)).decode()
    while high > 0:
        low = max(0, high - _WINDOW)
        bindings = {"low": low, "high": high, "kinds": wanted}
        events = [_event(row) for row in reader.read("events_back", bindings)]
        yield high - low, [event for event in events if event.at >= since]
        ((latest,),) = reader.read("latest_time", {"low": low, "high": high})
        if latest is not None and seconds(latest) < since:
            return
        high = low


def with_header_id(reader: Spool, header_id: str) -> Iterator[tuple[int, list[int]]]:
    """Yield (events looked at, messages that came with that Message-ID), the latest first."""
    reader.attach_history()
    high = int(reader.read("last_event")[0][0] or 0)
    told = f'"header_id":{msgspec.json.encode(header_id).decode()}'
    while high > 0:
        low = max(0, high - _WINDOW)
        rows = reader.read("messages_with_header_id", {"low": low, "high": high, "told": told})
        yield high - low, [row[0] for row in rows]
        high = low


def attempts_of_the_dead(reader: Spool) -> list[Unfinished]:
    """Return whom attempts are for whose process is dead, and which nobody has cleared yet."""
    living = liveness.living(reader)
    return [
        Unfinished(*rest)._replace(started_at=seconds(rest[5]))
        for process_id, *rest in reader.read("attempts_of_the_dead")
        if process_id not in living
    ]


def _event(row: tuple[int, int, int, str, str, str]) -> Event:
    event_id, at, message_id, kind, recipient, detail = row
    return Event(event_id, seconds(at), message_id, kind, recipient, msgspec.json.decode(detail))
