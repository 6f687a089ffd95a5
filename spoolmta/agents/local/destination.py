"""The values of aliases(5), also the lines of :include: and .forward files.

Commas or blanks stand between them. What begins with one of the marks is no address, quoted or not.

Postfix:    local/token.c; aliases(5)
Must not:   look anything up
"""

import re
from enum import StrEnum

import msgspec

from spoolmta.address.address_list import parse_address_list
from spoolmta.address.rewrite import PLAIN

_INCLUDE = ":include:"
_ANY_INCLUDE = re.compile(_INCLUDE, re.IGNORECASE)
# Quoted strings and comments are passed over. In a list of addresses the colon would be a group's.
_PLAIN_INCLUDE = re.compile(
    r'"(?:[^"\\]|\\.)*"?|\((?:[^()\\]|\\.)*\)?|(?P<include>:include:[^\s,"]*)',
    re.IGNORECASE | re.DOTALL,
)


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


class Destination(msgspec.Struct, frozen=True):
    """One value: *text* is the address (internal form), command line or path."""

    kind: Kind
    text: str


def parse_value(text: str) -> list[Destination]:
    """Return the destinations of an alias' value, in their order."""
    if PLAIN.fullmatch(text):
        return [_destination(text)]
    if ":" in text and _ANY_INCLUDE.search(text):
        text = _PLAIN_INCLUDE.sub(_quoted, text)
    listed = [address for address in parse_address_list(text) if address]
    if len(listed) == 1:
        return [_destination(listed[0].internal)]
    known = {address: _destination(address.internal) for address in set(listed)}
    return [known[address] for address in listed]


def parse_file(text: str) -> list[Destination]:
    """Return the destinations of a :include: or .forward file: values, a line each."""
    lines = [line for line in text.split("\n") if not line.startswith("#")]
    known = {line: parse_value(line) for line in set(lines)}
    return [destination for line in lines for destination in known[line]]


def _destination(text: str) -> Destination:
    if text.startswith("|"):
        return Destination(Kind.COMMAND, text[1:])
    if text.startswith(("/", "~")):
        return Destination(Kind.FILE, text)
    if text[: len(_INCLUDE)].lower() == _INCLUDE:
        return Destination(Kind.INCLUDE, text[len(_INCLUDE) :])
    return Destination(Kind.ADDRESS, text)


def _quoted(match: re.Match[str]) -> str:
    path = match["include"]
    if path is None:
        return match[0]
    escaped = path.replace("\\", "\\\\")
    return f'"{escaped}"'
