"""Writing an index FILE.db (see index.py).

Must not: open a file that somebody reads
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import apsw

from spoolmta.maps.files.index import APPLICATION_ID

# What an index that cannot be written raises.
IndexFailure = apsw.Error

_TABLE = "CREATE TABLE entry (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID"
_PUT = "INSERT OR REPLACE INTO entry (key, value) VALUES (?, ?)"
_FIND = "SELECT value FROM entry WHERE key = ?"
_DELETE = "DELETE FROM entry WHERE key = ?"


class IndexFile:
    """A file that nobody reads yet, open for changes."""

    def __init__(self, path: Path) -> None:
        """Open an index or make one of an empty file."""
        empty = not path.stat().st_size
        self._connection = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE)
        # Nobody reads the file before it is renamed, and a broken one is thrown away.
        self._connection.pragma("journal_mode", "off")
        self._connection.pragma("synchronous", 0)
        if empty:
            self._connection.pragma("application_id", APPLICATION_ID)
            self._connection.execute(_TABLE)

    def put(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Add entries; they replace what is there under their keys."""
        with self._connection:
            self._connection.executemany(_PUT, entries)

    def find(self, key: bytes) -> bytes | None:
        """Return the value of a key."""
        row = self._connection.execute(_FIND, (key,)).fetchone()
        return None if row is None else cast("bytes", row[0])

    def delete(self, keys: Iterable[bytes]) -> int:
        """Remove keys; return how many were there."""
        before = self._connection.total_changes()
        with self._connection:
            self._connection.executemany(_DELETE, [(key,) for key in keys])
        return self._connection.total_changes() - before

    def close(self) -> None:
        """End the changes."""
        self._connection.close()
