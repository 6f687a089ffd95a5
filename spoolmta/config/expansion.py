"""Expansion of $name in configuration text.

    $name ${name} $(name)                 the value of name, itself expanded
    $$                                    one $
    ${name?text} ${name?{text}}           text if name has a value (unexpanded), else nothing
    ${name:text} ${name:{text}}           text if name has no value, else nothing
    ${name?{text}:{text}}                 the first or the second
    ${{left} operator {right} ? {text} : {text}}
                                          operators == != < <= >= >; numbers compare as numbers;
                                          with "level" appended as version numbers (3.10 > 3.9)

    ${domain_to_ascii{text}} ${domain_to_utf8{text}}
                                          the domain name that text expands to, in the other form

Postfix:    postconf(5), "The format of main.cf"
Must not:   know where values come from: *lookup* is passed in
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from spoolmta.config.domain_functions import FUNCTIONS
from spoolmta.errors import ConfigError

Lookup = Callable[[str], str | None]

_DEEPEST = 100
_CLOSING = {"{": "}", "(": ")"}
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_SPACE = " \t\r\n"
_OPERATORS = {"==": (0,), "!=": (-1, 1), "<": (-1,), "<=": (-1, 0), ">=": (0, 1), ">": (1,)}
_OPERATOR_SIGNS = "<>!=?"
# Postfix's words, quotation marks and all: who searches for them shall find them.
_WANTED_OPERATOR = '"==" or "!="" or "<"" or "<="" or ">="" or ">"'
_LEVEL = "level"
_LEVEL_PART = re.compile(r"\s*[+-]?[0-9]+", re.ASCII)
_LARGEST_PARTS = (2**43 - 1, 1023, 1023)
_LARGEST_NUMBER = 2**63 - 1
_MOST_DIGITS = 18
_SHOWN = 20


class ExpansionError(ConfigError):
    """Text that cannot be expanded: *fault* in Postfix's words, and where it stands."""

    def __init__(self, fault: str, hint: str = "", place: str = "") -> None:
        self.fault = fault
        self.hint = hint
        self.place = place
        where = f"{place}: " if place else ""
        super().__init__(f"{where}{fault} ({hint})" if hint else f"{where}{fault}")

    def at(self, place: str) -> "ExpansionError":
        """Return the same with its place."""
        return ExpansionError(self.fault, self.hint, place)


class References(NamedTuple):
    """The names that a text refers to, as often as it does, and its faults in Postfix's words."""

    names: list[str]
    faults: list[str]


class _Comparison(NamedTuple):
    """{left} operator {right}."""

    left: str
    operator: str
    right: str
    of_levels: bool


class _Call(NamedTuple):
    """function{argument}."""

    function: str
    argument: str


class _Branches(NamedTuple):
    """The texts of "?{a}:{b}", and what was wrong behind those that could be read."""

    positive: str = ""
    negative: str = ""
    fault: ExpansionError | None = None


def expand(text: str, lookup: Lookup) -> str:
    """Return *text* with every $name in it replaced, recursively.

    *lookup* returns the unexpanded value of a name, or None.
    Raises ExpansionError: the text breaks the syntax; the caller adds where it stands.
    """
    return _expand(text, lookup, 0)


def references(text: str) -> References:
    """Return the names that *text* refers to, in either branch of its conditions.

    Of a text that breaks the syntax, those before the fault.
    """
    found = References([], [])
    _collect(text, found, 0)
    return found


def parse_level(text: str) -> tuple[int, int, int]:
    """Return a compatibility level such as "2" or "3.10" as comparable numbers.

    Raises ExpansionError: it is none.
    """
    parts = text.strip(_SPACE).split(".")
    numbers = [_number(part) for part in parts if _LEVEL_PART.fullmatch(part)]
    if not 1 <= len(parts) == len(numbers) <= len(_LARGEST_PARTS) or not all(
        0 <= number <= most for number, most in zip(numbers, _LARGEST_PARTS, strict=False)
    ):
        fault = f'malformed compatibility level syntax: "{text}"'
        raise ExpansionError(fault, "expected a number such as 2 or 3.6")
    major, minor, patch = *numbers, *(0,) * (len(_LARGEST_PARTS) - len(numbers))
    return major, minor, patch


