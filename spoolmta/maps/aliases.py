"""The entries of aliases(5) files: "name: value, value". Quotes hold blanks in a name.

Postfix:  aliases(5), postalias(1), local(8)
Must not: know what a value means
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
