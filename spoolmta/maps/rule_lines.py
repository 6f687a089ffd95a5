"""The rules of a pattern or cidr table, from a file or from main.cf; and what is told of them.

    pcre:/etc/postfix/rules        pcre:{ {rule}, {rule} }

A rule that cannot be understood is left out, and a warning says so: warnings go to the logger
"spoolmta.maps".

Postfix: regexp_table(5), pcre_table(5), cidr_table(5) "INLINE SPECIFICATION"
"""

import logging
from collections.abc import Iterator

from spoolmta.errors import ConfigError
from spoolmta.maps.syntax import split_words
from spoolmta.maps.text import BLANKS, Line, logical_lines, read_source

_LOGGER = logging.getLogger("spoolmta.maps")


def rule_lines(kind: str, argument: str) -> Iterator[Line]:
    """Yield the rules of the table *kind*:*argument*, without what follows a NUL in them.

    Raises ConfigError: the file cannot be read, or a brace is missing.
    """
    if argument.startswith("{"):
        lines = _inline_lines(kind, argument)
    else:
        lines = logical_lines(read_source(argument))
    for line in lines:
        text = line.text.partition("\0")[0].strip(BLANKS)
        if text:
            yield Line(line.number, text)


def warn_of_rule(kind: str, argument: str, line: int, text: str) -> None:
    """Tell what is wrong with the rule in a line."""
    warn(f"{kind} map {argument}, line {line}: {text}")


def warn(text: str) -> None:
    """Tell what is wrong with a table, without the bytes that no terminal shows."""
    _LOGGER.warning("%s", "".join(c if _is_shown(c) else "?" for c in text))


def _inline_lines(kind: str, argument: str) -> Iterator[Line]:
    number = 0
    for word in split_words(_between_braces(kind, argument)):
        rule = _between_braces(kind, word)
        if rule[:1] not in ("", "#"):
            number += 1
            yield Line(number, rule)


def _between_braces(kind: str, text: str) -> str:
    """Return what a text in braces holds.

    Raises ConfigError: it is not in braces, or they are not a pair around all of it.
    """
    if not text.startswith("{"):
        raise ConfigError(f"{kind} map: no '{{' at start of text in \"{text}\"")
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if not depth:
            if text[at + 1 :].strip(BLANKS):
                raise ConfigError(f"{kind} map: syntax error after '}}' in \"{text}\"")
            return text[1:at].strip(BLANKS)
    raise ConfigError(f"{kind} map: missing '}}' in \"{text}\"")


def _is_shown(character: str) -> bool:
    return character.isprintable() or character == "\N{NO-BREAK SPACE}"
