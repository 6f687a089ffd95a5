"""A copy of the whole spool while mail flows, whole and verified, or not there at all.

The copy is made by VACUUM INTO, one read: SQLite's backup in steps begins anew at every commit of
another process, and would never end beside mail. The write-ahead log grows for as long as it takes.

Must not: leave half a file under the final name
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

import apsw

from spoolmta.errors import SpoolmtaError, SpoolUnusable, UsageError
from spoolmta.spool import schema
from spoolmta.spool.connection import damaged
from spoolmta.spool.filesystem import read_only_uri

_COUNTED = ("message", "recipient", "content", "event")
_PART = ".part"
_SIDE_FILES = ("-wal", "-shm", "-journal")


class BackupFailed(SpoolmtaError):
    """There is no good copy; the text says why, and nothing was left behind."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A copy that was read from end to end: its size, its rows, its last event."""

    size: int
    messages: int
    recipients: int
    events: int
    last_event: int


def back_up(spool: Path, target: Path) -> Verified:
    """Copy the spool to *target*, which must not exist; return what is in it.

    Raises UsageError: it exists. BackupFailed: it could not be made, or is not as it should be.
    """
    if target.exists():
        raise UsageError(f"{target}: is there already; a backup never replaces a file")
    part = target.with_name(target.name + _PART)
    mask = os.umask(0o077)
    try:
        part.unlink(missing_ok=True)
        with contextlib.closing(_open(spool)) as connection:
            connection.execute("VACUUM INTO ?", (str(part),))
        found = verify(part)
        _synchronize(part)
        os.link(part, target)  # fails if somebody was faster
        _synchronize(target.parent)
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise BackupFailed(f"no backup was made: {damaged(spool, error)}") from error
    except (apsw.Error, OSError, SpoolUnusable) as error:
        raise BackupFailed(f"no backup was made: {error}") from error
    finally:
        os.umask(mask)
        for suffix in ("", *_SIDE_FILES):
            part.with_name(part.name + suffix).unlink(missing_ok=True)
    return found


def verify(copy: Path) -> Verified:
    """Read a copy from end to end and return what is in it.

    Raises SpoolUnusable: it is damaged, or no spool of this version; the text says so.
    """
    try:
        with contextlib.closing(_open(copy)) as connection:
            schema.verify(connection, copy)
            problems = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(3)")]
            if problems != ["ok"]:
                raise SpoolUnusable(f"{copy}: the copy is damaged: {'; '.join(problems)}")
            counts = [_number(connection, f"SELECT count(*) FROM {name}") for name in _COUNTED]
            last = _number(connection, "SELECT coalesce(max(event_id), 0) FROM event")
            _require_whole(connection, copy)
    except apsw.CantOpenError:
        raise SpoolUnusable(f"{copy}: there is no such file, or it may not be read") from None
    except apsw.Error as error:
        raise SpoolUnusable(f"{copy}: cannot be read as a spool: {error}") from error
    return Verified(copy.stat().st_size, counts[0], counts[1], counts[3], last)


def _require_whole(connection: apsw.Connection, copy: Path) -> None:
    lost = _number(
        connection,
        "SELECT count(*) FROM message WHERE message_id NOT IN (SELECT message_id FROM content)",
    )
    if lost:
        raise SpoolUnusable(f"{copy}: {lost} messages in it have no content")


def _number(connection: apsw.Connection, question: str) -> int:
    ((number,),) = connection.execute(question).fetchall()
    return int(str(number))


def _open(path: Path) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(read_only_uri(path), flags=flags)
    connection.set_busy_timeout(2000)
    return connection


def _synchronize(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
