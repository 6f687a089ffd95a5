"""Tables made of tables: unionmap, pipemap, randmap.

Postfix: DATABASE_README, postconf(5)
"""

import random
from collections.abc import Callable

from spoolmta.errors import ConfigError
from spoolmta.maps.lookup import Map
from spoolmta.maps.syntax import inside_braces, split_words

OpenMap = Callable[[str], Map]


class UnionMap:
    """unionmap:{a,b}: all values of all tables, with commas between them."""

    def __init__(self, argument: str, open_map: OpenMap) -> None:
        """Raises ConfigError: a table cannot be opened."""
        self.name = "unionmap:" + argument
        self._maps = _open_all("unionmap", argument, open_map)
        self.fixed = any(table.fixed for table in self._maps)

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        found = ""
        for table in self._maps:
            value = await table.lookup(key)
            if value is not None:
                found = f"{found},{value}" if found else value
        return found or None


class PipeMap:
    """pipemap:{a,b}: the value from one table is the key for the next."""

    def __init__(self, argument: str, open_map: OpenMap) -> None:
        """Raises ConfigError: a table cannot be opened."""
        self.name = "pipemap:" + argument
        self._maps = _open_all("pipemap", argument, open_map)
        self.fixed = any(table.fixed for table in self._maps)

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        for table in self._maps:
            value = await table.lookup(key)
            if value is None:
                return None
            key = value
        return key


class RandomMap:
    """randmap:{a,b}: one of the values, whatever the key."""

    fixed = True

    def __init__(self, argument: str) -> None:
        """Raises ConfigError: no list in braces."""
        self.name = "randmap:" + argument
        self._values = _words("randmap", argument, "value")

    async def lookup(self, key: str) -> str | None:  # noqa: ARG002
        """See Map."""
        return random.choice(self._values)


def _open_all(kind: str, argument: str, open_map: OpenMap) -> list[Map]:
    return [open_map(word) for word in _words(kind, argument, "type:name", ":")]


def _words(kind: str, argument: str, item: str, holds: str = "") -> list[str]:
    """Return the words between the braces of a table's name.

    Raises ConfigError: there is no word in braces, or one does not hold *holds*.
    """
    try:
        words = split_words(inside_braces(argument))
    except ConfigError:
        words = []
    if not words or not all(holds in word for word in words):
        raise ConfigError(f'bad syntax: "{kind}:{argument}"; need "{kind}:{{{item}...}}"')
    return words
