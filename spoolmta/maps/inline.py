"""Tables that are written in main.cf itself: inline, static; internal; and fail.

Postfix: DATABASE_README, postconf(5)
"""

import re
from collections.abc import Iterator

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.file_values import value_of_files
from spoolmta.maps.keys import USUAL, KeyRules
from spoolmta.maps.lookup import HeldTable, Table
from spoolmta.maps.syntax import split_words
from spoolmta.maps.text import BLANKS, is_utf8

_NAME = re.compile(r'(?:[^ \t\r\n\v\f"\\=]+|\\.|"(?:[^"\\]|\\.)*")*', re.DOTALL)


class InlineMap(HeldTable):
    """inline:{key=value, {key = text with blanks}}; of a key that comes twice, the last counts."""

    def __init__(self, argument: str, rules: KeyRules = USUAL) -> None:
        """Raises ConfigError: the text is not a list of pairs; the process does not start."""
        super().__init__("inline:" + argument, rules.fold)
        try:
            pairs = [_pair(word) for word in split_words(_list_in_braces(argument))]
            if rules.utf8 and not is_utf8(argument):
                raise ConfigError("bad UTF-8 syntax")
            if not pairs:
                raise ConfigError("empty table")
            if rules.files:
                pairs = [(key, value_of_files(value)) for key, value in pairs]
        except ConfigError as error:
            need = f"inline:{{name={'filename' if rules.files else 'value'}...}}"
            raise ConfigError(f'{error}: "{self.name}"; need "{need}"') from error
        for key, value in pairs:
            self.entries[self.fold(key)] = value

    def state(self) -> Table:
        """See SteadyMap."""
        return self

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield all keys with their values, sorted by key."""
        yield from sorted(self.entries.items())


class StaticMap:
    """static:value or static:{ value }: the same answer to every key."""

    fixed = True

    def __init__(self, argument: str, rules: KeyRules = USUAL) -> None:
        """Raises ConfigError: a brace is not closed; the process does not start."""
        self.name = "static:" + argument
        self._value = argument
        if argument.startswith("{"):
            try:
                self._value = _in_braces(argument)
            except ConfigError as error:
                raise ConfigError(f"bad static:name syntax: {error}") from error
        if rules.files:
            self._value = value_of_files(self._value)

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        return self.find(key)

    def state(self) -> Table:
        """See SteadyMap."""
        return self

    def find(self, key: str) -> str | None:  # noqa: ARG002
        """See Table."""
        return self._value


class InternalMap:
    """internal:name: a table that a process keeps for itself; no other finds anything in it."""

    fixed = False

    def __init__(self, argument: str) -> None:
        self.name = "internal:" + argument

    async def lookup(self, key: str) -> str | None:  # noqa: ARG002
        """See Map."""
        return None

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield nothing."""
        yield from ()


class FailMap:
    """fail:name: gives no answer; a means to test what happens then."""

    fixed = False

    def __init__(self, argument: str) -> None:
        self.name = "fail:" + argument

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        raise MapUnavailable(f"{self.name} lookup error for {key}")


def _list_in_braces(argument: str) -> str:
    """Return the text between the braces; there must be nothing outside of them."""
    if argument[:1] == "{" and argument != "{}":
        try:
            return _in_braces(argument)
        except ConfigError:
            pass
    raise ConfigError("bad syntax")


def _pair(word: str) -> tuple[str, str]:
    pair = _in_braces(word) if word.startswith("{") else word
    if not pair:
        raise ConfigError("no key found; expected format: key = value")
    match = _NAME.match(pair)
    assert match is not None
    end = match.end()
    if pair[end : end + 1] == '"':
        raise ConfigError("unbalanced '\"'")
    rest = pair[end:].lstrip(BLANKS)
    if rest[:1] != "=":
        raise ConfigError("missing '=' after attribute name")
    return match[0], rest[1:].strip(BLANKS)


def _in_braces(text: str) -> str:
    """Return what is in braces, without outer blanks."""
    depth = 0
    for at, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if not depth:
            if at + 1 < len(text):
                raise ConfigError(f"syntax error after '}}' in \"{text}\"")
            return text[1:at].strip(BLANKS)
    raise ConfigError(f"missing '}}' in \"{text}\"")
