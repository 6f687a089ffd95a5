"""Figures for a screen that is drawn again and again: rates, ages by destination, reasons.

The queue is looked through in pages, spread over it so that a part of it is a fair sample of the
whole; how much at a time is the caller's. No read stays open.

Must not: change anything; read more than it is told to at a time
"""

from collections.abc import Iterator
from typing import NamedTuple

from spoolmta.spool.connection import Spool, micros, seconds

_RECENT = 20_000
_PAGE = 2000
_STRATA_BITS = 6
_MOST_DEAD = 20_000


class Rates(NamedTuple):
    """How often each kind of event happened in the last *span* seconds."""

    span: float
    counts: dict[str, int]


class Aged(NamedTuple):
    """A recipient that waits; *arrived_at* in seconds, the answer empty if it was not tried."""

    arrived_at: float
    address: str
    dsn: str
    reason: str
    queue_id: str = ""


class Look(NamedTuple):
    """What one page has; *part* of the whole has been looked through with it."""

    recipients: list[Aged]
    part: float


def rates(reader: Spool, span: float) -> Rates:
    """Return what happened in the last *span* seconds; less far back if that was very much."""
    reader.attach_history()
    now = reader.clock.now()
    last = int(reader.read("last_event")[0][0] or 0)
    bindings = {"after": last - _RECENT, "since": micros(now - span)}
    rows = reader.read("recent_events", bindings)
    counts = {kind: count for kind, count, _ in rows}
    if sum(counts.values()) >= _RECENT:
        span = max(0.001, now - seconds(min(first for _, _, first in rows)))
    return Rates(span, counts)


def look_through(reader: Spool) -> Iterator[Look]:
    """Yield all that waits, page by page, from many places of the queue in turns."""
    ((lowest, highest),) = reader.read("bounds_of_messages")
    if lowest is None:
        return
    strata = 1 << _STRATA_BITS
    width = (highest - lowest) // strata + 1
    for done, stratum in enumerate(_spread(_STRATA_BITS)):
        first = lowest + stratum * width
        last = first + width - 1
        while True:
            range_ = {"first": first, "last": last, "limit": _PAGE}
            ((end,),) = reader.read("end_of_range", range_)
            if end is None:
                break
            rows = reader.read("ages_between", {"first": first, "last": end})
            first = end + 1
            part = (done + min(1.0, (first - lowest - stratum * width) / width)) / strata
            yield Look(
                [
                    Aged(seconds(arrived), address, dsn or "", reason or "", queue_id)
                    for arrived, address, dsn, reason, queue_id in rows
                ],
                part,
            )


def busy(reader: Spool) -> dict[str, int]:
    """Return how many deliveries are let go or under way, by destination."""
    return dict(reader.read("busy_destinations"))


def dead(reader: Spool) -> dict[str, float]:
    """Return until when destinations are not tried (seconds)."""
    bindings = {"now": micros(reader.clock.now()), "limit": _MOST_DEAD}
    return {name: seconds(until) for name, until in reader.read("dead_destinations", bindings)}


def _spread(bits: int) -> list[int]:
    """Return the numbers of so many bits, so that the first ones are spread over all of them."""
    return [int(f"{number:0{bits}b}"[::-1], 2) for number in range(1 << bits)]
