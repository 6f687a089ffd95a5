"""main.cf and master.cf of one folder become a Configuration: one frozen value per process.

A value is looked for in the service's -o overrides, in main.cf, and last in the defaults.
Loading reads main.cf alone; master.cf is read when its services are asked for, and a section's
values are made when the section is, so that a short command pays for what it uses.

Postfix:    postconf(5), master(5)
Reads:      DIR/main.cf, DIR/master.cf, the file that myorigin may name
"""

import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from spoolmta.config import computed, main_cf
from spoolmta.config.expansion import ExpansionError, expand, parse_level
from spoolmta.config.main_cf import MainFile
from spoolmta.config.parameter import (
    DECLARED,
    READ_ONLY,
    UNEXPANDED,
    Parameter,
    Section,
)
from spoolmta.config.parameters import common
from spoolmta.config.parameters import transport as transports
from spoolmta.errors import ConfigError

# Most commands read main.cf alone, and must start fast.
if TYPE_CHECKING:
    from spoolmta.config.master_cf import MasterFile, Service

S = TypeVar("S", bound=Section)

DEFAULT_DIRECTORY = Path("/etc/spoolmta")
MAIL_CONFIG = "MAIL_CONFIG"

_NOTHING: Mapping[str, str] = {}


def load(directory: Path | str | None = None) -> "Configuration":
    """Return the configuration of *directory*.

    None means $MAIL_CONFIG, else /etc/spoolmta if it exists, else the built-in default.
    Raises ConfigError: it says which file and line, and what was expected; the caller ends.
    """
    chosen = chosen_directory(directory)
    if chosen is None:
        from spoolmta.config import builtin

        return from_text(builtin.main_text(), builtin.master_text())
    folder = Path(chosen)
    file = f"{str(chosen).rstrip('/')}/main.cf"
    return Configuration(folder, main_cf.parse_main(main_cf.read_text(file), file))


def load_defaults(directory: Path | str | None = None) -> "Configuration":
    """Return what would be in force in *directory* if its main.cf were empty; it is not read."""
    chosen = chosen_directory(directory)
    if chosen is None:
        from spoolmta.config import builtin

        return from_text("", builtin.master_text())
    return Configuration(Path(chosen), MainFile(f"{str(chosen).rstrip('/')}/main.cf", {}, {}))


def chosen_directory(directory: Path | str | None = None) -> Path | str | None:
    """Return the folder that load() reads; None for the built-in default."""
    chosen = directory or os.environ.get(MAIL_CONFIG)
    return chosen or (DEFAULT_DIRECTORY if DEFAULT_DIRECTORY.is_dir() else None)


def from_text(main: str, master: str = "", *, directory: Path | None = None) -> "Configuration":
    """Return the configuration that two texts say; *directory* is what $config_directory says.

    Raises ConfigError: as load().
    """
    return Configuration(directory, main_cf.parse_main(main, "main.cf"), master)


