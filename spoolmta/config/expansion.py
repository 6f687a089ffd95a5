"""Expansion of $name in configuration text.

    $name ${name} $(name)                 the value of name, itself expanded
    $$                                    one $
    ${name?text} ${name?{text}}           text if name has a value (unexpanded), else nothing
    ${name:text} ${name:{text}}           text if name has no value, else nothing
    ${name?{text}:{text}}                 the first or the second
    ${{left} operator {right} ? {text} : {text}}
                                          operators == != < <= >= >; numbers compare as numbers;
                                          with "level" appended as version numbers (3.10 > 3.9)

Postfix:    postconf(5), "The format of main.cf"
Must not:   know where values come from: *lookup* is passed in
"""

from collections.abc import Callable

from spoolmta.errors import ConfigError

Lookup = Callable[[str], str | None]

_DEEPEST = 100
_CLOSING = {"{": "}", "(": ")"}
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_SPACE = " \t\r\n"
_OPERATORS = {"==": (0,), "!=": (-1, 1), "<=": (-1, 0), ">=": (0, 1), "<": (-1,), ">": (1,)}
_LEVEL = "level"


def expand(text: str, lookup: Lookup) -> str:
    """Return *text* with every $name in it replaced, recursively.

    *lookup* returns the unexpanded value of a name, or None.
    Raises ConfigError: the text breaks the syntax; the caller adds where it stands.
    """
    return _expand(text, lookup, 0)


def references(text: str) -> tuple[str, ...]:
    """Return the names that *text* refers to, in either branch of its conditions.

    Raises ConfigError: as expand().
    """
    names: dict[str, None] = {}
    _collect(text, names)
    return tuple(names)


def parse_level(text: str) -> tuple[int, int, int]:
    """Return a compatibility level such as "2" or "3.10" as comparable numbers.

    Raises ConfigError: it is none.
    """
    parts = text.strip(_SPACE).split(".")
    if not 1 <= len(parts) <= 3 or not all(p.isascii() and p.isdigit() for p in parts):
        raise ConfigError(
            f'malformed compatibility level syntax: "{text}" (expected a number such as 2 or 3.6)'
        )
    numbers = [int(part) for part in parts] + [0, 0]
    return numbers[0], numbers[1], numbers[2]


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
    if depth > _DEEPEST:
        raise ConfigError(f'unreasonable macro call nesting: "{_excerpt(text)}"')
    pieces = []
    start = 0
    while position >= 0:
        pieces.append(text[start:position])
        body, start = _macro(text, position)
        if body == "$":
            pieces.append("$")
        elif text[position + 1] in _CLOSING:
            pieces.append(_conditional(body, lookup, depth + 1))
        else:
            pieces.append(_value(body, lookup, depth + 1))
        position = text.find("$", start)
    pieces.append(text[start:])
    return "".join(pieces)


def _macro(text: str, position: int) -> tuple[str, int]:
    """Return what the $ at *position* refers to, without brackets, and where text goes on."""
    after = position + 1
    character = text[after : after + 1]
    if character == "$":
        return "$", after + 1
    if character in _CLOSING:
        end = matching_brace(text, after)
        if end < 0:
            raise ConfigError(f'truncated macro reference: "{_excerpt(text)}"')
        body = text[after + 1 : end].lstrip(_SPACE)
        if not body:
            raise ConfigError(f'empty macro name: "{_excerpt(text)}"')
        return body, end + 1
    end = _name_end(text, after)
    if end == after:
        raise ConfigError(f'empty macro name: "{_excerpt(text)}"')
    return text[after:end], end


def _value(name: str, lookup: Lookup, depth: int) -> str:
    return _expand(lookup(name) or "", lookup, depth)


