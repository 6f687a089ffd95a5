"""aliases(5): "name: value, value" files, and what one value means.

A value is an address, /file, "|command", or :include:/file. Quotes hold blanks and commas.

Postfix:  aliases(5), postalias(1), local(8)
Must not: open a file that a value names
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from spoolmta.maps.keys import fold
from spoolmta.maps.text import BLANKS, logical_lines


class AliasEntry(NamedTuple):
    """A name without its quotes, folded, and the values as they are written."""

    name: str
    value: str


def alias_entries(
    text: str, source: str, warn: Callable[[str], None], *, folded: bool = True
) -> Iterator[AliasEntry]:
    """Yield the entries of an alias file; *warn* is told of lines that are none."""
    for line in logical_lines(text):
        place = f"{source}, line {line.number}"
        name, rest = _split_name(line.text)
        if not rest.startswith(":"):
            warn(f"{place}: need name:value pair")
        elif "@" in name and not line.text.startswith('"'):
            warn(f"{place}: name must be local")
        elif not name:
            warn(f"{place}: empty name")
        elif not rest[1:].strip(BLANKS):
            warn(f"{place}: no value for {name}")
        else:
            yield AliasEntry(fold(name) if folded else name, rest[1:].strip(BLANKS))


def split_values(value: str) -> list[str]:
    """Return the values that commas separate, without the quotes around them.

    "|command" and :include: values, and display names, are left as they are otherwise.
    """
    values: list[str] = []
    current: list[str] = []
    at = 0
    while at < len(value):
        character = value[at]
        if character == '"':
            end = _quote_end(value, at)
            current.append(value[at:end])
            at = end
        elif character == "(":
            at = _comment_end(value, at)
        else:
            if character == ",":
                values.append("".join(current))
                current = []
            else:
                current.append(character)
            at += 1
    values.append("".join(current))
    return [item for part in values if (item := _unquoted(part.strip(BLANKS)))]


def _unquoted(text: str) -> str:
    """Return a value that is quoted as a whole without its quotes and backslashes."""
    if text[:1] != '"' or _quote_end(text, 0) != len(text):
        return text
    parts = []
    at = 1
    end = len(text) - 1
    while at < end:
        if text[at] == "\\" and at + 1 < end:
            at += 1
        parts.append(text[at])
        at += 1
    return "".join(parts)


def _split_name(text: str) -> tuple[str, str]:
    if text.startswith('"'):
        end = _quote_end(text, 0)
        return _unquoted(text[:end]), text[end:].lstrip(BLANKS)
    name, colon, rest = text.partition(":")
    return name.strip(BLANKS), colon + rest


def _quote_end(text: str, start: int) -> int:
    at = start + 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def _comment_end(text: str, start: int) -> int:
    depth = 0
    for at in range(start, len(text)):
        if text[at] == "(":
            depth += 1
        elif text[at] == ")":
            depth -= 1
            if not depth:
                return at + 1
    return len(text)
