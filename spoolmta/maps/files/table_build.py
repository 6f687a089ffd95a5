"""Building the file of a table from entries: whole, or by changes to the one that is there.

    hash, btree, dbm, sdbm    FILE.db, an index of ours (index_build.py)
    lmdb, cdb                 FILE.lmdb and FILE.cdb, Postfix's formats

Postfix:    postmap(1), postalias(1)
Parameters: lmdb_map_size
Must not:   print
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Protocol

from spoolmta.errors import ConfigError
from spoolmta.maps.files import cdb_table, index
from spoolmta.maps.files.cdb_table import write_cdb
from spoolmta.maps.files.index_build import IndexFailure, IndexFile
from spoolmta.maps.files.table_file import LMDB_SUFFIX, replacement
from spoolmta.maps.text import encode

SUFFIXES = {
    **dict.fromkeys(("btree", "dbm", "hash", "sdbm"), index.SUFFIX),
    "cdb": cdb_table.SUFFIX,
    "lmdb": LMDB_SUFFIX,
}


class Duplicates(StrEnum):
    """What becomes of a key that comes a second time."""

    WARN = "warn"
    IGNORE = "ignore"
    REPLACE = "replace"


class TableFile(Protocol):
    """A file that nobody reads yet, open for changes."""

    def put(self, entries: Iterable[tuple[bytes, bytes]]) -> None:
        """Add entries; they replace what is there under their keys."""
        ...

    def find(self, key: bytes) -> bytes | None:
        """Return the value of a key."""
        ...

    def delete(self, keys: Iterable[bytes]) -> int:
        """Remove keys; return how many were there."""
        ...

    def close(self) -> None:
        """End the changes."""
        ...


@dataclass(frozen=True, slots=True)
class TableBuilder:
    """Builds the table *kind*:*source*; *warn* is told of what is left out.

    *null*: keys and values end in a NUL, if the format knows both ways; None means the usual way.
    """

    kind: str
    source: str
    warn: Callable[[str], None]
    duplicates: Duplicates = Duplicates.WARN
    inherit_mode: bool = True
    null: bool | None = None
    map_size: int = 0

    def write(self, entries: Iterable[tuple[str, str]]) -> None:
        """Make the table from *entries*.

        Raises ConfigError: it cannot be written; the old one is as it was.
        """
        gathered: dict[str, str] = {}
        self._gather(entries, gathered, lambda key: key in gathered)
        # In the order of their keys, records are appended to a tree, not inserted.
        pairs = (
            (encode(key) + self._end, encode(value) + self._end) for key, value in gathered.items()
        )
        with self._new_file() as new:
            if self.kind == "cdb":
                write_cdb(new, pairs)
                return
            with self._open(new) as file:
                file.put(sorted(pairs))

    def change(self, entries: Iterable[tuple[str, str]]) -> None:
        """Add *entries* to the table, which need not be there.

        Raises ConfigError: it cannot be written; the old one is as it was.
        """
        with self._changed() as file:
            gathered: dict[str, str] = {}

            def is_known(key: str) -> bool:
                return key in gathered or file.find(encode(key) + self._end) is not None

            self._gather(entries, gathered, is_known)
            file.put(
                (encode(key) + self._end, encode(value) + self._end)
                for key, value in gathered.items()
            )

    def delete(self, keys: Iterable[str]) -> int:
        """Remove keys from the table; return how many were there.

        Raises ConfigError: there is no table, or it cannot be written.
        """
        self._check()
        with self._changed() as file:
            return file.delete(encode(key) + end for key in keys for end in self._possible_ends)

    @property
    def path(self) -> Path:
        """The file that is built."""
        return Path(self.source + SUFFIXES[self.kind])

    @property
    def _end(self) -> bytes:
        if self.kind == "lmdb":
            return b"" if self.null is False else b"\0"
        return b"\0" if self.kind == "cdb" and self.null else b""

    @property
    def _possible_ends(self) -> tuple[bytes, ...]:
        """What keys may end in that are there already."""
        return (b"\0", b"") if self.kind == "lmdb" and self.null is None else (self._end,)

    def _gather(
        self,
        entries: Iterable[tuple[str, str]],
        gathered: dict[str, str],
        is_known: Callable[[str], bool],
    ) -> None:
        for key, value in entries:
            if not key and self.kind == "lmdb" and not self._end:
                self.warn(f"table {self.kind}:{self.source}: empty lookup key value is not allowed")
                continue
            if self.duplicates is not Duplicates.REPLACE and is_known(key):
                if self.duplicates is Duplicates.WARN:
                    self.warn(f'{self._shown}: duplicate entry: "{key}"')
                continue
            gathered[key] = value

    @property
    def _shown(self) -> str:
        """The table's name in a warning, which depends on its type in Postfix, too."""
        if self.kind == "lmdb":
            return self._name
        return self.source if self.kind == "cdb" else str(self.path)

    @contextmanager
    def _changed(self) -> Iterator[TableFile]:
        """Lend a copy of the table, or an empty one, which takes its place at the end."""
        if self.kind == "cdb":
            raise ConfigError(
                f"cdb:{self.source}: a cdb table cannot be changed; build it anew from its source"
            )
        exists = self.path.exists()
        if exists:
            self._check()
        with self._new_file() as new:
            if exists:
                shutil.copyfile(self.path, new)
            with self._open(new) as file:
                yield file

    def _new_file(self) -> AbstractContextManager[Path]:
        return replacement(self.path, self.source, inherit_mode=self.inherit_mode)

    @contextmanager
    def _open(self, new: Path) -> Iterator[TableFile]:
        if self.kind == "lmdb":
            lmdb_table = import_lmdb(self._name)
            opened, failure = partial(lmdb_table.LmdbFile, new, self.map_size), lmdb_table.FAILURE
        else:
            opened, failure = partial(IndexFile, new), IndexFailure
        try:
            with closing(opened()) as file:
                yield file
        except failure as error:
            raise ConfigError(f"{self.path}: cannot write the table: {error}") from error

    def _check(self) -> None:
        """Raise ConfigError unless there is a table that we can read."""
        if self.kind == "lmdb":
            import_lmdb(self._name).open_lmdb(self.path, self.source, self._name)
        elif self.kind != "cdb":
            index.open_index(self.path, self.source, self._name).close()

    @property
    def _name(self) -> str:
        return f"{self.kind}:{self.source}"


def import_lmdb(name: str) -> ModuleType:
    """Return the module of lmdb tables, for the table *name*.

    Raises ConfigError: the driver is not installed.
    """
    try:
        return import_module("spoolmta.maps.files.lmdb_table")
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'{name}: the Python package "{error.name}" is not installed'
            ' (install it with: pip install "spoolmta[lmdb]")'
        ) from error
