"""cidr:FILE: "network/length value" rules; the first that holds the address gives the value.

    192.0.2.0/24 value      !192.0.2.0/24 value      if 192.0.2.0/24 ... endif

A rule that cannot be understood is left out, and a warning tells which one and why. A rule with
"!" concerns addresses of its own family alone.

Postfix: cidr_table(5)
"""

import re
from collections.abc import Callable, Iterator

from spoolmta.errors import ConfigError
from spoolmta.maps.file_values import value_of_files
from spoolmta.maps.patterns.address_range import BITS, Range, RangeTable, parse_address, parse_range
from spoolmta.maps.patterns.rule_lines import rule_lines, warn_of_rule
from spoolmta.maps.text import BLANKS
from spoolmta.maps.watched import WatchedFiles

_WORD = re.compile(r"(if|endif)(?![0-9A-Za-z])", re.IGNORECASE)
_EVERYTHING = [Range(family, 0, 1 << bits) for family, bits in BITS.items()]


class CidrMap:
    """A table of networks."""

    fixed = True

    def __init__(self, argument: str, *, files: bool = False) -> None:
        """Raises ConfigError: the file cannot be read, or a brace is missing."""
        self.name = "cidr:" + argument

        def read() -> RangeTable[str]:
            return RangeTable(_Reader(argument, files=files).ranges())

        self._table: Callable[[], RangeTable[str]]
        if argument.startswith("{"):
            table = read()
            self._table = lambda: table
        else:
            self._table = WatchedFiles(self.name, [argument], read).current

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        table = self._table()
        address = parse_address(key)
        return None if address is None else table.find(address)


class _Reader:
    """Reads the rules of one table as ranges; what an "if" lets through is in *_inside*."""

    def __init__(self, argument: str, *, files: bool) -> None:
        self._argument = argument
        self._files = files
        self._inside = [_EVERYTHING]
        self._ifs: list[int] = []

    def ranges(self) -> Iterator[tuple[Range, str]]:
        for line in rule_lines("cidr", self._argument):
            try:
                yield from self._rule(line.number, line.text)
            except ConfigError as error:
                self._warn(line.number, f"{error}: skipping this rule")
        for number in reversed(self._ifs):
            self._warn(number, "IF has no matching ENDIF")

    def _warn(self, number: int, text: str) -> None:
        warn_of_rule("cidr", self._argument, number, text)

    def _rule(self, number: int, text: str) -> Iterator[tuple[Range, str]]:
        word = _WORD.match(text)
        if word is None:
            negated, text = _without_marks(text)
            pattern, _, value = text.partition(_first_blank(text))
            spans = self._selected(pattern, negated)
            value = value.strip(BLANKS)
            if not value:
                raise ConfigError("no lookup result")
            if self._files:
                value = value_of_files(value)
            yield from ((span, value) for span in spans)
        elif word[1].lower() == "if":
            negated, pattern = _without_marks(text[word.end() :].lstrip(BLANKS))
            self._inside.append(self._selected(pattern, negated))
            self._ifs.append(number)
        elif text[word.end() :]:
            raise ConfigError("garbage after ENDIF")
        elif not self._ifs:
            raise ConfigError("ENDIF without IF")
        else:
            self._inside.pop()
            self._ifs.pop()

    def _selected(self, pattern: str, negated: bool) -> list[Range]:
        """Return which of the addresses that get to a rule pass its pattern."""
        if not pattern:
            raise ConfigError("no address pattern")
        family, start, end = parse_range(pattern)
        parts = [(0, start), (end, 1 << BITS[family])] if negated else [(start, end)]
        return [
            Range(family, max(outer.start, first), min(outer.end, last))
            for outer in self._inside[-1]
            if outer.family == family
            for first, last in parts
            if max(outer.start, first) < min(outer.end, last)
        ]


def _without_marks(text: str) -> tuple[bool, str]:
    """Return whether a pattern is negated, and the text behind its "!"."""
    negated = False
    while text.startswith("!"):
        negated = not negated
        text = text[1:].lstrip(BLANKS)
    return negated, text


def _first_blank(text: str) -> str:
    return next((character for character in text if character in BLANKS), " ")
