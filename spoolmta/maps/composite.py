"""Tables made of tables: unionmap, pipemap, randmap.

Postfix: DATABASE_README, postconf(5)
"""

import random
from collections.abc import Callable

from spoolmta.maps.lookup import Map
from spoolmta.maps.syntax import inside_braces, split_words

OpenMap = Callable[[str], Map]


class UnionMap:
    """unionmap:{a,b}: all values of all tables, with commas between them."""

    def __init__(self, argument: str, open_map: OpenMap) -> None:
        """Raises ConfigError: a table cannot be opened."""
        self.name = "unionmap:" + argument
        self._maps = _open_all(argument, open_map)
        self.fixed = any(table.fixed for table in self._maps)

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        values = [await table.lookup(key) for table in self._maps]
        return ",".join(value for value in values if value is not None) or None


class PipeMap:
    """pipemap:{a,b}: the value from one table is the key for the next."""

    def __init__(self, argument: str, open_map: OpenMap) -> None:
        """Raises ConfigError: a table cannot be opened."""
        self.name = "pipemap:" + argument
        self._maps = _open_all(argument, open_map)
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
        self._values = split_words(inside_braces(argument))

    async def lookup(self, key: str) -> str | None:  # noqa: ARG002
        """See Map."""
        return random.choice(self._values)


def _open_all(argument: str, open_map: OpenMap) -> list[Map]:
    return [
        open_map(inside_braces(word) if word.startswith("{") else word)
        for word in split_words(inside_braces(argument))
    ]
