"""regexp:FILE and pcre:FILE: rules that are tried in their order; the first match gives the value.

    /pattern/flags value        !/pattern/flags value        if /pattern/flags ... endif

$1, ${1} and $(1) in a value stand for what a group matched, $$ for a dollar. Rules may also stand
in main.cf: pcre:{{/pattern/ value}, {/pattern/ value}}.

Postfix: regexp_table(5), pcre_table(5)
Must not: be asked for parts of an address
Limits:  patterns run on Python's re (see posix.py); a rule that cannot be understood is an error,
         where Postfix leaves it out
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from spoolmta.errors import ConfigError
from spoolmta.maps.posix import extended_from_basic, from_perl, from_posix
from spoolmta.maps.syntax import inside_braces, split_words
from spoolmta.maps.text import BLANKS, Line, logical_lines, read_source

_SUBSTITUTION = re.compile(r"\$(?:\$|([0-9]+)|\{([0-9]+)\}|\(([0-9]+)\)|(.?))", re.DOTALL)
_FLAGS = re.compile(r"[A-Za-z]*")
_PERL_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}


@dataclass(frozen=True, slots=True)
class _Test:
    expression: re.Pattern[str]
    negated: bool

    def match(self, subject: str) -> re.Match[str] | bool | None:
        """Return the match, or True for a negated pattern that does not match; else None."""
        match = self.expression.search(subject)
        if not self.negated:
            return match
        return True if match is None else None


@dataclass(slots=True)
class _Rule:
    """*value* is None for "if"; its rules end before rule number *end*."""

    tests: tuple[_Test, ...]
    value: str | tuple[str | int, ...] | None
    end: int = 0


class PatternMap:
    """A table of patterns; *perl* tells pcre from regexp."""

    fixed = True

    def __init__(self, argument: str, *, perl: bool, substitution: bool = True) -> None:
        """Raises ConfigError: the file cannot be read, or a rule cannot be understood.

        Without *substitution*, $1 in a value is an error: the value must not come from the key.
        """
        self.name = ("pcre:" if perl else "regexp:") + argument
        self._perl = perl
        self._substitution = substitution
        self._rules: list[_Rule] = []
        self._open: list[_Rule] = []
        for line in rule_lines(argument):
            try:
                self._add(line.text)
            except (ConfigError, re.error) as error:
                raise ConfigError(f"{self.name}, line {line.number}: {error}") from error
        if self._open:
            raise ConfigError(f"{self.name}: IF without matching ENDIF at the end of the table")

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        rules = self._rules
        at = 0
        while at < len(rules):
            rule = rules[at]
            at += 1
            match: re.Match[str] | bool | None = None
            for test in rule.tests:
                match = test.match(key)
                if match is None:
                    break
            if match is None:
                if rule.value is None:
                    at = rule.end
            elif rule.value is not None:
                return _expand(rule.value, match)
        return None

    def _add(self, text: str) -> None:
        word = text.split(None, 1)[0].lower()
        if word == "endif":
            if not self._open:
                raise ConfigError("ENDIF without matching IF")
            self._open.pop().end = len(self._rules)
            return
        is_if = word == "if" or (word[:2] == "if" and not word[2:3].isalnum())
        tests, rest = self._parse_tests(text[2:].lstrip(BLANKS) if is_if else text)
        if is_if:
            if rest:
                raise ConfigError(f'unexpected text after the pattern of IF: "{rest}"')
            rule = _Rule(tests, None)
            self._open.append(rule)
        else:
            rule = _Rule(tests, self._parse_value(rest, tests))
        self._rules.append(rule)

    def _parse_tests(self, text: str) -> tuple[tuple[_Test, ...], str]:
        tests = []
        while True:
            test, text = self._parse_test(text)
            tests.append(test)
            if self._perl or text[:1] in ("", *BLANKS):
                return tuple(tests), text.strip(BLANKS)

    def _parse_test(self, text: str) -> tuple[_Test, str]:
        negated = False
        while text.startswith("!"):
            negated = not negated
            text = text[1:].lstrip(BLANKS)
        if not text or text[0].isalnum() or text[0] == "\\":
            raise ConfigError(f'expected /pattern/flags, found "{text}"')
        delimiter = text[0]
        end = 1
        while end < len(text) and text[end] != delimiter:
            end += 2 if text[end] == "\\" else 1
        if end >= len(text):
            raise ConfigError(f'no closing regexp delimiter "{delimiter}"')
        flags = _FLAGS.match(text, end + 1)
        assert flags is not None
        source = text[1:end]
        compiled = _compile_perl if self._perl else _compile_posix
        return _Test(compiled(source, flags[0]), negated), text[flags.end() :]

    def _parse_value(self, text: str, tests: tuple[_Test, ...]) -> str | tuple[str | int, ...]:
        parts = tuple(_parse_value(text))
        groups = [part for part in parts if isinstance(part, int)]
        if not groups:
            return "".join(str(part) for part in parts)
        if not self._substitution:
            raise ConfigError("$number substitution is not allowed in this table's values")
        if tests[-1].negated:
            raise ConfigError("$number in the value of a negated pattern")
        if max(groups) > tests[-1].expression.groups:
            raise ConfigError(f"out of range replacement index {max(groups)}")
        return parts


def rule_lines(argument: str) -> Iterator[Line]:
    """Yield the rules of a file, or those written in main.cf as {{rule}, {rule}}.

    Raises ConfigError: the file cannot be read, or a brace is missing.
    """
    if not argument.startswith("{"):
        yield from logical_lines(read_source(argument))
        return
    for number, word in enumerate(split_words(inside_braces(argument)), 1):
        yield Line(number, inside_braces(word))


def _compile_posix(source: str, letters: str) -> re.Pattern[str]:
    flags = re.IGNORECASE | re.DOTALL | re.ASCII
    extended = True
    for letter in letters:
        if letter == "i":
            flags ^= re.IGNORECASE
        elif letter == "m":
            flags ^= re.MULTILINE | re.DOTALL
        elif letter == "x":
            extended = not extended
        else:
            raise ConfigError(f'unknown regexp option "{letter}"')
    if not extended:
        source = extended_from_basic(source)
    return re.compile(from_posix(source, multiline=bool(flags & re.MULTILINE)), flags)


def _compile_perl(source: str, letters: str) -> re.Pattern[str]:
    flags = re.IGNORECASE | re.DOTALL | re.ASCII
    pattern = from_perl(source)
    for letter in letters:
        if letter in _PERL_FLAGS:
            flags ^= _PERL_FLAGS[letter]
        elif letter == "A":
            pattern = rf"\A(?:{pattern})"
        elif letter == "E":
            pattern = re.sub(r"(?<!\\)\$$", r"\\Z", pattern)
        elif letter != "X":
            raise ConfigError(f'unknown or unsupported pcre option "{letter}"')
    return re.compile(pattern, flags)


def _parse_value(text: str) -> Iterator[str | int]:
    at = 0
    for match in _SUBSTITUTION.finditer(text):
        yield text[at : match.start()]
        at = match.end()
        number = match[1] or match[2] or match[3]
        if number:
            yield int(number)
        elif match[0] == "$$":
            yield "$"
        else:
            raise ConfigError(f'bad replacement "{match[0]}": expected $number, ${{number}} or $$')
    yield text[at:]


def _expand(value: str | tuple[str | int, ...], match: re.Match[str] | bool) -> str:
    if isinstance(value, str) or isinstance(match, bool):
        return str(value)
    return "".join((match[p] or "") if isinstance(p, int) else p for p in value)
