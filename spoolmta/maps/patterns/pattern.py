"""regexp:FILE and pcre:FILE: rules that are tried in their order; the first match gives the value.

    /pattern/flags value        !/pattern/flags value        if /pattern/flags ... endif

$1, ${1} and $(1) in a value stand for what a group took, $$ for a dollar. A regexp rule may have a
second pattern that must not match: /pattern/!/pattern/ value. Rules may also stand in main.cf:
pcre:{{/pattern/ value}, {/pattern/ value}}.

A rule that cannot be understood is left out, and a warning tells which one and why.

Postfix:  regexp_table(5), pcre_table(5)
Must not: be asked for parts of an address; take an expression that gave up for "no match"
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.file_values import value_of_files
from spoolmta.maps.lookup import Table
from spoolmta.maps.patterns import perl, posix
from spoolmta.maps.patterns.literal import LiteralIndex, folded, required_literal
from spoolmta.maps.patterns.replacement import Replacement, parse_replacement
from spoolmta.maps.patterns.rule_lines import rule_lines, warn_of_rule
from spoolmta.maps.text import BLANKS, decode, encode
from spoolmta.maps.watched import WatchedFiles

_BLANKS = BLANKS.encode()
_WORD = re.compile(rb"(if|endif)(?![0-9A-Za-z])", re.IGNORECASE)


class Expression(Protocol):
    """A compiled expression of either kind."""

    groups: int

    def matches(self, subject: bytes) -> bool:
        """Return whether it matches somewhere in *subject*."""
        ...

    def captures(self, subject: bytes) -> list[bytes] | None:
        """Return what the whole expression and each group took, None without a match."""
        ...


class _Pattern(NamedTuple):
    """A pattern as it is written."""

    source: bytes
    flags: str
    negated: bool


@dataclass(frozen=True, slots=True)
class _Test:
    """A pattern, compiled; *literal* is a part of whatever it matches."""

    expression: Expression
    literal: str
    negated: bool

    def holds(self, subject: bytes, text: str) -> bool:
        """Return whether the pattern matches, or does not if it is negated.

        *text* is the key as literals are looked for in it.
        """
        return (self.literal in text and self.expression.matches(subject)) is not self.negated


@dataclass(slots=True)
class _Rule:
    """One rule; without *value* and *parts* it is an "if", whose rules end before number *end*.

    *parts* are those of a value that takes text from the groups of the first test.
    """

    line: int
    tests: tuple[_Test, ...]
    value: str | None = None
    parts: Replacement | None = None
    end: int = 0

    def answer(self, subject: bytes, text: str) -> str | None:
        """Return the value for a key that passes the tests, else None."""
        if not all(test.holds(subject, text) for test in self.tests):
            return None
        if self.parts is None:
            return self.value
        captured = self.tests[0].expression.captures(subject)
        if captured is None:
            return None
        return decode(b"".join(captured[p] if isinstance(p, int) else p for p in self.parts))

    @property
    def is_if(self) -> bool:
        """True if it has no value of its own."""
        return self.value is None and self.parts is None


class _Table:
    """Rules in their order, and which of them a key need be shown to.

    A rule that cannot match without a certain text is only tried if the key holds it.
    """

    def __init__(self, name: str, rules: list[_Rule]) -> None:
        self._name = name
        self._rules = rules
        literals = []
        self._others = []
        for number, rule in enumerate(rules):
            first = rule.tests[0]
            if first.literal and not first.negated and not rule.is_if:
                literals.append((first.literal, number))
            else:
                self._others.append(number)
        self._literals = LiteralIndex(literals)

    def find(self, key: str) -> str | None:
        """See Table: the value of the first rule that matches."""
        subject = encode(key)
        text = folded(subject)
        numbers = self._literals.numbers(text)
        if self._others:
            numbers = sorted(numbers + self._others)
        start = 0
        for number in numbers:
            if number < start:
                continue
            rule = self._rules[number]
            try:
                if not rule.is_if:
                    value = rule.answer(subject, text)
                    if value is not None:
                        return value
                elif not rule.tests[0].holds(subject, text):
                    start = rule.end
            except MapUnavailable as error:
                raise MapUnavailable(f"{self._name}, line {rule.line}: {error}") from error
        return None


class PatternMap:
    """A table of patterns; *perl* tells pcre from regexp."""

    fixed = True

    def __init__(
        self, argument: str, *, perl: bool, substitution: bool = True, files: bool = False
    ) -> None:
        """Raises ConfigError: the file cannot be read, or a brace is missing.

        Without *substitution*, a rule with $1 in its value is left out: the value must not come
        from the key. With *files*, values are names of files.
        """
        kind = _PCRE if perl else _REGEXP
        self.name = f"{kind.name}:{argument}"

        def read() -> _Table:
            return _Reader(kind, argument, substitution=substitution, files=files).read()

        self._current: Callable[[], _Table]
        if argument.startswith("{"):
            table = read()
            self._current = lambda: table
        else:
            self._current = WatchedFiles(self.name, [argument], read).current

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        return self._current().find(key)

    def state(self) -> Table:
        """See SteadyMap."""
        return self._current()


@dataclass(frozen=True, slots=True)
class _Kind:
    """What tells the two types of table apart; *stops* end the flags of a pattern."""

    name: str
    compile: Callable[[bytes, str], Expression]
    flags: str
    obsolete: str
    stops: bytes
    not_closed: str
    out_of_range: str


_REGEXP = _Kind(
    name="regexp",
    compile=posix.PosixExpression,
    flags=posix.FLAGS,
    obsolete="",
    stops=_BLANKS + b"!",
    not_closed="skipping this rule",
    out_of_range="out-of-range",
)
_PCRE = _Kind(
    name="pcre",
    compile=perl.PerlExpression,
    flags=perl.FLAGS,
    obsolete="X",
    stops=_BLANKS,
    not_closed="ignoring this rule",
    out_of_range="out of range",
)


class _Reader:
    """Reads the rules of one table."""

    def __init__(self, kind: _Kind, argument: str, *, substitution: bool, files: bool) -> None:
        self._kind = kind
        self._files = files
        self._argument = argument
        self._substitution = substitution
        self._rules: list[_Rule] = []
        self._open: list[_Rule] = []
        self._line = 0

    def read(self) -> _Table:
        for line in rule_lines(self._kind.name, self._argument):
            self._line = line.number
            try:
                self._add(encode(line.text))
            except ConfigError as error:
                self._warn(str(error))
        for rule in reversed(self._open):
            self._line = rule.line
            self._warn("IF has no matching ENDIF")
            rule.end = len(self._rules)
        return _Table(f"{self._kind.name} map {self._argument}", self._rules)

    def _warn(self, text: str) -> None:
        warn_of_rule(self._kind.name, self._argument, self._line, text)

    def _add(self, text: bytes) -> None:
        word = _WORD.match(text)
        if word is None:
            if text[:1].isalnum():
                raise ConfigError("ignoring unrecognized request")
            self._add_value(text)
        elif word[1].lower() == b"if":
            self._add_if(text[word.end() :])
        elif not self._open:
            raise ConfigError("ignoring ENDIF without matching IF")
        else:
            self._open.pop().end = len(self._rules)
            if text[word.end() :]:
                self._warn("ignoring extra text after ENDIF")

    def _add_if(self, text: bytes) -> None:
        pattern, rest = self._parse_pattern(text.lstrip(_BLANKS))
        rest = rest.lstrip(_BLANKS)
        if rest:
            self._warn(f'ignoring extra text after IF statement: "{decode(rest)}"')
            self._warn("do not prepend whitespace to statements between IF and ENDIF")
        rule = _Rule(self._line, (self._compile(pattern),))
        self._rules.append(rule)
        self._open.append(rule)

    def _add_value(self, text: bytes) -> None:
        pattern, rest = self._parse_pattern(text)
        patterns = [pattern]
        if rest.startswith(b"!"):
            pattern, rest = self._parse_pattern(rest)
            patterns.append(pattern)
        rest = rest.lstrip(_BLANKS)
        if not rest:
            self._warn("no replacement text: using empty string")
        parts = self._parse_value(rest)
        groups = [part for part in parts if isinstance(part, int)]
        if groups:
            self._require_substitution(patterns[0])
        tests = tuple(map(self._compile, patterns))
        if groups and max(groups) > tests[0].expression.groups:
            number = max(groups)
            raise ConfigError(f'out of range replacement index "{number}": skipping this rule')
        if groups:
            self._rules.append(_Rule(self._line, tests, parts=parts))
        else:
            value = b"".join(part for part in parts if isinstance(part, bytes))
            self._rules.append(_Rule(self._line, tests, value=decode(value)))

    def _parse_value(self, text: bytes) -> Replacement:
        if not self._files:
            return parse_replacement(text, self._warn, self._kind.out_of_range)
        try:
            return [encode(value_of_files(decode(text)))]
        except ConfigError as error:
            raise ConfigError(f"{error}: skipping this rule") from error

    def _require_substitution(self, pattern: _Pattern) -> None:
        if pattern.negated:
            raise ConfigError(
                "$number found in negative match replacement text: skipping this rule"
            )
        if not self._substitution:
            raise ConfigError("regular expression substitution is not allowed: skipping this rule")

    def _parse_pattern(self, text: bytes) -> tuple[_Pattern, bytes]:
        """Return the pattern that *text* begins with, and what is left."""
        negated = False
        while text.startswith(b"!"):
            negated = not negated
            text = text[1:].lstrip(_BLANKS)
        if not text:
            raise ConfigError("no regexp: skipping this rule")
        end = _end_of_pattern(text)
        if end >= len(text):
            delimiter = decode(text[:1])
            raise ConfigError(f'no closing regexp delimiter "{delimiter}": {self._kind.not_closed}')
        stop = end + 1
        while stop < len(text) and text[stop] not in self._kind.stops:
            stop += 1
        flags = self._parse_flags(text[end + 1 : stop])
        return _Pattern(text[1:end], flags, negated), text[stop:]

    def _parse_flags(self, text: bytes) -> str:
        flags = ""
        for letter in text.decode("ascii", "surrogateescape"):
            if letter in self._kind.flags:
                flags += letter
            elif letter in self._kind.obsolete:
                self._warn(f'ignoring obsolete regexp option "{letter}"')
            else:
                raise ConfigError(f'unknown regexp option "{letter}": skipping this rule')
        return flags

    def _compile(self, pattern: _Pattern) -> _Test:
        expression = self._kind.compile(pattern.source, pattern.flags)
        is_perl = self._kind is _PCRE
        literal = required_literal(pattern.source, pattern.flags, perl=is_perl)
        return _Test(expression, literal, pattern.negated)


def _end_of_pattern(text: bytes) -> int:
    """Return where the delimiter is that *text* begins with, for the second time."""
    end = 1
    while end < len(text):
        if text[end] == ord("\\"):
            end += 2
        elif text[end] == text[0]:
            break
        else:
            end += 1
    return end
