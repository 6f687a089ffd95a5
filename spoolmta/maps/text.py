"""Table source files: logical lines of "key value"; and texthash, which is read once.

A line that begins with white space continues the one before. Empty lines, and lines whose first
visible character is #, are skipped wherever they are.

Postfix: postmap(1), postconf(5), DATABASE_README
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from spoolmta.errors import ConfigError
from spoolmta.maps.keys import fold

_KEY = re.compile(r'(?:[^\s"\\]|\\.|"(?:[^"\\]|\\.)*"?)+', re.DOTALL)
BLANKS = " \t\r\n\v\f"


class Line(NamedTuple):
    """A logical line and the number of its first physical line."""

    number: int
    text: str


def read_source(path: str | Path) -> str:
    """Return the text of a table's source file.

    Raises ConfigError: it cannot be read.
    """
    try:
        return Path(path).read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise ConfigError(f"open {path}: {error.strerror}") from error


def logical_lines(text: str) -> Iterator[Line]:
    """Yield the logical lines of a text, without the white space at their ends."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.split("\n"), 1):
        visible = line.strip(BLANKS)
        if not visible or visible[0] == "#":
            continue
        if line[0] not in BLANKS or not parts:
            if parts:
                yield Line(first, _join(parts))
            parts, first = [], number
        parts.append(line)
    if parts:
        yield Line(first, _join(parts))


def split_key_value(text: str) -> tuple[str, str]:
    """Return a logical line as key and value; white space in quotes does not end the key."""
    match = _KEY.match(text)
    end = match.end() if match else 0
    return text[:end], text[end:].strip(BLANKS)


class TextMap:
    """texthash:FILE: a source file that needs no postmap; changes need a restart."""

    fixed = False

    def __init__(self, path: str) -> None:
        """Raises ConfigError: the file cannot be read."""
        self.name = "texthash:" + path
        self._values: dict[str, str] = {}
        for line in logical_lines(read_source(path)):
            key, value = split_key_value(line.text)
            if key and value:
                self._values.setdefault(fold(key), value)

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        return self._values.get(fold(key))


def _join(parts: list[str]) -> str:
    return "".join(parts).strip(BLANKS)


def encode(text: str) -> bytes:
    """Return the bytes that a text was in its source."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """Return bytes of a source as text; what is not UTF-8 survives."""
    return data.decode("utf-8", "surrogateescape")


def modified_ns(path: str | Path) -> int | None:
    """Return when a file was last changed, None if it is not there."""
    try:
        return Path(path).stat().st_mtime_ns
    except OSError:
        return None
