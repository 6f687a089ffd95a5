"""Finished mail's events move from the spool to a file for each day, so that the spool stays small.

A message's events move together once it is gone, into the file of the day (UTC) on which it ended;
those of no message go by their own day. Copied, synchronized, read back, and only then deleted from
the spool: a process that dies between leaves them in both, and the next one does it again. Who
reads both sees each event once (days.py).

Reads:      event, message      Writes: event, history/*.db
Must not:   be used by two processes at once
"""

import datetime
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import apsw

from spoolmta.errors import SpoolBusy
from spoolmta.spool import days
from spoolmta.spool.connection import Row, Spool, numbers
from spoolmta.spool.statements import statements

# Events that are looked through at once, and that move in one transaction.
_LOOK = 5000
# So often at a time, where nothing has ended: the journal of a deep queue is long.
_LOOKS = 4
_SLICE = 1000
_PAGE_BYTES = 4096
_BUSY_MILLISECONDS = 50
_DAY_MICROS = 86_400_000_000
_EPOCH = datetime.date(1970, 1, 1)


class History:
    """The day files beside a spool, as their only writer."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.folder = spool.path.with_name(days.FOLDER)
        self._looked_up_to = 0
        self.has_more = True
        self._left: list[Row] = []
        self._conflicts = 0

    def move(self) -> int:
        """Move a slice of the events of messages that have ended; return how many.

        Where it is none, there are no more of them if `has_more` is false.

        Raises SpoolBusy: it cannot be written there; all is as it was. Try again later.
        """
        copied = self.copy()
        if not copied:
            return 0
        with self._spool.transaction() as tx:
            tx.run("delete_events", {"ids": numbers(copied)})
        return len(copied)

    def copy(self) -> list[int]:
        """Copy the next slice to its day; return the numbers of what may now be deleted here.

        Raises SpoolBusy: as move.
        """
        if not self._left:
            self._left = self._find()
        some = self._left[:_SLICE]
        try:
            copied = self._write(some) if some else []
        except apsw.BusyError:
            return []  # somebody reads the day just now
        except (apsw.Error, OSError) as error:
            raise SpoolBusy(f"{self.folder}: the history cannot be written: {error}") from error
        self._conflicts += len(some) - len(copied)
        del self._left[:_SLICE]
        return copied

    def take_conflicts(self) -> int:
        """Return how many more events stay here because a day has others of their numbers."""
        conflicts, self._conflicts = self._conflicts, 0
        return conflicts

    def expire(self, before: float, most_bytes: int) -> list[Path]:
        """Delete the days that ended before a time (seconds), then the oldest until the rest fits.

        Of a single day that does not fit, a slice of its oldest events. Return the files that went.
        """
        found = days.paths(self.folder)
        first_kept = _day_name(int(before * 1_000_000))
        gone = [path for path in found if path.name < first_kept]
        kept = found[len(gone) :]
        sizes = {path: path.stat().st_size for path in kept}
        while most_bytes and len(kept) > 1 and sum(sizes[path] for path in kept) > most_bytes:
            gone.append(kept.pop(0))
        for path in gone:
            path.unlink()
        if most_bytes and kept and sizes[kept[0]] > most_bytes:
            self._shorten(kept[0], most_bytes)
        return gone

    def _find(self) -> list[Row]:
        """Look on for ends of messages; return (event id, day file name) of what is to move."""
        self.has_more = True
        for _ in range(_LOOKS):
            look = {"after": self._looked_up_to, "limit": _LOOK}
            ((upto,),) = self._spool.read("end_of_look", look)
            if upto is None:
                self.has_more = False
                return []
            range_ = {"after": self._looked_up_to, "upto": upto}
            ended = {row[0]: row[1] for row in self._spool.read("ended_between", range_)}
            found = list(self._spool.read("events_of_no_message", range_))
            if ended:
                rows = self._spool.read("events_of_messages", {"ids": numbers(ended)})
                found += [(event_id, ended[message_id]) for event_id, message_id in rows]
            self._looked_up_to = upto
            if found:
                return sorted((event_id, _day_name(at)) for event_id, at in found)
        return []

    def _write(self, some: Sequence[Row]) -> list[int]:
        """Write events to their day files; return the numbers of those that are there."""
        # What is in a day file must be in the spool for good: its number may not be given again.
        self._spool.synchronize()
        by_day: dict[str, list[int]] = {}
        for event_id, name in some:
            by_day.setdefault(name, []).append(event_id)
        copied = []
        for name, ids in by_day.items():
            rows = self._spool.read("load_events", {"ids": numbers(ids)})
            with closing(self._open(name)) as day:
                copied += _insert(day, rows)
        return copied

    def _open(self, name: str) -> apsw.Connection:
        path = self.folder / name
        self.folder.mkdir(mode=0o750, exist_ok=True)
        day = apsw.Connection(str(path))
        day.set_busy_timeout(_BUSY_MILLISECONDS)
        if not day.pragma("schema_version"):
            day.pragma("page_size", _PAGE_BYTES)
            day.execute(days.DECLARATION)
        day.pragma("synchronous", "EXTRA")
        return day

    def _shorten(self, path: Path, most_bytes: int) -> None:
        with closing(self._open(path.name)) as day:
            page = day.pragma("page_size")
            if (day.pragma("page_count") - day.pragma("freelist_count")) * page > most_bytes:
                day.execute(statements()["delete_oldest_events"], {"limit": _LOOK})


def continue_numbering(spool: Spool) -> None:
    """Let the spool's next event have a greater number than any in the day files.

    A spool that is new, or was restored, would else give numbers again that history knows.
    """
    _, last = days.bounds(spool.path.with_name(days.FOLDER))
    if not last:
        return
    with spool.transaction() as tx:
        tx.run("skip_to_event", {"last": last, "now": tx.now})


def _insert(day: apsw.Connection, rows: Sequence[Row]) -> list[int]:
    """Copy events, some of which may be there already; return which are there as they should be."""
    with day:
        day.executemany(statements()["copy_event"], rows)
    bindings = {"ids": numbers(row[0] for row in rows)}
    copies = set(day.execute(statements()["load_events"], bindings))
    return [row[0] for row in rows if row in copies]


def _day_name(at: int) -> str:
    return f"{_EPOCH + datetime.timedelta(days=at // _DAY_MICROS)}.db"
