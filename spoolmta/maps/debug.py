"""debug:type:name: the table type:name, with a log line for each lookup and its result.

Postfix: DATABASE_README (debug, since Postfix 3.11)
"""

import sys
from collections.abc import Callable
from pathlib import Path

from spoolmta.maps.lookup import Map

OpenMap = Callable[[str], Map]


class _Listener:
    """Who hears of lookups; in a command it is the terminal."""

    tell: Callable[[str], None] | None = None


def tell_lookups(tell: Callable[[str], None] | None) -> None:
    """From now on tell *tell* of lookups in such tables; None means standard error."""
    _Listener.tell = tell


class DebugMap:
    """One such table."""

    def __init__(self, argument: str, open_map: OpenMap) -> None:
        """Raises ConfigError: the table cannot be opened."""
        self.name = "debug:" + argument
        self._table = open_map(argument)
        self.fixed = self._table.fixed

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        shown = "error"
        try:
            value = await self._table.lookup(key)
            shown = "not_found" if value is None else value
            return value
        finally:
            _tell(f'{self._table.name} lookup: "{key}" = "{shown}"')


def _tell(text: str) -> None:
    if _Listener.tell is not None:
        _Listener.tell(text)
    else:
        print(f"{Path(sys.argv[0]).name}: {text}", file=sys.stderr)
