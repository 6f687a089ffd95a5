"""Names in main.cf and master.cf that nothing uses, and names that nothing defines.

A name of main.cf is used if Postfix knows it, if a transport of master.cf brings it along, if a
used value refers to it, or if it is a restriction class or belongs to a database client.

Postfix:    postconf(1), "unused parameter"
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from spoolmta.config import catalogue
from spoolmta.config.expansion import references
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import overrides_of
from spoolmta.config.parameter import UNEXPANDED
from spoolmta.config.parameters import sections
from spoolmta.errors import ConfigError

_SPECIAL = frozenset(("config_directory", "process_id", "process_name", "service_name", "stress"))
_CLASSES = "smtpd_restriction_classes"
_DATABASE = re.compile(r"(?:ldap|mysql|pgsql|sqlite|memcache|mongodb):([A-Za-z0-9_]+)")


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
        declared = (name for section in sections() for name in section.parameters)
        return frozenset((*catalogue.known(), *declared, *_SPECIAL))

    @cached_property
    def of_transports(self) -> dict[str, str]:
        """Names that the transports of master.cf bring along, with their defaults."""
        return catalogue.of_transports(self._configuration.master.entries)

    @cached_property
    def used(self) -> frozenset[str]:
        """The builtin names, those of transports, and those of the user that a value needs."""
        used = set(self.builtin) | set(self.of_transports)
        waiting = list(self._values(used))
        while waiting:
            name, value = waiting.pop()
            found = set(self._needed(name, value)) - used
            used |= found
            waiting += [(n, self._main[n]) for n in found if n in self._main]
        return frozenset(used)

    @cached_property
    def undefined(self) -> tuple[str, ...]:
        """Names that main.cf or master.cf refer to and nobody defines."""
        missing: dict[str, None] = {}
        known = {*self.builtin, *self.of_transports, *self._main}
        known.update(self._referred_to(catalogue.known().values()))
        known.update(name for _, _, overrides in self._overrides for name in overrides)
        values = [v for n, v in self._main.items() if n not in UNEXPANDED]
        values += [v for _, _, overrides in self._overrides for v in overrides.values()]
        for name in self._referred_to(values):
            if name not in known:
                missing[name] = None
        return tuple(missing)

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
        return [(e.line, e.key, overrides_of(e, master.file)) for e in master.entries]

    def _values(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Return names and unexpanded values that are in force from the start."""
        defaults = catalogue.known()
        for name in names:
            value = self._main.get(name)
            yield name, defaults.get(name, "") if value is None else value
        for _, _, overrides in self._overrides:
            yield from overrides.items()

    def _needed(self, name: str, value: str) -> Iterator[str]:
        yield from self._referred_to([value])
        if name == _CLASSES:
            yield from value.replace(",", " ").split()
        for client in _DATABASE.findall(value):
            yield from (n for n in self._main if n.startswith(client + "_"))

    def _referred_to(self, values: Iterable[str]) -> Iterator[str]:
        for value in values:
            if "$" in value:
                try:
                    yield from references(value)
                except ConfigError:
                    continue

    def _unused(self, name: str, value: str, file: str, line: int) -> UnusedParameter:
        import difflib

        near = difflib.get_close_matches(name, sorted(self.builtin), n=1, cutoff=0.75)
        return UnusedParameter(name, value, file, line, near[0] if near else "")


def unused_parameters(configuration: Configuration) -> tuple[UnusedParameter, ...]:
    """Return the settings of main.cf and of -o options that have no effect.

    Raises ConfigError: master.cf cannot be understood.
    """
    return Names(configuration).unused()
