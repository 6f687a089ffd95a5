"""Tables that note what they are asked and what they answer: for whoever explains a decision.

A recorder stands between a table and the code that asks it; the code is none the wiser. What it
notes is (parameter, table, key, value), in the order of the lookups.

Must not: answer anything that the table does not
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.lookup import Map, Maps
from spoolmta.maps.registry import open_map


@dataclass(frozen=True, slots=True)
class Lookup:
    """One question to one table of a parameter.

    *value* is None if the table has none; *error* then says why there was no answer, if so.
    """

    parameter: str
    table: str
    key: str
    value: str | None
    error: str = ""


class RecordedMap:
    """A table under watch; see Map."""

    def __init__(self, parameter: str, table: Map, note: Callable[[Lookup], None]) -> None:
        self.name = table.name
        self.fixed = table.fixed
        self._parameter = parameter
        self._table = table
        self._note = note

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        try:
            value = await self._table.lookup(key)
        except MapUnavailable as error:
            self._note(Lookup(self._parameter, self.name, key, None, str(error)))
            raise
        self._note(Lookup(self._parameter, self.name, key, value))
        return value


class Recorder:
    """Notes the lookups of all tables that it watches."""

    def __init__(self) -> None:
        self._lookups: list[Lookup] = []

    def watch(self, parameter: str, maps: Maps) -> Maps:
        """Return *maps*, the tables of *parameter*, under watch."""
        return Maps(
            [RecordedMap(parameter, table, self._lookups.append) for table in maps.maps], maps.name
        )

    def watch_all(self, holder: object, names: Mapping[str, str]) -> None:
        """Put all tables that *holder* has under watch, also those that it would open later.

        An attribute has its parameter's name, unless *names* has another for it. One that cannot
        be opened stays unopened: who asks for it hears why.
        """
        later = [
            name
            for kind in type(holder).__mro__
            for name, attribute in vars(kind).items()
            if isinstance(attribute, cached_property)
        ]
        for name in dict.fromkeys((*vars(holder), *later)):
            try:
                value = getattr(holder, name)
            except MapUnavailable:
                continue
            if isinstance(value, Maps):
                setattr(holder, name, self.watch(names.get(name, name), value))

    def opener(self, parameter: str) -> Callable[[str], Map]:
        """Return what opens a table of the list *parameter* under watch.

        What it opens raises MapUnavailable instead of ConfigError.
        """

        def opened(spec: str) -> Map:
            try:
                table = open_map(spec)
            except ConfigError as error:
                raise MapUnavailable(str(error)) from error
            return RecordedMap(parameter, table, self._lookups.append)

        return opened

    def take(self) -> list[Lookup]:
        """Return what was noted since the last time."""
        taken, self._lookups[:] = list(self._lookups), []
        return taken


def hits(lookups: list[Lookup]) -> list[Lookup]:
    """Return those lookups that found something."""
    return [lookup for lookup in lookups if lookup.value]
