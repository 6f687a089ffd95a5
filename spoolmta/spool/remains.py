"""What a spool and its day files still tell, also where they are damaged: read only, row by row.

What cannot be read is noted and passed over; the rest is told all the same. What lies before the
damage is found, and what lies behind it, too, as long as SQLite finds a way there.

Must not: change anything; take "could not be read" for "is not there"
"""

import contextlib
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import apsw

from spoolmta.errors import SpoolUnusable
from spoolmta.spool import days, schema
from spoolmta.spool.connection import Row
from spoolmta.spool.filesystem import read_only_uri
from spoolmta.spool.state import State

T = TypeVar("T")

_UNREADABLE = (apsw.Error, OSError, SpoolUnusable, UnicodeDecodeError)
_EVENTS = (
    "SELECT event_id, message_id, kind, recipient, detail FROM event WHERE event_id > ?"
    " ORDER BY event_id"
)
# Of mail that came in, or went, since.
_ENDS = """
SELECT event_id, at, message_id, kind, recipient, detail FROM event
 WHERE event_id > ?1
   AND message_id IN (SELECT message_id FROM event
                       WHERE event_id > ?1 AND kind IN ('removed', 'deleted', 'emptied'))
 ORDER BY event_id
"""
_OUTCOMES = """
SELECT outcome.*, recipient.address FROM outcome JOIN recipient USING (message_id, number)
 WHERE outcome.message_id = ? ORDER BY number, part
"""


class Told(NamedTuple):
    """An event; *detail* is the text of a JSON object."""

    event_id: int
    message_id: int
    kind: str
    recipient: str
    detail: str


class Copy(NamedTuple):
    """A message as its tables have it. *place* is its state and what is in its row there."""

    message: Row
    recipients: list[Row]
    contents: list[Row]
    outcomes: list[Row]
    place: tuple[State, Row]


class Remains:
    """A spool that is read as far as it goes; `damage` says where that was not possible."""

    def __init__(self, path: Path) -> None:
        """Open what can be opened. *path* is that of the spool, which may be gone."""
        self._path = path
        self.damage: list[str] = []
        self._connection: apsw.Connection | None = None
        if path.exists():
            self._try(path, self._open)

    def close(self) -> None:
        """Let the file go."""
        if self._connection is not None:
            self._connection.close()

    def events(self, after: int, day: str, ids: Collection[int]) -> list[Told]:
        """Return the events behind the number *after* of some messages, in their order.

        They stand in the spool, and in the day files from *day* ("2026-11-30") on.
        """
        found: dict[int, Told] = {}
        if self._connection is not None:
            self._read_events(self._path, self._connection, after, ids, found)
        for path in days.paths(self._path.with_name(days.FOLDER)):
            if path.name[: len(day)] < day:
                continue
            file = self._try(path, partial(days.open_read_only, path))
            if file is not None:
                with contextlib.closing(file):
                    self._read_events(path, file, after, ids, found)
        return [found[number] for number in sorted(found)]

    def ends(self, after: int, ids: Collection[int]) -> list[Row]:
        """Return the rows of events behind *after* of mail that has ended, but of that with *ids*.

        Those that stand in the day files already are none of them.
        """
        return [row for row in self._rows(_ENDS, (after,)) or [] if row[2] not in ids]

    def last_event(self) -> int:
        """Return the greatest number of an event, 0 if there is none that can be read."""
        rows = self._rows("SELECT max(event_id) FROM event")
        return int(rows[0][0] or 0) if rows else 0

    def place(self, message_id: int) -> str | None:
        """Return the state of a message, "trash", or "" if it is not there; None: not readable."""
        question = " UNION ALL ".join(
            f"SELECT '{table}' FROM {table} WHERE message_id = :id" for table in (*State, "trash")
        )
        rows = self._rows(question, {"id": message_id})
        return None if rows is None else str(rows[0][0]) if rows else ""

    def outcomes(self, message_id: int) -> list[Row] | None:
        """Return the answers of a message, each with its recipient's address; None: unreadable."""
        return self._rows(_OUTCOMES, (message_id,))

    def copy(self, message_id: int) -> Copy | None:
        """Return a message as it is there; None if not all of it can be read."""
        tables = [
            self._rows(f"SELECT * FROM {table} WHERE message_id = ? ORDER BY 1, 2", (message_id,))
            for table in ("message", "recipient", "content", "outcome")
        ]
        state = self.place(message_id)
        if not state or state not in tuple(State):
            return None
        place = self._rows(f"SELECT * FROM {state} WHERE message_id = ?", (message_id,))
        message, recipients, contents, outcomes = tables
        if not (message and recipients and contents and place) or outcomes is None:
            return None
        return Copy(message[0], recipients, contents, outcomes, (State(state), place[0]))

    def _open(self) -> None:
        connection = apsw.Connection(
            read_only_uri(self._path),
            flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI,
        )
        try:
            schema.verify(connection, self._path)
            self._connection = connection
        except BaseException:
            connection.close()
            raise
        problems = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
        if problems != ["ok"]:
            self.damage.append(f"{self._path}: {'; '.join(problems)}")

    def _read_events(
        self,
        path: Path,
        connection: apsw.Connection,
        after: int,
        ids: Collection[int],
        found: dict[int, Told],
    ) -> None:
        """Read the events of a file from their beginning, and if that ends early, from the end."""

        def read(question: str) -> bool:
            for row in connection.execute(question, (after,)):
                if row[1] in ids:
                    told = Told._make(row)
                    found[told.event_id] = told
            return True

        if not self._try(path, lambda: read(_EVENTS)):
            self._try(path, lambda: read(f"{_EVENTS} DESC"))

    def _rows(self, question: str, bindings: object = ()) -> list[Row] | None:
        connection = self._connection
        if connection is None:
            return None
        return self._try(
            self._path,
            lambda: connection.execute(question, bindings).fetchall(),  # type: ignore[arg-type]
        )

    def _try(self, path: Path, read: Callable[[], T]) -> T | None:
        """Return what *read* returns; None if it cannot be read, which is noted once."""
        try:
            return read()
        except _UNREADABLE as error:
            said = str(error) if str(error).startswith(str(path)) else f"{path}: {error}"
            if said not in self.damage:
                self.damage.append(said)
            return None
