"""The journal backwards, slice after slice, and the attempts of processes that have died.

No read is held open: a long look back keeps the write-ahead log from starting afresh no longer
than one slice takes.

Must not: change anything
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from spoolmta.spool import liveness
from spoolmta.spool.connection import Row, Spool, seconds
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
    wanted = {"kinds": msgspec.json.encode(list(kinds)).decode()}
    for seen, rows in slices(reader, "events_back", wanted, since=since):
        events = [_event(row) for row in rows]
        yield seen, [event for event in events if event.at >= since]


def flow(
    reader: Spool, domain: str, *, since: float
) -> Iterator[tuple[int, list[tuple[str, float, int]]]]:
    """Yield (events looked at, those that speak of recipients in a domain), as `backwards`.

    Each as (kind, at in seconds, recipients of it): sent, deferred, or accepted.
    """
    for seen, rows in slices(reader, "flow_back", {"ending": f"@{domain}"}, since=since):
        yield seen, [(kind, seconds(at), count) for kind, at, count in rows]


def with_header_id(reader: Spool, header_id: str) -> Iterator[tuple[int, list[int]]]:
    """Yield (events looked at, messages that came with that Message-ID), the latest first."""
    told = {"told": f'"header_id":{msgspec.json.encode(header_id).decode()}'}
    for seen, rows in slices(reader, "messages_with_header_id", told):
        yield seen, [row[0] for row in rows]


def attempts_of_the_dead(reader: Spool) -> list[Unfinished]:
    """Return whom attempts are for whose process is dead, and which nobody has cleared yet."""
    living = liveness.living(reader)
    return [
        Unfinished(*rest)._replace(started_at=seconds(rest[5]))
        for process_id, *rest in reader.read("attempts_of_the_dead")
        if process_id not in living
    ]


def slices(
    reader: Spool, statement: str, bindings: Mapping[str, object], *, since: float = 0.0
) -> Iterator[tuple[int, list[Row]]]:
    """Yield (events looked at, rows of a statement), a slice of the journal each, latest first.

    The last slice has events from before *since* (seconds), too.
    """
    reader.attach_history()
    high = int(reader.read("last_event")[0][0] or 0)
    while high > 0:
        low = max(0, high - _WINDOW)
        yield high - low, reader.read(statement, {"low": low, "high": high, **bindings})
        ((latest,),) = reader.read("latest_time", {"low": low, "high": high})
        if latest is not None and seconds(latest) < since:
            return
        high = low


def _event(row: Row) -> Event:
    event_id, at, message_id, kind, recipient, detail = row
    return Event(event_id, seconds(at), message_id, kind, recipient, msgspec.json.decode(detail))
