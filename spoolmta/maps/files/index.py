"""hash:FILE, btree:FILE, dbm:FILE, sdbm:FILE: an index FILE.db that postmap has built from FILE.

The index is a SQLite file that nobody changes once it is in place: a build writes a new one beside
it and renames it, so that a reader has either the old table or the new one, whole.

Postfix:  postmap(1), postalias(1), DATABASE_README
Must not: read Berkeley DB and DBM files, which are Postfix's own; write an index (index_build.py)
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import apsw

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.files.held import reading
from spoolmta.maps.files.table_file import open_error
from spoolmta.maps.keys import Fold, fold
from spoolmta.maps.lookup import HeldTable
from spoolmta.maps.text import decode, encode, modified_ns

SUFFIX = ".db"
APPLICATION_ID = 0x73706D74

_SQLITE_MAGIC = b"SQLite format 3\0"
# The magic numbers of Berkeley DB's hash and btree files, in either byte order, at offset 12.
_BERKELEY_MAGIC = {
    number.to_bytes(4, order) for number in (0x061561, 0x053162) for order in ("big", "little")
}
_DBM_SUFFIX = ".pag"
_LOOKUP = "SELECT value FROM entry WHERE key = ?"
_REMEMBERED_KEYS = 10_000
_ITEMS = "SELECT key, value FROM entry ORDER BY key"


class IndexMap(HeldTable):
    """A built index, open for reading; held in memory when it was asked much."""

    is_held = False

    def __init__(self, argument: str, *, kind: str = "hash", fold_key: Fold = fold) -> None:
        """Raises ConfigError: there is no index, or it is no file of ours."""
        super().__init__(f"{kind}:{argument}", fold_key)
        self._answers: dict[str, str | None] = {}
        path = index_path(argument)
        self._connection = open_index(path, argument, self.name)
        self._reading = reading(path.stat().st_size, partial(_items, self._connection, self.name))

    def find(self, key: str) -> str | None:
        """See Table."""
        if self.is_held:
            return super().find(key)
        # The file never changes: what it said once, of a domain above all, it says again.
        answers = self._answers
        if key in answers:
            return answers[key]
        value = self._find(key)
        if len(answers) >= _REMEMBERED_KEYS:
            answers.clear()
        answers[key] = value
        entries = next(self._reading)
        if entries is not None:
            self.entries = entries
            self.is_held = True
            answers.clear()
            self._connection.release_memory()
        return value

    def _find(self, key: str) -> str | None:
        try:
            value = self._connection.execute(_LOOKUP, (encode(self.fold(key)),)).get
        except apsw.Error as error:
            raise MapUnavailable(f"{self.name}: {error}") from error
        return None if value is None else decode(cast("bytes", value))

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield all keys with their values, sorted by key.

        Raises MapUnavailable: the file cannot be read.
        """
        return _items(self._connection, self.name)


def index_path(source: str | Path) -> Path:
    """Return where the index of a source file is."""
    return Path(f"{source}{SUFFIX}")


def is_outdated(spec: str) -> bool:
    """Return whether the source of a "hash:FILE" or "btree:FILE" is newer than its index."""
    kind, _, argument = spec.removeprefix("proxy:").partition(":")
    if kind not in ("hash", "btree"):
        return False
    source, index = modified_ns(argument), modified_ns(index_path(argument))
    return source is not None and index is not None and source > index


def open_index(path: Path, source: str, name: str) -> apsw.Connection:
    """Return an index, open for reading.

    Raises ConfigError: it is missing, or no file that our postmap made.
    """
    _check_magic(path, source, name)
    # immutable: the file is never changed in place, so that no lock and no journal is needed.
    uri = f"file:{_quote_uri(path)}?immutable=1"
    try:
        connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        application_id = connection.pragma("application_id")
    except apsw.Error as error:
        raise ConfigError(f"open database {path}: {error}") from error
    if application_id != APPLICATION_ID:
        connection.close()
        raise _foreign(path, name)
    return connection


def _items(connection: apsw.Connection, name: str) -> Iterator[tuple[str, str]]:
    try:
        for key, value in connection.execute(_ITEMS):
            yield decode(cast("bytes", key)), decode(cast("bytes", value))
    except apsw.Error as error:
        raise MapUnavailable(f"{name}: {error}") from error


def _check_magic(path: Path, source: str, name: str) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError as error:
        if Path(source + _DBM_SUFFIX).exists():
            raise ConfigError(
                f"open database {path}: there is only {source}{_DBM_SUFFIX}, a DBM file made by "
                f"Postfix's own postmap; {_migration(name)}"
            ) from error
        raise open_error(path, source, name, error) from error
    except OSError as error:
        raise open_error(path, source, name, error) from error
    if head[12:16] in _BERKELEY_MAGIC:
        raise ConfigError(
            f"open database {path}: it is a Berkeley DB file, made by Postfix's own postmap or "
            f"postalias; {_migration(name)}"
        )
    if head != _SQLITE_MAGIC:
        raise _foreign(path, name)


def _migration(name: str) -> str:
    source = name.partition(":")[2]
    return (
        f'run "postmap {name}" here (for alias_maps: "newaliases") to make it anew from {source}; '
        f'where {source} is lost, "postmap -s {name}" of the old Postfix prints it'
    )


def _foreign(path: Path, name: str) -> ConfigError:
    return ConfigError(f'open database {path}: not a table index; run "postmap {name}"')


def _quote_uri(path: Path) -> str:
    text = os.fspath(path.absolute())
    return text.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