class Configuration:
    """The parameters and services of one main.cf and master.cf.

    *directory* is None for the built-in default. *main* has the unexpanded values; *read_only*
    are those of main.cf that are not believed.
    """

    def __init__(
        self, directory: Path | None, main: MainFile, master_text: str | None = None
    ) -> None:
        self.directory = directory
        self.read_only = {name: main.values[name] for name in READ_ONLY & main.values.keys()}
        if self.read_only:
            values = {n: v for n, v in main.values.items() if n not in self.read_only}
            main = main._replace(values=values)
        self.main = main
        self._master_text = master_text
        self._views: dict[tuple[tuple[str, str], ...], _View] = {}
        self._sections: dict[tuple[type[Section], _View], Section] = {}
        self._plain = self._view(_NOTHING)
        try:
            self._level = parse_level(self.value("compatibility_level"))
        except ExpansionError as error:
            raise error.at(self.place("compatibility_level")) from None

    def section(self, kind: type[S], overrides: Mapping[str, str] = _NOTHING) -> S:
        """Return the typed values of one section, as a service with these *overrides* sees them.

        Raises ConfigError: a value is not of its parameter's type or range.
        """
        view = self._view(overrides)
        known = self._sections.get((kind, view))
        if isinstance(known, kind):
            return known
        values = {
            parameter.attribute: view.typed(parameter)
            for name, parameter in kind.parameters.items()
            if name not in computed.COMPUTED or view.explicit(name) is not None
        }
        section = kind(values, view.typed)
        self._sections[kind, view] = section
        return section

    def value(self, name: str, overrides: Mapping[str, str] = _NOTHING) -> str:
        """Return the expanded text of any parameter; "" if nobody defines it.

        Raises ConfigError: the text cannot be expanded.
        """
        return self._view(overrides).value(name)

    def expanded(self, name: str, overrides: Mapping[str, str] = _NOTHING) -> str:
        """Return the text of any parameter with the names in it replaced, and no file read.

        Raises ExpansionError: the text cannot be expanded.
        """
        return self._view(overrides).expanded(name)

    def raw(self, name: str) -> str:
        """Return the unexpanded text of any parameter, from main.cf or its default."""
        return self._plain.raw(name) or ""

    def transport_number(self, transport: str, suffix: str) -> int:
        """Return a number that main.cf may set per transport: ("smtp", "_delivery_slot_cost").

        Raises ConfigError: it is no number.
        """
        value = self._of_transport(transport, suffix)
        assert isinstance(value, int)
        return value

    def transport_seconds(self, transport: str, suffix: str) -> float:
        """Return a time that main.cf may set per transport: ("smtp", "_transport_rate_delay").

        Raises ConfigError: it is no time.
        """
        value = self._of_transport(transport, suffix)
        assert isinstance(value, float)
        return value

    def transport_text(self, transport: str, suffix: str) -> str:
        """Return a text that main.cf may set per transport (concurrency feedback).

        Raises ConfigError: it cannot be expanded.
        """
        return str(self._of_transport(transport, suffix))

    def with_settings(self, settings: Mapping[str, str]) -> "Configuration":
        """Return this configuration with other values for some names of main.cf."""
        main = self.main._replace(values={**self.read_only, **self.main.values, **settings})
        return Configuration(self.directory, main, self._master_text)

    def without_services(self) -> "Configuration":
        """Return this configuration with an empty master.cf."""
        main = self.main._replace(values={**self.read_only, **self.main.values})
        return Configuration(self.directory, main, "")

    def defaults(self) -> "Configuration":
        """Return what would be in force if main.cf were empty."""
        return Configuration(self.directory, MainFile(self.main.file, {}, {}), self._master_text)

    @cached_property
    def master(self) -> "MasterFile":
        """What master.cf says, column by column.

        Raises ConfigError: it cannot be read or understood.
        """
        from spoolmta.config import master_cf

        if self._master_text is not None:
            return master_cf.parse_master(self._master_text, "master.cf")
        file = self.main.file.removesuffix("main.cf") + "master.cf"
        return master_cf.parse_master(main_cf.read_text(file), file)

    @cached_property
    def services(self) -> "tuple[Service, ...]":
        """The services of master.cf, defaults filled in.

        Raises ConfigError: as master.
        """
        from spoolmta.config.master_cf import Defaults, to_service

        declared = common.CommonParameters.parameters
        maxproc = self._plain.typed(declared["default_process_limit"])
        assert isinstance(maxproc, int)
        defaults = Defaults(maxproc=maxproc, chroot=self._level < (1, 0, 0))
        file = self.master.file
        services = (to_service(e, file, defaults) for e in self.master.entries)
        return tuple({service.key: service for service in services}.values())

    def service(self, name: str, kind: str | None = None) -> "Service":
        """Return the service *name*; of several, the one that is not inet unless *kind* says so.

        Raises ConfigError: master.cf has none.
        """
        found = [s for s in self.services if s.name == name and kind in (None, s.kind)]
        if not found:
            raise ConfigError(f'{self.master.file}: no service "{name}" (expected a line for it)')
        return next((s for s in found if s.kind != "inet"), found[0])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful in main.cf and master.cf, fit for log lines.

        Raises ConfigError: as master.
        """
        return (*self.main.warnings, *self.master.warnings, *self.assigned_read_only)

    @property
    def assigned_read_only(self) -> Iterator[str]:
        """A warning for each value that main.cf or master.cf give to what nobody can set.

        Raises ConfigError: as master.
        """
        for name, value in self.read_only.items():
            yield f"{self.main.file}: read-only parameter assignment: {name}={value}"
        for entry in self.master.entries:
            for name, value in entry.read_only.items():
                yield f"{self.master.file}: read-only parameter assignment: {name}={value}"

    def place(self, name: str) -> str:
        """Return where main.cf defines *name*: "FILE, line N"; "default value" if it does not."""
        line = self.main.lines.get(name)
        return f"{self.main.file}, line {line}" if line else "default value"

    def _of_transport(self, transport: str, suffix: str) -> object:
        name = transport + suffix
        declared = DECLARED.get(name)
        if declared is not None:
            return self._plain.typed(declared)
        of_all = transports.SUFFIXES[suffix]
        parameter = Parameter(of_all.kind, of_all.default, of_all.limits, name)
        if self._plain.raw(name) is not None:
            return self._plain.typed(parameter)
        return parameter.parse(self._plain.expand(parameter.default, name))

    def _view(self, overrides: Mapping[str, str]) -> "_View":
        key = tuple(sorted(overrides.items()))
        view = self._views.get(key)
        if view is None:
            view = _View(self, dict(overrides))
            self._views[key] = view
        return view


class _View:
    """Main.cf as one service sees it, with its overrides; values are made once."""

    def __init__(self, configuration: Configuration, overrides: dict[str, str]) -> None:
        self._configuration = configuration
        self._overrides = overrides
        self._values: dict[str, str] = {}
        self._being_made: set[str] = set()

    def explicit(self, name: str) -> str | None:
        value = self._overrides.get(name)
        return self._configuration.main.values.get(name) if value is None else value

    def raw(self, name: str) -> str | None:
        """Return the unexpanded text, computed where that is how the default comes about."""
        value = self.explicit(name)
        if value is not None:
            return value
        make = computed.COMPUTED.get(name)
        if make is not None:
            return self._computed(name, make)
        if name == "config_directory":
            directory = self._configuration.directory
            return str(directory) if directory else ""
        parameter = DECLARED.get(name)
        if parameter is not None:
            return parameter.default
        from spoolmta.config import catalogue

        return catalogue.default(name)

    def value(self, name: str) -> str:
        known = self._values.get(name)
        if known is None:
            known = self.expanded(name)
            if name == "myorigin" and known.startswith("/"):
                known = _first_line(Path(known), self._place(name))
            self._values[name] = known
        return known

    def expanded(self, name: str) -> str:
        text = self.raw(name) or ""
        return text if name in UNEXPANDED else self.expand(text, name)

    def expand(self, text: str, name: str) -> str:
        try:
            return expand(text, self.raw)
        except ExpansionError as error:
            raise error.at(f"{self._place(name)}: {name}") from None

    def typed(self, parameter: Parameter) -> object:
        text = self.value(parameter.name)
        try:
            return parameter.parse(text)
        except ConfigError as error:
            raise ConfigError(f"{self._place(parameter.name)}: {error}") from None

    def _place(self, name: str) -> str:
        if name in self._overrides:
            return f"master.cf, -o {name}={self._overrides[name]}"
        return self._configuration.place(name)

    def _computed(self, name: str, make: computed.Maker) -> str:
        if name in self._being_made:
            return computed.UNKNOWN
        self._being_made.add(name)
        try:
            return make(self.value, self.explicit)
        finally:
            self._being_made.discard(name)


def _first_line(path: Path, place: str) -> str:
    """Return the first line of the file that myorigin names, as Debian does."""
    try:
        content = path.read_text("utf-8", "surrogateescape")
    except OSError as error:
        raise ConfigError(
            f"{place}: {path}: cannot open file: {error.strerror}"
            " (expected a domain name, or a file that holds one)"
        ) from error
    return content.split("\n", 1)[0].strip()
