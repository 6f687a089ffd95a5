"""Which text a key must hold for a regular expression to match: most rules need not be tried.

Looking for a short text is some thirty times cheaper than matching an expression, and of many
texts only those need be looked for of which three characters are in the key. What is found must be
true of every match, so whatever is not plainly understood ends the search.

Texts are bytes as characters (Latin-1), in lower case.

Postfix:  regexp_table(5), pcre_table(5)
Must not: give a text that some match does without
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_PLAIN = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 @_-=:;,<>\"'#%&~!/"
)
_ESCAPED = frozenset(b".[]()*+?{}^$|/-@ :")
_BREAKS = frozenset(b".^$")
_QUANTIFIERS = frozenset(b"*?{+")
_INTERVAL = re.compile(rb"\{[0-9, ]*\}")
# As many characters of a literal are looked for first.
_PART = 3
# An escape that stands for a class of characters, or for none.
_POSIX_CLASSES = frozenset(b"wWsSbB<>`'123456789")
_PERL_CLASSES = frozenset(b"wWsSbBdDhHvVRAZzGKnrt")
# Options and comments inside of a group, verbs, quoted text: they change what follows.
_PERL_CHANGES = re.compile(rb"\(\?[^:=!><|]|\(\*|\\[QE]")


@dataclass(frozen=True, slots=True)
class _Dialect:
    classes: frozenset[int]
    set: re.Pattern[bytes]


_POSIX = _Dialect(
    _POSIX_CLASSES,
    re.compile(rb"\[\^?\]?(?:\[:.*?:\]|\[\..*?\.\]|\[=.*?=\]|[^\]])*\]", re.DOTALL),
)
_PERL = _Dialect(
    _PERL_CLASSES, re.compile(rb"\[\^?\]?(?:\[:\^?[a-z]+:\]|\\.|[^\]\\])*\]", re.DOTALL)
)


class _Unknown(Exception):
    """Something that is not plainly understood."""


def folded(subject: bytes) -> str:
    """Return a key as the text that literals are looked for in."""
    return subject.lower().decode("latin-1")


def required_literal(source: bytes, flags: str, *, perl: bool) -> str:
    """Return a text that whatever the expression matches holds, "" if none is known.

    *flags* are those that the rule has after its expression.
    """
    if "x" in flags or (perl and _PERL_CHANGES.search(source)):
        return ""
    try:
        runs = _runs(source, _PERL if perl else _POSIX)
    except _Unknown:
        return ""
    return folded(max(runs, key=len))


class LiteralIndex:
    """Which of many literals, each with a number, are in a text."""

    __slots__ = ("_by_part", "_literals", "_short")

    def __init__(self, literals: Sequence[tuple[str, int]]) -> None:
        """The numbers of *literals* ascend."""
        self._literals = literals
        self._short = [entry for entry in literals if len(entry[0]) < _PART]
        self._by_part: dict[str, list[tuple[str, int]]] = {}
        counts = Counter(part for literal, _ in literals for part in _parts(literal))
        for literal, number in literals:
            parts = _parts(literal)
            if parts:
                rarest = min(parts, key=counts.__getitem__)
                self._by_part.setdefault(rarest, []).append((literal, number))

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of the literals that *text* holds, ascending."""
        if len(self._literals) <= len(text):
            return [number for literal, number in self._literals if literal in text]
        candidates = list(self._short)
        find = self._by_part.get
        for at in range(len(text) - _PART + 1):
            found = find(text[at : at + _PART])
            if found is not None:
                candidates += found
        return sorted({number for literal, number in candidates if literal in text})


def _parts(literal: str) -> list[str]:
    return [literal[at : at + _PART] for at in range(len(literal) - _PART + 1)]


def _runs(source: bytes, dialect: _Dialect) -> list[bytes]:
    """Return the texts that stand side by side in every match."""
    runs: list[bytes] = []
    run = bytearray()
    at = 0
    while at < len(source):
        byte = source[at]
        end = at + 1
        if byte in _PLAIN or byte >= 0x80:
            run.append(byte)
        elif byte == ord("\\") and source[end : end + 1] and source[end] in _ESCAPED:
            run.append(source[end])
            end += 1
        else:
            end = _end_of_item(source, at, dialect)
            if byte in _QUANTIFIERS and (byte != ord("+") or _is_repeated(source, end)):
                del run[-1:]
            runs.append(bytes(run))
            run.clear()
        at = end
    return [*runs, bytes(run)]


def _is_repeated(source: bytes, end: int) -> bool:
    return end < len(source) and source[end] in _QUANTIFIERS


def _end_of_item(source: bytes, at: int, dialect: _Dialect) -> int:
    """Return where an item ends that is no plain character."""
    byte = source[at]
    if byte == ord("("):
        return _end_of_group(source, at, dialect)
    if byte in b"[{":
        found = (dialect.set if byte == ord("[") else _INTERVAL).match(source, at)
        if found is None:
            raise _Unknown
        return found.end()
    if byte == ord("\\") and at + 1 < len(source) and source[at + 1] in dialect.classes:
        return at + 2
    if byte in _BREAKS or byte in _QUANTIFIERS:
        return at + 1
    raise _Unknown


def _end_of_group(source: bytes, at: int, dialect: _Dialect) -> int:
    depth = 0
    while at < len(source):
        byte = source[at]
        if byte == ord("["):
            at = _end_of_item(source, at, dialect)
            continue
        if byte == ord("\\"):
            at += 1
        elif byte == ord("("):
            depth += 1
        elif byte == ord(")"):
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    raise _Unknown
