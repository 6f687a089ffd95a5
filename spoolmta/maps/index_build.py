"""Building an index FILE.db from entries: whole, or by changes to the one that is there.

Either way a new file is written beside the old one, made durable, and renamed over it.

Postfix:  postmap(1), postalias(1)
Must not: leave a half-built index where a reader finds it; print
"""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import apsw

from spoolmta.errors import ConfigError
from spoolmta.maps.index import APPLICATION_ID, index_path, open_index
from spoolmta.maps.text import encode

_TABLE = "CREATE TABLE entry (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID"
_KEEP = "INSERT INTO entry (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING"
_REPLACE = "INSERT OR REPLACE INTO entry (key, value) VALUES (?, ?)"
_DELETE = "DELETE FROM entry WHERE key = ?"


class Duplicates(StrEnum):
    """What becomes of a key that comes a second time."""

    WARN = "warn"
    IGNORE = "ignore"
    REPLACE = "replace"


@dataclass(slots=True)
class IndexBuilder:
    """Changes the index of *source*; what is to be told of it gathers in *warnings*."""

    source: str
    duplicates: Duplicates = Duplicates.WARN
    inherit_mode: bool = True
    warnings: list[str] = field(default_factory=list)

    def write(self, entries: Iterable[tuple[str, str]], *, incremental: bool = False) -> None:
        """Make the index from *entries*; *incremental* keeps what is in it already.

        Raises ConfigError: it cannot be written; the old one is as it was.
        """
        with self._new_index(copied=incremental) as connection:
            for key, value in entries:
                self._insert(connection, key, value)

    def delete(self, keys: Iterable[str]) -> int:
        """Remove keys from the index; return how many were there.

        Raises ConfigError: there is no index, or it cannot be written.
        """
        path = index_path(self.source)
        open_index(path, self.source).close()
        with self._new_index(copied=True) as connection:
            before = connection.total_changes()
            connection.executemany(_DELETE, [(encode(key),) for key in keys])
            return connection.total_changes() - before

    def _insert(self, connection: apsw.Connection, key: str, value: str) -> None:
        statement = _REPLACE if self.duplicates is Duplicates.REPLACE else _KEEP
        connection.execute(statement, (encode(key), encode(value)))
        if not connection.changes() and self.duplicates is Duplicates.WARN:
            self.warnings.append(f'{index_path(self.source)}: duplicate entry: "{key}"')

    @contextmanager
    def _new_index(self, *, copied: bool) -> Iterator[apsw.Connection]:
        path = index_path(self.source)
        new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            _create(new, self._mode(path))
            copied = copied and path.exists()
            if copied:
                open_index(path, self.source).close()
                shutil.copyfile(path, new)
            connection = _open_new(new, empty=not copied)
            try:
                with connection:
                    yield connection
            finally:
                connection.close()
            _put_in_place(new, path)
        except (OSError, apsw.Error) as error:
            raise ConfigError(f"{path}: cannot write the index: {error}") from error
        finally:
            with suppress(OSError):
                new.unlink(missing_ok=True)

    def _mode(self, path: Path) -> int:
        """Return the permissions for the index: those of the source file or of the old index."""
        for candidate in (self.source, path):
            with suppress(OSError):
                if self.inherit_mode:
                    return Path(candidate).stat().st_mode & 0o666 | 0o600
        return 0o644


def _create(path: Path, mode: int) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _open_new(path: Path, *, empty: bool) -> apsw.Connection:
    connection = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE)
    # Nobody reads the file before it is renamed, and a broken one is thrown away.
    connection.pragma("journal_mode", "off")
    connection.pragma("synchronous", 0)
    if empty:
        connection.pragma("application_id", APPLICATION_ID)
        connection.execute(_TABLE)
    return connection


def _put_in_place(new: Path, path: Path) -> None:
    for target in (new, path.parent):
        descriptor = os.open(target, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if target is new:
            new.rename(path)