def _conditional(body: str, lookup: Lookup, depth: int) -> str:
    if body[0] == "{":
        truth, rest = _compare(body, lookup, depth)
        if not rest:
            return "true" if truth else ""
    else:
        end = _name_end(body, 0)
        name, rest = body[:end], body[end:].lstrip(_SPACE)
        if not rest:
            return _value(name, lookup, depth)
        if rest[0] not in "?:":
            raise ConfigError(f'attribute name syntax error at: "{_excerpt(rest)}"')
        truth = bool(lookup(name))
    positive, negative = _branches(rest)
    return _expand(positive if truth else negative, lookup, depth)


def _branches(rest: str) -> tuple[str, str]:
    """Return the texts of "?{a}:{b}" (the first for true), either of which may be missing."""
    mark, rest = rest[0], rest[1:]
    first = rest.lstrip(_SPACE)
    if not first.startswith("{"):
        return (rest, "") if mark == "?" else ("", rest)
    chosen, more = _braced(first)
    if not more:
        return (chosen, "") if mark == "?" else ("", chosen)
    if mark == ":":
        raise ConfigError(f'unexpected input at: "{_excerpt(more)}"')
    if more[0] != ":":
        raise ConfigError(f'":" expected at: "{_excerpt(more)}"')
    other = more[1:].lstrip(_SPACE)
    if not other.startswith("{"):
        return chosen, more[1:]
    negative, more = _braced(other)
    if more:
        raise ConfigError(f'unexpected input at: "{_excerpt(more)}"')
    return chosen, negative


def _compare(body: str, lookup: Lookup, depth: int) -> tuple[bool, str]:
    """Return the truth of "{left} operator {right}" and what follows it."""
    left, rest = _braced(body)
    symbol = next((symbol for symbol in _OPERATORS if rest.startswith(symbol)), None)
    if symbol is None:
        raise ConfigError(f'"==", "!=", "<", "<=", ">=" or ">" expected at: "{_excerpt(rest)}"')
    rest = rest[len(symbol) :]
    level = rest.startswith(_LEVEL)
    rest = rest[len(_LEVEL) if level else 0 :].lstrip(_SPACE)
    if not rest.startswith("{"):
        raise ConfigError(f'"{{expression}}" expected at: "{_excerpt(rest)}"')
    right, rest = _braced(rest)
    if rest and rest[0] not in "?:":
        raise ConfigError(f'"?" expected at: "{_excerpt(rest)}"')
    order = _order(_expand(left, lookup, depth), _expand(right, lookup, depth), level=level)
    return order in _OPERATORS[symbol], rest


def _order(left: str, right: str, *, level: bool) -> int:
    """Return -1, 0 or 1: how the two compare as versions, as numbers, or as text."""
    if level:
        one, other = parse_level(left), parse_level(right)
        return (one > other) - (one < other)
    if left.isascii() and right.isascii() and left.isdigit() and right.isdigit():
        return (int(left) > int(right)) - (int(left) < int(right))
    return (left > right) - (left < right)


def _braced(text: str) -> tuple[str, str]:
    """Return the text inside the braces that *text* starts with, and what follows them."""
    end = matching_brace(text, 0)
    if end < 0:
        raise ConfigError(f'"}}" expected at: "{_excerpt(text)}"')
    return text[1:end], text[end + 1 :].lstrip(_SPACE)


def _collect(text: str, names: dict[str, None]) -> None:
    position = text.find("$")
    while position >= 0:
        bracketed = text[position + 1 : position + 2] in ("{", "(")
        body, after = _macro(text, position)
        if body != "$" and not bracketed:
            names[body] = None
        elif bracketed:
            _collect_conditional(body, names)
        position = text.find("$", after)


def _collect_conditional(body: str, names: dict[str, None]) -> None:
    end = _name_end(body, 0)
    if end:
        names[body[:end]] = None
    _collect(body[end:], names)


def _name_end(text: str, start: int) -> int:
    end = start
    while end < len(text) and text[end] in _NAME:
        end += 1
    return end


def _excerpt(text: str) -> str:
    return text if len(text) <= 100 else text[:100] + "..."
