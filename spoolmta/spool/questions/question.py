"""An operator's own SELECT: read-only, bounded in time and rows, over the views and tables.

The connection is opened read-only, an authorizer refuses whatever does not read, and a progress
handler ends what takes too long: a read that stays open keeps the write-ahead log growing.

Must not: share a process with an open Spool for longer than the question lasts
"""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from spoolmta.errors import SpoolUnusable, UsageError
from spoolmta.spool import days, schema
from spoolmta.spool.connection import Row, damaged
from spoolmta.spool.filesystem import read_only_uri

_STEPS_BETWEEN_LOOKS = 20_000
_BUSY_MILLISECONDS = 2000
_MOST_SECONDS = 60

_READING = frozenset(
    {apsw.SQLITE_SELECT, apsw.SQLITE_READ, apsw.SQLITE_FUNCTION, apsw.SQLITE_RECURSIVE}
)
# What else is asked does not wait for the day files.
_ABOUT_THE_JOURNAL = re.compile(r"\b(v1_events|v1_attempts|journal)\b", re.IGNORECASE)
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "fts3_tokenizer"})


class Answer(NamedTuple):
    """The rows of a question; *complete* is False if there were more than were asked for."""

    columns: tuple[str, ...]
    rows: list[Row]
    complete: bool


def ask(path: Path, text: str, *, seconds: float, limit: int) -> Answer:
    """Return what the SELECT *text* finds in the spool at *path*, at most *limit* rows.

    Raises UsageError: it is no single SELECT, or it took longer than *seconds*.
    Raises SpoolUnusable: there is no spool to ask.
    """
    if seconds > _MOST_SECONDS:
        raise UsageError(
            f"at most {_MOST_SECONDS} s: the write-ahead log grows while one reads; ask a copy"
            " (spoolmta backup)"
        )
    connection = _open(path)
    try:
        schema.verify(connection, path)
        if _ABOUT_THE_JOURNAL.search(text):
            days.attach(connection, path.with_name(days.FOLDER))
        return _ask(connection, text, seconds, limit)
    except apsw.InterruptError:
        raise UsageError(
            f"stopped after {seconds:g} s: narrow the question, or ask a copy of the spool"
            " (docs/forensics.md)"
        ) from None
    except apsw.AuthError:
        raise UsageError(
            "only SELECT is allowed here: nothing in the spool is changed by hand;"
            " see spoolmta queue --help for what changes it"
        ) from None
    except apsw.BusyError:
        raise SpoolUnusable(f"{path}: the spool is locked by another program") from None
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise SpoolUnusable(damaged(path, error)) from None
    except apsw.BindingsError:
        raise UsageError("a ? or a :name stands for nothing here: write the value") from None
    except apsw.Error as error:
        raise UsageError(f"{error}") from None
    finally:
        connection.close()


def columns(path: Path) -> Answer:
    """Return what each column of the v1_ views in the spool at *path* is.

    Raises SpoolUnusable: there is no spool to ask.
    """
    connection = _open(path)
    try:
        schema.verify(connection, path)
        rows: list[Row] = list(schema.view_columns(connection))
    finally:
        connection.close()
    return Answer(("view", "column", "meaning"), rows, complete=True)


def sqlite_version() -> str:
    """Return the version of SQLite that works here."""
    return apsw.sqlite_lib_version()


def _open(path: Path) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    try:
        return apsw.Connection(read_only_uri(path), flags=flags)
    except apsw.CantOpenError as error:
        raise SpoolUnusable(f"cannot open the spool {path}: {error}") from None


def _ask(connection: apsw.Connection, text: str, seconds: float, limit: int) -> Answer:
    connection.set_busy_timeout(_BUSY_MILLISECONDS)
    connection.set_authorizer(_authorize)
    connection.set_progress_handler(_deadline(seconds), _STEPS_BETWEEN_LOOKS)
    cursor = connection.cursor()
    cursor.exec_trace = _only_one()
    cursor.execute(text)
    try:
        columns = tuple(name for name, *_ in cursor.get_description())
    except apsw.ExecutionCompleteError:
        # No row: the description is gone with the statement, so ask for it alone.
        columns = _columns(connection, text)
        if not columns:
            raise UsageError("nothing is asked; try: SELECT * FROM v1_states") from None
        return Answer(columns, [], complete=True)
    rows: list[Row] = []
    for row in cursor:
        if len(rows) == limit:
            return Answer(columns, rows, complete=False)
        rows.append(row)
    return Answer(columns, rows, complete=True)


def _columns(connection: apsw.Connection, text: str) -> tuple[str, ...]:
    found: list[str] = []

    def note(cursor: apsw.Cursor, _: str, __: Any) -> bool:
        found.extend(name for name, *_ in cursor.get_description())
        return True

    cursor = connection.cursor()
    cursor.exec_trace = note
    cursor.execute(text)
    return tuple(found)


def _authorize(action: int, *names: str | None) -> int:
    allowed = action in _READING and names[1] not in _FORBIDDEN_FUNCTIONS
    return apsw.SQLITE_OK if allowed else apsw.SQLITE_DENY


def _deadline(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end


def _only_one() -> Callable[[apsw.Cursor, str, Any], bool]:
    seen: list[str] = []

    def count(_: apsw.Cursor, statement: str, __: Any) -> bool:
        seen.append(statement)
        if len(seen) > 1:
            raise UsageError("one question at a time, please: there is a second statement")
        return True

    return count
