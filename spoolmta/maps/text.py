"""Table source files: logical lines of "key value".

A line that begins with white space continues the one before. Empty lines, and lines whose first
visible character is #, are skipped wherever they are.

Postfix:    postmap(1), postconf(5), DATABASE_README
Parameters: smtputf8_enable (its effect is the argument utf8)
"""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from spoolmta.errors import ConfigError

Warn = Callable[[str], None]

# White space as C knows it; blanks of Unicode are text.
BLANKS = " \t\r\n\v\f"
_KEY = re.compile(r'(?:[^ \t\r\n\v\f"\\]+|\\.|"(?:[^"\\]|\\.)*")*', re.DOTALL)
_PLAIN = re.compile(r'([^ \t\r\n\v\f"\\]+)[ \t\r\n\v\f]+')
_FOREIGN = re.compile("[\ud800-\udfff]")
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")

_SHOWN_OF_A_LINE = 30
EXPECTED = "expected format: key whitespace value"
_ALIAS = 'record is in "key: value" format; is this an alias file?'
IGNORING = " -- ignoring this line"
MALFORMED = "malformed UTF-8 or invalid codepoint"


class Line(NamedTuple):
    """A logical line and the number of its first physical line."""

    number: int
    text: str


class Record(NamedTuple):
    """A line of a table's source as key and value."""

    number: int
    key: str
    value: str


def read_source(path: str | Path, *, kind: str = "open") -> str:
    """Return the text of a table's source file.

    Raises ConfigError: it cannot be read.
    """
    try:
        return decode(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"{kind} {path}: {error.strerror}") from error


def logical_lines(text: str, source: str = "", warn: Warn | None = None) -> Iterator[Line]:
    """Yield the logical lines of a text, without the white space at their ends.

    *warn* is told of a first line of *source* that continues nothing; it is left out.
    """
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.split("\n"), 1):
        visible = line.strip(BLANKS)
        if not visible or visible[0] == "#":
            continue
        if parts and line[0] in BLANKS:
            parts.append(line)
            continue
        if parts:
            joined = _joined(parts, source, warn)
            if joined:
                yield Line(first, joined)
        parts, first = [line], number
    if parts and (joined := _joined(parts, source, warn)):
        yield Line(first, joined)


def split_key_value(text: str) -> tuple[str, str]:
    """Return a logical line as key and value; white space in quotes does not end the key.

    Raises ConfigError: a quote is not closed.
    """
    plain = _PLAIN.match(text)
    if plain is not None:
        return plain[1], text[plain.end() :]
    match = _KEY.match(text)
    end = match.end() if match else 0
    if text[end : end + 1] == '"':
        raise ConfigError(f"unbalanced '\"' in '{text}'")
    # A backslash at the end of the text quotes nothing.
    end += text[end:] == "\\"
    return text[:end], text[end:].strip(BLANKS)


def records(
    lines: Iterable[Line], source: str, warn: Warn, *, utf8: bool, missing: str = EXPECTED
) -> Iterator[Record]:
    """Yield the entries of a table; *warn* is told of lines of *source* that are none.

    With *utf8*, a line that is no UTF-8 is none. *missing* is what is said of one without a value.
    """
    for number, text in lines:
        if utf8 and not is_utf8(text):
            warn(f'{source}, line {number}: non-UTF-8 input "{printable(text)}"{IGNORING}')
            continue
        try:
            key, value = split_key_value(text)
        except ConfigError as error:
            warn(f"{source}, line {number}: {error}{IGNORING}")
            continue
        if not value:
            warn(f"{source}, line {number}: {missing}")
            continue
        if key[-1] == ":":
            warn(f"{source}, line {number}: {_ALIAS}")
        yield Record(number, key, value)


def is_utf8(text: str) -> bool:
    """Return whether a text has no bytes that were no UTF-8 when it was read."""
    return text.isascii() or not _FOREIGN.search(text)


def malformed(table: str, key: str) -> str:
    """Return what is said of a key that is not UTF-8, which no table is asked for."""
    return f'{table}: non-UTF-8 key "{printable(key)}": {MALFORMED}'


def printable(text: str) -> str:
    """Return a text that may stand in a message: control characters and foreign bytes are "?"."""
    return _UNPRINTABLE.sub("?", text)


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


def _joined(parts: list[str], source: str, warn: Warn | None) -> str:
    """Return a logical line, "" for one that begins with white space."""
    text = parts[0] if len(parts) == 1 else "".join(parts)
    if "\0" in text:
        text = text[: text.index("\0")]
    if text[:1] in BLANKS:
        if warn is not None and text:
            shown = text.rstrip(BLANKS.replace("\r", ""))
            if len(shown) > _SHOWN_OF_A_LINE:
                shown = shown[:_SHOWN_OF_A_LINE] + "..."
            warn(f'{source}: logical line must not start with whitespace: "{printable(shown)}"')
        return ""
    return text.rstrip(BLANKS)
