"""lmdb:FILE: an LMDB file FILE.lmdb, the format that Postfix's own postmap writes.

Postfix:    lmdb_table(5), postmap(1)
Parameters: lmdb_map_size
Limits:     a key of 511 bytes at most; Postfix changes such a file in place, we put a new one there
"""

import os
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

import lmdb

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.files.table_file import LMDB_SUFFIX, open_error
from spoolmta.maps.keys import USUAL, KeyRules
from spoolmta.maps.text import decode, encode

# What a file that cannot be written raises.
FAILURE = lmdb.Error

_SMALLEST_MAP = 16 << 20
_BATCH = 10_000

# A process may open a file once only. Its tables share the environment.
_environments: weakref.WeakValueDictionary[tuple[int, int], lmdb.Environment] = (
    weakref.WeakValueDictionary()
)


class LmdbMap:
    """A built table, open for reading."""

    fixed = False

    def __init__(self, argument: str, rules: KeyRules = USUAL) -> None:
        """Raises ConfigError: there is no table, or it is no LMDB file."""
        self.name = f"lmdb:{argument}"
        self._fold = rules.fold
        self._end = b"" if rules.null is False else b"\0"
        self._may_lack_end = rules.null is None
        self._environment = open_lmdb(Path(argument + LMDB_SUFFIX), argument, self.name)

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        return self.find(key)

    def find(self, key: str) -> str | None:
        """See Table."""
        wanted = encode(self._fold(key))
        if not wanted:
            return None
        try:
            value = self._find(wanted)
        except lmdb.MapResizedError:
            self._environment.set_mapsize(0)  # whoever changed the file made it larger
            value = self._find(wanted)
        except lmdb.BadValsizeError:
            return None  # no table holds a key as long as this
        except lmdb.Error as error:
            raise MapUnavailable(f"{self.name}: {error}") from error
        return None if value is None else decode(value.removesuffix(b"\0"))

    def _find(self, key: bytes) -> bytes | None:
        with self._environment.begin() as reading:
            value = reading.get(key + self._end)
            return reading.get(key) if value is None and self._may_lack_end else value

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield all keys with their values, sorted by key."""
        with self._environment.begin() as reading:
            for key, value in reading.cursor():
                yield (
                    decode(bytes(key).removesuffix(b"\0")),
                    decode(bytes(value).removesuffix(b"\0")),
                )


def open_lmdb(path: Path, source: str, name: str) -> lmdb.Environment:
    """Return a file, open for reading.

    Raises ConfigError: it is missing, or no LMDB file.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise open_error(path, source, name, error) from error
    identity = status.st_dev, status.st_ino
    environment = _environments.get(identity)
    if environment is not None:
        return environment
    try:
        environment = lmdb.open(
            os.fspath(path), subdir=False, readonly=True, lock=False, create=False
        )
    except (lmdb.Error, OSError) as error:
        raise ConfigError(
            f'open database {path}: {error}; run "postmap {name}" to make it anew'
        ) from error
    _environments[identity] = environment
    return environment


class LmdbFile:
    """A file that nobody reads yet, open for changes."""

    def __init__(self, path: Path, map_size: int) -> None:
        """Open an LMDB file or make one of an empty file."""
        size = max(_SMALLEST_MAP, map_size, 2 * path.stat().st_size)
        self._environment = lmdb.open(
            os.fspath(path), subdir=False, lock=False, map_size=size, sync=False
        )

    def put(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Add entries; they replace what is there under their keys.

        Raises ConfigError: a key is empty or too long.
        """
        batch: list[tuple[bytes, bytes]] = []
        for entry in entries:
            batch.append(entry)
            if len(batch) == _BATCH:
                self._put_batch(batch)
                batch.clear()
        self._put_batch(batch)

    def find(self, key: bytes) -> bytes | None:
        """Return the value of a key."""
        with self._environment.begin() as reading:
            value = reading.get(key)
            return None if value is None else bytes(value)

    def delete(self, keys: Iterable[bytes]) -> int:
        """Remove keys; return how many were there."""
        with self._environment.begin(write=True) as writing:
            return sum(writing.delete(key) for key in keys if key)

    def close(self) -> None:
        """End the changes."""
        self._environment.close()

    def _put_batch(self, batch: list[tuple[bytes, bytes]]) -> None:
        while True:
            try:
                with self._environment.begin(write=True) as writing:
                    writing.cursor().putmulti(batch)
                return
            except lmdb.MapFullError:
                self._environment.set_mapsize(2 * self._environment.info()["map_size"])
            except lmdb.BadValsizeError as error:
                limit = self._environment.max_key_size()
                keys = (key for key, _ in batch if not 0 < len(key) <= limit)
                raise ConfigError(
                    f'key "{decode(next(keys, b""))}" has no length from 1 to {limit} bytes, '
                    "as lmdb wants it"
                ) from error
