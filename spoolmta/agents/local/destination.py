"""The values of aliases(5), also the lines of :include: and .forward files.

Postfix:    local/token.c; aliases(5)
Must not:   look anything up
Limits:     what stands between two commas is one destination
"""

from dataclasses import dataclass
from enum import StrEnum

from spoolmta.address.address_list import parse_address_list

_INCLUDE = ":include:"
_PAIRS = {"(": ")", "<": ">"}


class Kind(StrEnum):
    """What a destination is.

    ADDRESS  mail goes on to it
    COMMAND  "|command"
    FILE     "/file", "~/file"; with a slash at its end a maildir
    INCLUDE  ":include:/file"
    """

    ADDRESS = "address"
    COMMAND = "command"
    FILE = "file"
    INCLUDE = "include"


@dataclass(frozen=True, slots=True)
class Destination:
    """One value: *text* is the address (internal form), command line or path."""

    kind: Kind
    text: str


def parse_value(text: str) -> list[Destination]:
    """Return the destinations of an alias' value, in their order."""
    return [destination for item in _items(text) for destination in _parse(item)]


def parse_file(text: str) -> list[Destination]:
    """Return the destinations of a :include: or .forward file: values, a line each."""
    return [
        destination
        for line in text.split("\n")
        if not line.startswith("#")
        for destination in parse_value(line)
    ]


def _parse(item: str) -> list[Destination]:
    special = _special(_dequoted(item))
    if special is not None:
        return [special]
    return [
        Destination(Kind.ADDRESS, address.internal)
        for address in parse_address_list(item)
        if address.internal
    ]


def _special(text: str) -> Destination | None:
    if text.startswith("|"):
        return Destination(Kind.COMMAND, text[1:].strip())
    if text.startswith(("/", "~/")):
        return Destination(Kind.FILE, text)
    if text[: len(_INCLUDE)].lower() == _INCLUDE:
        return Destination(Kind.INCLUDE, text[len(_INCLUDE) :].strip())
    return None


def _dequoted(item: str) -> str:
    """Return what an item says if all of it stands in quotes, else the item."""
    if len(item) < 2 or item[0] != '"' or item[-1] != '"':
        return item
    text = ""
    at = 1
    while at < len(item) - 1:
        if item[at] == '"':
            return item
        if item[at] == "\\" and at + 1 < len(item) - 1:
            at += 1
        text += item[at]
        at += 1
    return text


def _items(text: str) -> list[str]:
    """Return what stands between commas that are in no quotes, comments or brackets."""
    items = []
    start = 0
    closing = ""
    at = 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
        elif closing:
            if character == closing:
                closing = ""
        elif character == '"':
            closing = '"'
        elif character in _PAIRS:
            closing = _PAIRS[character]
        elif character == ",":
            items.append(text[start:at].strip())
            start = at + 1
        at += 1
    items.append(text[start:].strip())
    return [item for item in items if item]