def matching_brace(text: str, start: int) -> int:
    """Return the index of the bracket that closes the one at *start*; -1 if there is none."""
    opening = text[start]
    closing = _CLOSING[opening]
    depth = 0
    for index in range(start, len(text)):
        character = text[index]
        if character == opening:
            depth += 1
        elif character == closing:
            depth -= 1
            if depth == 0:
                return index
    return -1


def _expand(text: str, lookup: Lookup, depth: int) -> str:
    position = text.find("$")
    if position < 0:
        return text
    pieces = []
    start = 0
    while position >= 0:
        pieces.append(text[start:position])
        body, start = macro_at(text, position)
        if text[position + 1] == "$":
            pieces.append("$")
        elif depth > _DEEPEST:
            raise ExpansionError(f'unreasonable macro call nesting: "{body}"')
        elif text[position + 1] in _CLOSING:
            pieces.append(_conditional(body, lookup, depth + 1))
        else:
            pieces.append(_value(body, lookup, depth + 1))
        position = text.find("$", start)
    pieces.append(text[start:])
    return "".join(pieces)


def macro_at(text: str, position: int) -> tuple[str, int]:
    """Return what the $ at *position* refers to, without brackets, and where text goes on.

    Raises ExpansionError: it refers to nothing.
    """
    after = position + 1
    character = text[after : after + 1]
    if character == "$":
        return "$", after + 1
    if character in _CLOSING:
        end = matching_brace(text, after)
        if end < 0:
            raise ExpansionError(f'truncated macro reference: "{text}"')
        if after + 1 == end:
            raise ExpansionError(f'empty macro name: "{text}"')
        return text[after + 1 : end], end + 1
    end = _name_end(text, after)
    if end == after:
        raise ExpansionError(f'empty macro name: "{text}"')
    return text[after:end], end


def _value(name: str, lookup: Lookup, depth: int) -> str:
    return _expand(lookup(name) or "", lookup, depth)


def _conditional(body: str, lookup: Lookup, depth: int) -> str:
    condition, rest = _condition(body)
    if isinstance(condition, _Call):
        return _called(condition, lookup, depth)
    if isinstance(condition, _Comparison):
        truth = _is_true(condition, lookup, depth)
        if not rest:
            return "true" if truth else ""
    elif not rest:
        return _value(condition, lookup, depth)
    else:
        truth = bool(lookup(condition))
    branches = _branches(rest)
    if branches.fault is not None:
        raise branches.fault
    return _expand(branches.positive if truth else branches.negative, lookup, depth)


def _called(call: _Call, lookup: Lookup, depth: int) -> str:
    domain = _expand(call.argument, lookup, depth)
    try:
        return FUNCTIONS[call.function](domain)
    except ValueError:
        fault = f"bad domain argument in: '{call.function}{{{domain}}}'"
        raise ExpansionError(fault, "expected a domain name") from None


def _condition(body: str) -> tuple[str | _Comparison | _Call, str]:
    """Return the name, comparison or call that *body* starts with, and what follows it."""
    text = body.lstrip(_SPACE)
    if text.startswith("{"):
        return _comparison(text)
    end = len(body) - len(text) + _name_end(text, 0)
    rest = body[end:].lstrip(_SPACE)
    name = body[:end].lstrip(_SPACE)
    if name in FUNCTIONS and rest.startswith("{"):
        argument, more = _braced(rest)
        if more:
            raise _unexpected("unexpected input", argument + "}", more)
        return _Call(name, argument), ""
    if rest and rest[0] not in "?:":
        raise _unexpected("attribute name syntax error", body[:end], body[end:])
    return name, rest


def _comparison(text: str) -> tuple[_Comparison, str]:
    """Return what "{left} operator {right}" compares, and what follows it."""
    left, rest = _braced(text)
    end = len(rest) - len(rest.lstrip(_OPERATOR_SIGNS))
    operator, behind = rest[:end], rest[end:]
    if operator not in _OPERATORS:
        raise _unexpected(f"{_WANTED_OPERATOR} expected", left + "}", rest)
    end = _suffix_end(behind)
    suffix, behind = behind[:end], behind[end:]
    if suffix not in ("", _LEVEL):
        raise ExpansionError(f'bad operator suffix at: "...{operator}>>>{suffix}"')
    if not behind.lstrip(_SPACE).startswith("{"):
        raise _unexpected('"{expression}" expected', f"{{{left}}} {operator}", behind)
    right, rest = _braced(behind.lstrip(_SPACE))
    return _Comparison(left, operator, right, suffix == _LEVEL), rest


