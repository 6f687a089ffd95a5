"""hash:FILE and btree:FILE: an index FILE.db that postmap or postalias has built from FILE.

The index is a SQLite file that nobody changes once it is in place: a build writes a new one beside
it and renames it, so that a reader has either the old table or the new one, whole. A reader
notices the new one at its next lookup.

Postfix:  postmap(1), postalias(1), DATABASE_README
Must not: read Berkeley DB files, which are Postfix's own; write an index (see index_build.py)
"""

import os
from pathlib import Path
from typing import cast

import apsw

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.keys import fold
from spoolmta.maps.text import decode, encode, modified_ns

APPLICATION_ID = 0x73706D74
_SQLITE_MAGIC = b"SQLite format 3\0"
# The magic numbers of Berkeley DB's hash and btree files, in either byte order, at offset 12.
_BERKELEY_MAGIC = {
    number.to_bytes(4, order) for number in (0x061561, 0x053162) for order in ("big", "little")
}
_LOOKUP = "SELECT value FROM entry WHERE key = ?"


class IndexMap:
    """A built index, open for reading."""

    fixed = False

    def __init__(self, argument: str, kind: str = "hash") -> None:
        """Raises ConfigError: there is no index, or it is no file of ours."""
        self.name = f"{kind}:{argument}"
        self._path = index_path(argument)
        self._identity = (0, 0, 0)
        self._connection: apsw.Connection | None = None
        self._reopen(os_identity(self._path, self.name))

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        try:
            identity = os_identity(self._path, self.name)
            if identity != self._identity or self._connection is None:
                self._reopen(identity)
            value = self.find(fold(key))
        except (ConfigError, apsw.Error) as error:
            raise MapUnavailable(f"{self.name}: {error}") from error
        return value

    def find(self, key: str) -> str | None:
        """Return the value of a key exactly as it stands in the index."""
        assert self._connection is not None
        row = self._connection.execute(_LOOKUP, (encode(key),)).fetchone()
        return None if row is None else decode(cast("bytes", row[0]))

    def items(self) -> list[tuple[str, str]]:
        """Return all keys with their values, sorted by key."""
        assert self._connection is not None
        rows = self._connection.execute("SELECT key, value FROM entry ORDER BY key")
        return [(decode(cast("bytes", key)), decode(cast("bytes", value))) for key, value in rows]

    def _reopen(self, identity: tuple[int, int, int]) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._connection = open_index(self._path, self.name)
        self._identity = identity


class BtreeMap(IndexMap):
    """btree:FILE is the same file as hash:FILE."""

    def __init__(self, argument: str) -> None:
        """Raises ConfigError: see IndexMap."""
        super().__init__(argument, "btree")


def index_path(source: str | Path) -> Path:
    """Return where the index of a source file is."""
    return Path(f"{source}.db")


def is_outdated(spec: str) -> bool:
    """Return whether the source of a "hash:FILE" or "btree:FILE" is newer than its index."""
    kind, _, argument = spec.removeprefix("proxy:").partition(":")
    if kind not in ("hash", "btree"):
        return False
    source, index = modified_ns(argument), modified_ns(index_path(argument))
    return source is not None and index is not None and source > index


def open_index(path: Path, name: str) -> apsw.Connection:
    """Return an index, open for reading.

    Raises ConfigError: it is missing, or no file that our postmap made.
    """
    _check_magic(path, name)
    # immutable: the file is never changed in place, so that no lock and no journal is needed.
    uri = f"file:{_quote_uri(path)}?immutable=1"
    try:
        connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        application_id = connection.pragma("application_id")
    except apsw.Error as error:
        raise ConfigError(f"{name}: open {path}: {error}") from error
    if application_id != APPLICATION_ID:
        connection.close()
        raise ConfigError(f'{name}: {path} is not a table index; run "postmap {name}"')
    return connection


def os_identity(path: Path, name: str) -> tuple[int, int, int]:
    """Return what changes when a new index is put in place.

    Raises ConfigError: there is no index.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise ConfigError(
            f'{name}: open {path}: {error.strerror}; run "postmap {name}" to make it'
        ) from error
    return status.st_dev, status.st_ino, status.st_mtime_ns


def _check_magic(path: Path, name: str) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        raise ConfigError(f"{name}: open {path}: {error.strerror}") from error
    if head[12:16] in _BERKELEY_MAGIC:
        raise ConfigError(
            f"{name}: {path} is a Berkeley DB file, made by Postfix's own postmap or postalias; "
            f'run "postmap {name}" (for alias_maps: "newaliases") to make it anew'
        )
    if head != _SQLITE_MAGIC:
        raise ConfigError(f'{name}: {path} is not a table index; run "postmap {name}"')


def _quote_uri(path: Path) -> str:
    text = os.fspath(path.absolute())
    return text.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
