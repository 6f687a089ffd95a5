"""Names in main.cf and master.cf that nothing uses, and names that nothing defines.

A name of main.cf is used if Postfix knows it, if a transport of master.cf brings it along, if any
value refers to it, or if it is a restriction class or belongs to a database client.

Postfix:    postconf(1), "unused parameter"
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from spoolmta.config import catalogue, database_clients
from spoolmta.config.database_clients import Client, Found
from spoolmta.config.expansion import ExpansionError, References, references
from spoolmta.config.loader import Configuration
from spoolmta.config.parameter import UNEXPANDED

_CLASSES = "smtpd_restriction_classes"


@dataclass(frozen=True, slots=True)
class UnusedParameter:
    """A setting without effect: where it stands, and the known name that looks most like it.

    *line* is 0 for a setting that a command gave and no file has.
    """

    name: str
    value: str
    file: str
    line: int
    nearest: str


class Names:
    """Which names a configuration may use, and which it does use."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._main = configuration.main.values

    @cached_property
    def builtin(self) -> frozenset[str]:
        """Names that Postfix or spoolmta give a meaning."""
        return frozenset((*catalogue.known(), *catalogue.FORMER))

    @cached_property
    def legacy(self) -> frozenset[str]:
        """Old names that defaults refer to, so that what a site has set long ago still counts."""
        defaults = catalogue.known()
        values = (value for name, value in defaults.items() if name not in UNEXPANDED)
        return frozenset(self._referred_to(values) - defaults.keys())

    @cached_property
    def of_transports(self) -> dict[str, str]:
        """Names that the transports of master.cf bring along, with their defaults."""
        return catalogue.of_transports(self._configuration.master.entries)

    @cached_property
    def of_postfix(self) -> frozenset[str]:
        """Names to which Postfix or spoolmta give a meaning here, old ones included."""
        return frozenset((*self.builtin, *self.of_transports, *self.legacy))

    @cached_property
    def used(self) -> frozenset[str]:
        """The builtin names, those of transports, and those that a value or a table needs."""
        defaults = catalogue.known().values()
        used = {*self.builtin, *self.of_transports, *self._referred_to(defaults)}
        used.update(name for _, found in self._found for name in found.names)
        used.update(name for _, classes in self._restriction_classes for name in classes)
        for client in self._clients:
            used.update(client.names)
        return frozenset(used)

    @property
    def undefined(self) -> tuple[str, ...]:
        """Names that main.cf or master.cf refer to and nobody defines."""
        names = (name for _, found in self._found for name in found.names)
        return tuple(dict.fromkeys(self._undefined_among(names)))

    @property
    def doubts(self) -> Iterator[str]:
        """Undefined names, faults of syntax, and doubtful settings of database clients."""
        yield from self._configuration.assigned_read_only
        for file, found in self._found:
            yield from self._undefined(file, found.names)
            yield from found.faults
        for file, classes in self._restriction_classes:
            yield from self._undefined(file, classes)
        for file, tables in self._tables:
            yield from (f"{Path(file).name}: {fault}" for fault in tables.faults)
        for client in dict.fromkeys(self._clients):
            if client.has_file:
                yield from database_clients.doubts(client)

    def require_expandable(self) -> None:
        """Do nothing if every value in force can be expanded.

        Raises ExpansionError: one cannot.
        """
        for _, overrides, values in self._scopes:
            for name in values:
                if name in self.builtin or name in self.of_transports:
                    self._configuration.expanded(name, overrides)

    def unused(self) -> tuple[UnusedParameter, ...]:
        """Return the settings that have no effect, main.cf's first."""
        main = self._configuration.main
        found = [
            self._unused(name, value, main.file, main.lines.get(name, 0))
            for name, value in main.values.items()
            if name not in self.used
        ]
        file = self._configuration.master.file
        for line, _, overrides in self._overrides:
            found += [
                self._unused(name, value, file, line)
                for name, value in overrides.items()
                if name not in self.used
            ]
        return tuple(found)

    @cached_property
    def _overrides(self) -> list[tuple[int, str, dict[str, str]]]:
        master = self._configuration.master
        return [(entry.line, entry.key, entry.overrides) for entry in master.entries]

    @cached_property
    def _defined(self) -> frozenset[str]:
        of_services = (name for _, _, overrides in self._overrides for name in overrides)
        legacy = self._referred_to(catalogue.known().values())
        return frozenset((*self.builtin, *self.of_transports, *self._main, *of_services, *legacy))

    def _undefined_among(self, names: Iterable[str]) -> Iterator[str]:
        return (name for name in names if name not in self._defined)

    def _undefined(self, file: str, names: Iterable[str]) -> Iterator[str]:
        return (f"{file}: undefined parameter: {name}" for name in self._undefined_among(names))

    @cached_property
    def _scopes(self) -> list[tuple[str, dict[str, str], dict[str, str]]]:
        """Main.cf and the options of each service: file, overrides, the values that they bring."""
        file = self._configuration.master.file
        of_services = [(file, o, o) for _, _, o in self._overrides if o]
        return [(self._configuration.main.file, {}, self._main), *of_services]

    @cached_property
    def _found(self) -> list[tuple[str, References]]:
        """What each value of main.cf and of -o refers to, whether or not it is used."""
        return [
            (file, references(value))
            for file, _, values in self._scopes
            for name, value in values.items()
            if name not in UNEXPANDED and "$" in value
        ]

    def _referred_to(self, values: Iterable[str]) -> set[str]:
        return {name for value in values if "$" in value for name in references(value).names}

    @cached_property
    def _restriction_classes(self) -> list[tuple[str, list[str]]]:
        """The names of restriction classes, with the file that names them."""
        return [
            (file, self._expanded(_CLASSES, overrides).replace(",", " ").split())
            for file, overrides, values in self._scopes
            if _CLASSES in values
        ]

    @cached_property
    def _tables(self) -> list[tuple[str, Found]]:
        """The database clients that values in force name, with the file of the value."""
        return [
            (file, database_clients.find(self._expanded(name, overrides)))
            for file, overrides, values in self._scopes
            for name in values
            if name in self.builtin or name in self.of_transports
        ]

    @property
    def _clients(self) -> Iterator[Client]:
        return (client for _, tables in self._tables for client in tables.clients)

    def _expanded(self, name: str, overrides: dict[str, str]) -> str:
        try:
            return self._configuration.expanded(name, overrides)
        except ExpansionError:
            return ""

    def _unused(self, name: str, value: str, file: str, line: int) -> UnusedParameter:
        import difflib

        near = difflib.get_close_matches(name, sorted(self.builtin), n=1, cutoff=0.75)
        return UnusedParameter(name, value, file, line, near[0] if near else "")


def unused_parameters(configuration: Configuration) -> tuple[UnusedParameter, ...]:
    """Return the settings of main.cf and of -o options that have no effect.

    Raises ConfigError: master.cf cannot be understood.
    """
    return Names(configuration).unused()
