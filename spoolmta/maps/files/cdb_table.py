"""cdb:FILE: a constant database FILE.cdb, the format of Postfix and tinycdb.

The file: 256 pairs (position, slots) of hash tables; the records (key length, value length, key,
value); the tables, whose slots are (hash of the key, position of its record). All numbers have 32
bits, the least byte first. A key's table is the low byte of its hash, its first slot the rest.

Postfix:  CDB_README, postmap(1)
Limits:   4 GiB; a table is built as a whole, never changed
"""

import mmap
import struct
from collections.abc import Iterable
from pathlib import Path

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.files.table_file import open_error
from spoolmta.maps.keys import USUAL, KeyRules
from spoolmta.maps.text import decode, encode

SUFFIX = ".cdb"

_PAIR = struct.Struct("<II")
_TABLES = 256
_HEADER_BYTES = _TABLES * _PAIR.size
_LARGEST = 0xFFFFFFFF


class CdbMap:
    """A built table, open for reading."""

    fixed = False

    def __init__(self, argument: str, rules: KeyRules = USUAL) -> None:
        """Raises ConfigError: there is no table, or it is no cdb file."""
        self.name = f"cdb:{argument}"
        self._fold = rules.fold
        self._end = b"\0" if rules.null else b""
        self._may_have_end = rules.null is None
        path = Path(argument + SUFFIX)
        try:
            with path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise open_error(path, argument, self.name, error) from error
        except ValueError as error:
            raise _broken(path, self.name) from error
        if not self._is_whole():
            raise _broken(path, self.name)

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        return self.find(key)

    def find(self, key: str) -> str | None:
        """See Table."""
        wanted = encode(self._fold(key))
        try:
            value = self._find(wanted + self._end)
            if value is None and self._may_have_end:
                value = self._find(wanted + b"\0")
        except (struct.error, IndexError) as error:
            raise MapUnavailable(f"{self.name}: the file is damaged: {error}") from error
        return None if value is None else decode(value.removesuffix(b"\0"))

    def _find(self, key: bytes) -> bytes | None:
        data = self._data
        hashed = _hash(key)
        table, slots = _PAIR.unpack_from(data, hashed % _TABLES * _PAIR.size)
        slot = hashed // _TABLES % slots if slots else 0
        for _ in range(slots):
            found, at = _PAIR.unpack_from(data, table + slot * _PAIR.size)
            if not at:
                return None
            if found == hashed:
                key_length, value_length = _PAIR.unpack_from(data, at)
                start = at + _PAIR.size
                if data[start : start + key_length] == key:
                    start += key_length
                    return data[start : start + value_length]
            slot = slot + 1 if slot + 1 < slots else 0
        return None

    def _is_whole(self) -> bool:
        size = len(self._data)
        return size >= _HEADER_BYTES and all(
            _HEADER_BYTES <= table <= size and table + slots * _PAIR.size <= size
            for table, slots in _PAIR.iter_unpack(self._data[:_HEADER_BYTES])
        )


def write_cdb(path: Path, entries: Iterable[tuple[bytes, bytes]]) -> None:
    """Write a cdb file.

    Raises ConfigError: there is more than the format can hold.
    """
    tables: list[list[tuple[int, int]]] = [[] for _ in range(_TABLES)]
    with path.open("wb", buffering=1 << 20) as file:
        file.write(bytes(_HEADER_BYTES))
        at = _HEADER_BYTES
        for key, value in entries:
            file.write(_PAIR.pack(len(key), len(value)) + key + value)
            hashed = _hash(key)
            tables[hashed % _TABLES].append((hashed, at))
            at += _PAIR.size + len(key) + len(value)
            if at > _LARGEST:
                raise ConfigError(f"{path}: more than the 4 GiB that a cdb file can hold")
        header = bytearray()
        for table in tables:
            slots = _slots(table)
            header += _PAIR.pack(at, len(slots))
            file.write(b"".join(_PAIR.pack(*slot) for slot in slots))
            at += len(slots) * _PAIR.size
        file.seek(0)
        file.write(header)


def _slots(table: list[tuple[int, int]]) -> list[tuple[int, int]]:
    slots = [(0, 0)] * (2 * len(table))
    for hashed, at in table:
        slot = hashed // _TABLES % len(slots)
        while slots[slot][1]:
            slot = (slot + 1) % len(slots)
        slots[slot] = (hashed, at)
    return slots


def _hash(key: bytes) -> int:
    hashed = 5381
    for byte in key:
        hashed = (hashed * 33 & _LARGEST) ^ byte
    return hashed


def _broken(path: Path, name: str) -> ConfigError:
    return ConfigError(
        f'open database {path}: not a cdb file; run "postmap {name}" to make it anew'
    )
