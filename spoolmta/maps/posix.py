"""POSIX extended and Perl-compatible patterns, translated to those of Python's re.

Postfix: regexp_table(5), pcre_table(5)
Limits:  of alternatives the first that matches is taken, not the longest as POSIX has it;
         recursion, conditions on recursion, \\K and callouts of PCRE are not known
"""

import re
from collections.abc import Callable

_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t\n\r\f\v",
    "upper": "A-Z",
    "word": "a-zA-Z0-9_",
    "xdigit": "a-fA-F0-9",
}
_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")
_INTERVAL = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}|\{,[0-9]+\}")
_POSIX_ESCAPES = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A", "'": r"\Z"}
_PCRE_ESCAPES = {
    "z": r"\Z",
    "Z": r"(?=\n?\Z)",
    "h": r"[ \t]",
    "H": r"[^ \t]",
    "R": r"(?:\r\n|[\n\v\f\r])",
    "N": r"[^\n]",
    "e": r"\x1b",
}
_HEXADECIMAL = re.compile(r"\\x\{([0-9A-Fa-f]+)\}")
_PERL_NAME = re.compile(r"\(\?<([A-Za-z_])")


def from_posix(pattern: str, *, multiline: bool) -> str:
    """Return an extended regular expression in Python's notation."""

    def escape(character: str) -> str:
        if character in _POSIX_ESCAPES:
            return _POSIX_ESCAPES[character]
        if character in "wWsSbB" or character in "123456789":
            return "\\" + character
        return re.escape(character)

    def plain(at: int) -> tuple[str, int]:
        character = pattern[at]
        if character == "$":
            return ("$" if multiline else r"\Z"), at + 1
        if character == "{" and not _INTERVAL.match(pattern, at):
            return r"\{", at + 1
        if pattern.startswith("(?", at):
            return r"(\?", at + 2
        return character, at + 1

    return _translate(pattern, escape, plain, backslash_in_set=False)


def from_perl(pattern: str) -> str:
    """Return a Perl-compatible expression in Python's notation."""
    quoted = "\\Q" in pattern
    if quoted:
        pattern = _unquote_literals(pattern)
    pattern = _HEXADECIMAL.sub(lambda match: re.escape(chr(int(match[1], 16) % 0x110000)), pattern)
    pattern = _PERL_NAME.sub(r"(?P<\1", pattern)

    def escape(character: str) -> str:
        return _PCRE_ESCAPES.get(character) or "\\" + character

    def plain(at: int) -> tuple[str, int]:
        return pattern[at], at + 1

    return _translate(pattern, escape, plain, backslash_in_set=True)


def extended_from_basic(pattern: str) -> str:
    """Return a basic regular expression (flag x) in extended notation."""
    parts = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "[":
            end = _set_end(pattern, at, backslash_in_set=False)
            parts.append(pattern[at:end])
            at = end
        elif character == "\\" and at + 1 < len(pattern):
            following = pattern[at + 1]
            parts.append(following if following in "(){}|+?" else character + following)
            at += 2
        else:
            parts.append("\\" + character if character in "(){}|+?" else character)
            at += 1
    return "".join(parts)


def _translate(
    pattern: str,
    escape: Callable[[str], str],
    plain: Callable[[int], tuple[str, int]],
    *,
    backslash_in_set: bool,
) -> str:
    parts = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\" and at + 1 < len(pattern):
            parts.append(escape(pattern[at + 1]))
            at += 2
        elif character == "[":
            end = _set_end(pattern, at, backslash_in_set=backslash_in_set)
            parts.append(_set(pattern[at:end], backslash_in_set=backslash_in_set))
            at = end
        else:
            part, at = plain(at)
            parts.append(part)
    return "".join(parts)


def _set_end(pattern: str, start: int, *, backslash_in_set: bool) -> int:
    at = start + 1
    if pattern[at : at + 1] == "^":
        at += 1
    if pattern[at : at + 1] == "]":
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        named = _CLASS.match(pattern, at)
        if named:
            at = named.end()
        else:
            at += 2 if backslash_in_set and pattern[at] == "\\" else 1
    return at + 1


def _set(text: str, *, backslash_in_set: bool) -> str:
    negated = text.startswith("[^")
    body = text[2 if negated else 1 : -1]
    parts = []
    at = 0
    while at < len(body):
        named = _CLASS.match(body, at)
        if named and named[2] in _CLASSES:
            parts.append(_CLASSES[named[2]])
            at = named.end()
            continue
        character = body[at]
        at += 1
        if character == "\\" and backslash_in_set:
            following = body[at : at + 1]
            parts.append(r" \t" if following == "h" else character + following)
            at += 1
        elif character in "\\[]&~|":
            parts.append("\\" + character)
        else:
            parts.append(character)
    return f"[{'^' if negated else ''}{''.join(parts)}]"


def _unquote_literals(pattern: str) -> str:
    parts = []
    for number, piece in enumerate(pattern.split("\\Q")):
        if not number:
            parts.append(piece)
            continue
        literal, _, rest = piece.partition("\\E")
        parts += (re.escape(literal), rest)
    return "".join(parts)