def _branches(rest: str) -> _Branches:
    """Return the texts of "?{a}:{b}" (the first for true), either of which may be missing."""
    mark, rest = rest[0], rest[1:]
    if mark not in "?:":
        return _Branches(fault=_unexpected('"?" or ":" expected', "}", mark + rest))
    first = rest.lstrip(_SPACE)
    if not first.startswith("{"):
        return _Branches(rest) if mark == "?" else _Branches("", rest)
    chosen, more = _braced(first)
    if mark == ":":
        fault = _unexpected("unexpected input", chosen + "}", more) if more else None
        return _Branches("", chosen, fault)
    if not more:
        return _Branches(chosen)
    if more[0] != ":":
        return _Branches(chosen, "", _unexpected('":" expected', chosen + "}", more))
    other = more[1:].lstrip(_SPACE)
    if not other.startswith("{"):
        return _Branches(chosen, more[1:])
    negative, more = _braced(other)
    fault = _unexpected("unexpected input", negative + "}", more) if more else None
    return _Branches(chosen, negative, fault)


def _is_true(comparison: _Comparison, lookup: Lookup, depth: int) -> bool:
    left = _expand(comparison.left, lookup, depth)
    right = _expand(comparison.right, lookup, depth)
    order = _order(left, right, of_levels=comparison.of_levels)
    return order in _OPERATORS[comparison.operator]


def _order(left: str, right: str, *, of_levels: bool) -> int:
    """Return -1, 0 or 1: how the two compare as versions, as numbers, or as text."""
    if of_levels:
        one, other = parse_level(left), parse_level(right)
        return (one > other) - (one < other)
    if left.isascii() and right.isascii() and left.isdigit() and right.isdigit():
        return (_number(left) > _number(right)) - (_number(left) < _number(right))
    return (left > right) - (left < right)


def _number(text: str) -> int:
    """Return the value of a number; like C's strtol it does not grow for ever."""
    digits = text.strip(_SPACE).lstrip("+-0")
    return _LARGEST_NUMBER if len(digits) > _MOST_DIGITS else int(text)


def _braced(text: str) -> tuple[str, str]:
    """Return the text inside the braces that *text* starts with, and what follows them."""
    end = matching_brace(text, 0)
    if end < 0:
        raise _unexpected('"}" expected', "", text)
    return text[1:end], text[end + 1 :].lstrip(_SPACE)


def _collect(text: str, found: References, depth: int) -> None:
    """Add to *found* what *text* refers to, up to its first fault.

    What is nested deeper than can be expanded is not looked at.
    Behind a fault within brackets the text is still searched for brackets that do not match.
    """
    position = text.find("$") if depth <= _DEEPEST else -1
    known = len(found.faults)
    while position >= 0:
        try:
            body, after = macro_at(text, position)
        except ExpansionError as error:
            found.faults.append(error.fault)
            return
        mark = text[position + 1]
        if len(found.faults) == known and mark != "$":
            _collect_macro(body, found, depth, bracketed=mark in _CLOSING)
        position = text.find("$", after)


def _collect_macro(body: str, found: References, depth: int, *, bracketed: bool) -> None:
    if not bracketed:
        found.names.append(body)
        return
    try:
        _collect_conditional(body, found, depth + 1)
    except ExpansionError as error:
        found.faults.append(error.fault)


def _collect_conditional(body: str, found: References, depth: int) -> None:
    condition, rest = _condition(body)
    if isinstance(condition, _Call):
        _collect(condition.argument, found, depth)
    elif isinstance(condition, _Comparison):
        _collect(condition.left, found, depth)
        _collect(condition.right, found, depth)
    else:
        found.names.append(condition)
    if rest:
        branches = _branches(rest)
        _collect(branches.positive, found, depth)
        _collect(branches.negative, found, depth)
        if branches.fault is not None:
            raise branches.fault


def _name_end(text: str, start: int) -> int:
    end = start
    while end < len(text) and text[end] in _NAME:
        end += 1
    return end


def _suffix_end(text: str) -> int:
    return next((i for i, c in enumerate(text) if not (c.isascii() and c.isalnum())), len(text))


def _unexpected(fault: str, before: str, rest: str) -> ExpansionError:
    return ExpansionError(f'{fault} at: "...{before}>>>{rest[:_SHOWN]}"')
