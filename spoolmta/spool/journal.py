"""The whole journal in its order, those of the day files included, page by page from a cursor.

An event's number is the cursor behind it. Numbers grow in the order of commits, so that what is
read after a cursor is exactly what came later, wherever the keeper has moved it meanwhile.

Must not: change anything
"""

from typing import NamedTuple

from spoolmta.spool import days
from spoolmta.spool.connection import Row, Spool, micros, seconds

PAGE = 1000
# How many numbers are looked through at once; more while none of them is there any more.
_WINDOW = 2000
_WIDEST_WINDOW = 1 << 40


class Told(NamedTuple):
    """An event; *at* is in seconds, *detail* the text of a JSON object."""

    event_id: int
    at: float
    message_id: int
    queue_id: str
    kind: str
    recipient: str
    detail: str


def page(spool: Spool, after: int, since: float = 0.0) -> tuple[list[Told], int]:
    """Return the next events after the number *after* that are not older than *since* (seconds).

    With them the cursor to go on from. It is *after* if there are no more by now.
    """
    window = _WINDOW
    last = last_number(spool)
    while after < last:
        upto = min(after + window, last)
        rows = _rows(spool, {"after": after, "upto": upto, "since": micros(since), "limit": PAGE})
        told = [Told(row[0], seconds(row[1]), *row[2:]) for row in rows]
        after = told[-1].event_id if len(told) == PAGE else upto
        if told:
            return told, after
        window = min(2 * window, _WIDEST_WINDOW)
    return [], after


def last_number(spool: Spool) -> int:
    """Return the number of the latest event, 0 if there is none: it is always in the spool."""
    ((last,),) = spool.read("last_event")
    return int(last or 0)


def first_number(spool: Spool) -> int:
    """Return the number of the oldest event that is known still, 0 if there is none."""
    first, _ = days.bounds(spool.path.with_name(days.FOLDER))
    ((here,),) = spool.read("first_event")
    return min((number for number in (first, here) if number), default=0)


def _rows(spool: Spool, bindings: dict[str, int]) -> list[Row]:
    """Return a page, read again if a day file came or went meanwhile."""
    while True:
        spool.attach_history()
        rows = spool.read("page_of_journal", bindings)
        if not spool.attach_history():
            return rows
