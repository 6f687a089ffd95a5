"""The rules of a pattern or cidr table, from a file or from main.cf; and what is told of them.

    pcre:/etc/postfix/rules        pcre:{ {rule}, {rule} }

A rule that cannot be understood is left out, and a warning says so.

Postfix: regexp_table(5), pcre_table(5), cidr_table(5) "INLINE SPECIFICATION"
"""

from collections.abc import Iterator

from spoolmta.errors import ConfigError
from spoolmta.maps.lookup import PROBLEMS
from spoolmta.maps.syntax import split_words
from spoolmta.maps.text import BLANKS, Line, logical_lines, printable, read_source


def rule_lines(kind: str, argument: str) -> Iterator[Line]:
    """Yield the rules of the table *kind*:*argument*.

    Raises ConfigError: the file cannot be read, or a brace is missing.
    """
    if argument.startswith("{"):
        yield from _inline_lines(kind, argument)
    else:
        yield from logical_lines(read_source(argument), argument, warn)


def warn_of_rule(kind: str, argument: str, line: int, text: str) -> None:
    """Tell what is wrong with the rule in a line."""
    warn(f"{kind} map {argument}, line {line}: {text}")


def warn(text: str) -> None:
    """Tell what is wrong with a table."""
    PROBLEMS.warning("%s", printable(text))


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
