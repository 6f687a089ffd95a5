"""The value of a pattern's rule, with $1, ${1} or $(1) where it takes what a group took.

Postfix: regexp_table(5), pcre_table(5) "TEXT SUBSTITUTION"
"""

import re
from collections.abc import Callable

from spoolmta.errors import ConfigError
from spoolmta.maps.patterns.rule_lines import warn
from spoolmta.maps.text import decode

_NAME = re.compile(rb"[0-9A-Za-z_]*")
_NUMBER = re.compile(rb"[0-9]+")
_CLOSING = {b"{": b"}", b"(": b")"}
_LARGEST = 0x7FFF_FFFF
_SKIPPING = "bad replacement syntax: skipping this rule"

Replacement = list[bytes | int]


def parse_replacement(text: bytes, tell: Callable[[str], None], out_of_range: str) -> Replacement:
    """Return a value as literal text and numbers of groups.

    *tell* hears of a reference that is no number of a group, *out_of_range* begins what it hears
    of a number that cannot be one. Raises ConfigError: then, or if a reference has no name or end.
    """
    parts: Replacement = []
    is_bad = False
    at = 0
    while at < len(text):
        dollar = text.find(b"$", at)
        if dollar < 0:
            parts.append(text[at:])
            break
        parts.append(text[at:dollar])
        if text[dollar + 1 : dollar + 2] == b"$":
            parts.append(b"$")
            at = dollar + 2
            continue
        name, at = _reference(text, dollar + 1)
        if _NUMBER.fullmatch(name) is None:
            tell(f'non-numeric replacement index "{decode(name)}"')
            is_bad = True
        elif not 0 < int(name) <= _LARGEST:
            tell(f'{out_of_range} replacement index "{decode(name)}"')
            is_bad = True
        else:
            parts.append(int(name))
    if is_bad:
        raise ConfigError(_SKIPPING)
    return parts


def _reference(text: bytes, at: int) -> tuple[bytes, int]:
    """Return the name that follows a dollar, and where the reference ends."""
    opening = text[at : at + 1]
    if opening not in _CLOSING:
        found = _NAME.match(text, at)
        assert found is not None
        name, end = found[0], found.end()
    else:
        end = _end_of_braces(text, at)
        name = text[at + 1 : end - 1]
    if not name:
        warn(f'empty macro name: "{decode(text)}"')
        raise ConfigError(_SKIPPING)
    return name, end


def _end_of_braces(text: bytes, at: int) -> int:
    opening = text[at : at + 1]
    depth = 0
    for end in range(at, len(text)):
        character = text[end : end + 1]
        depth += (character == opening) - (character == _CLOSING[opening])
        if not depth:
            return end + 1
    warn(f'truncated macro reference: "{decode(text)}"')
    raise ConfigError(_SKIPPING)
