"""What postconf prints of main.cf and master.cf, and what it warns of.

Postfix:    postconf(1) -n, -d, -x, -C, -M, -F, -P, with -f, -h, -H, -j, -q
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from spoolmta.cli.command_line import Command, write_raw
from spoolmta.config import listing
from spoolmta.config.loader import (
    DEFAULT_DIRECTORY,
    Configuration,
    chosen_directory,
    load,
    load_defaults,
)
from spoolmta.config.main_cf import UnreadableFile, read_text, split_definition
from spoolmta.config.master_cf import Columns, parse_master
from spoolmta.config.unused import Names
from spoolmta.errors import ConfigError, UsageError

_OF_MASTER = ("-F", "-M", "-P")
_WANTED = {
    "-F": "service_name[/type[/field]]",
    "-M": "service_name[/type]",
    "-P": "service_name[/type[/parameter]]",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What to print, and how."""

    letters: frozenset[str]
    classes: frozenset[str]
    operands: tuple[str, ...]

    @property
    def folded(self) -> bool:
        """Whether long lines are broken."""
        return "-f" in self.letters

    @property
    def expanded(self) -> bool:
        """Whether the names in values are replaced."""
        return "-x" in self.letters

    def line(self, name: str, value: Callable[[], str]) -> str:
        """Return what is printed for one setting; -h and -H leave one side out."""
        if "-h" in self.letters:
            return listing.one_space(value())
        if "-H" in self.letters:
            return name
        if "-j" in self.letters:
            return _json(name, listing.one_space(value()))
        return listing.parameter(name, value(), folded=self.folded)

    def exact_line(self, name: str, value: str) -> str:
        """Return what is printed for a field, whose blanks and line ends stay as they are."""
        if "-h" in self.letters:
            return value
        if "-H" in self.letters:
            return name
        return _json(name, value) if "-j" in self.letters else f"{name} = {value}"


def _json(name: str, value: str) -> str:
    pair = {_utf8(name): _utf8(value)}
    return json.dumps(pair, ensure_ascii=False).replace("\x7f", "\\u007f")


def _utf8(text: str) -> str:
    """Return *text* with a question mark for each byte that is no UTF-8: JSON knows no others."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace").replace("\ufffd", "?")


def print_listing(
    command: Command, directory: str | None, overrides: Sequence[str], request: Request
) -> None:
    """Print what *request* asks for of the configuration in *directory*.

    *overrides* are "name=value" and count before what main.cf says.

    Raises ConfigError: main.cf or master.cf cannot be understood, or a value not be expanded.
    """
    of_main = request.letters.isdisjoint(_OF_MASTER)
    if not of_main:
        _require_master(command, directory)
    if "-d" in request.letters:
        _print_defaults(command, directory, request)
        return
    configuration = load(directory)
    for warning in configuration.main.warnings:
        command.warn(warning)
    configuration = configuration.with_settings(dict(map(_override, overrides)))
    if of_main:
        configuration = _with_master(command, configuration)
    names = Names(configuration)
    for doubt in names.doubts:
        command.warn(doubt)
    names.require_expandable()
    write_raw(list(_lines(command, configuration, request, names)))
    if "-q" in request.letters:
        return
    for unused in names.unused():
        if of_main or unused.file != configuration.main.file:
            command.warn(f"{unused.file}: unused parameter: {unused.name}={unused.value}")


def _override(text: str) -> tuple[str, str]:
    """Return the name and value that -o gives."""
    try:
        return split_definition(text, text)
    except ConfigError as error:
        fault = str(error).rpartition(": ")[0]
        raise UsageError(f"invalid parameter override: {fault}") from None


def _print_defaults(command: Command, directory: str | None, request: Request) -> None:
    """Print what would be in force without main.cf, which is not read and may be broken."""
    configuration = _with_master(command, load_defaults(directory))
    names = Names(configuration)
    write_raw(list(_parameters(command, configuration, request, names)))


def _require_master(command: Command, directory: str | None) -> None:
    """Tell what is doubtful in master.cf, before what is in main.cf.

    Raises ConfigError: it cannot be read or understood.
    """
    chosen = chosen_directory(directory)
    if chosen is not None:
        file = f"{str(chosen).rstrip('/')}/master.cf"
        for doubt in parse_master(read_text(file), file).doubts:
            command.warn(doubt)


def _with_master(command: Command, configuration: Configuration) -> Configuration:
    """Return *configuration*, without services where there is no master.cf; tell its doubts."""
    try:
        master = configuration.master
    except UnreadableFile as error:
        command.warn(str(error))
        return configuration.without_services()
    for doubt in master.doubts:
        command.warn(doubt)
    return configuration


def _lines(
    command: Command, configuration: Configuration, request: Request, names: Names
) -> Iterator[str]:
    if "-M" in request.letters:
        return _services(command, configuration, request)
    if "-F" in request.letters:
        return _fields(command, configuration, request)
    if "-P" in request.letters:
        return _overrides(command, configuration, request)
    return _parameters(command, configuration, request, names)


def _parameters(
    command: Command, configuration: Configuration, request: Request, names: Names
) -> Iterator[str]:
    known = _known(configuration, request, names)
    for name in request.operands or sorted(known):
        if name not in known:
            command.warn(f"{name}: unknown parameter")
        elif "-n" not in request.letters or _is_set(name, configuration):
            yield request.line(name, _value_of(name, configuration, names, request))


def _known(configuration: Configuration, request: Request, names: Names) -> frozenset[str]:
    """Return the names that can be printed: those of the classes, or all if it is asked for some.

    An old name is the user's where main.cf sets it, and is printed else only if it is asked for.
    """
    builtin = names.builtin - names.legacy
    own = names.used.intersection(configuration.main.values).difference(
        builtin, names.of_transports
    )
    of_class = {
        "builtin": builtin,
        "service": frozenset(names.of_transports),
        "user": own,
    }
    if request.operands:
        return frozenset(names.legacy.union(*of_class.values()))
    return frozenset().union(*(of_class[name] for name in request.classes))


def _is_set(name: str, configuration: Configuration) -> bool:
    if name == "config_directory":
        return configuration.directory not in (None, DEFAULT_DIRECTORY)
    return name in configuration.main.values


def _value_of(
    name: str, configuration: Configuration, names: Names, request: Request
) -> Callable[[], str]:
    def value() -> str:
        fallback = names.of_transports.get(name, "")
        known = configuration.with_settings({name: configuration.raw(name) or fallback})
        return known.expanded(name) if request.expanded else known.raw(name)

    return value


def _services(command: Command, configuration: Configuration, request: Request) -> Iterator[str]:
    for columns, _ in _chosen(command, configuration, request, "-M", of=("*",)):
        shown = _with_expanded(columns, configuration) if request.expanded else columns
        if "-j" in request.letters:
            yield _json(columns.key, listing.one_line(shown))
        else:
            yield listing.service(shown, folded=request.folded)


def _fields(command: Command, configuration: Configuration, request: Request) -> Iterator[str]:
    for columns, name in _chosen(command, configuration, request, "-F", of=listing.FIELDS):
        shown = _with_expanded(columns, configuration) if request.expanded else columns
        for field in listing.FIELDS if name == "*" else (name,):
            path = f"{columns.key}/{field}"
            label = 0 if "-h" in request.letters else len(f"{path} = ")
            value = listing.field(shown, field, behind=label if request.folded else None)
            yield request.exact_line(path, value)


def _overrides(command: Command, configuration: Configuration, request: Request) -> Iterator[str]:
    for columns, chosen in _chosen(command, configuration, request, "-P"):
        settings = columns.overrides
        if request.expanded:
            settings = _with_expanded(columns, configuration).overrides
        for name in sorted(settings) if chosen == "*" else (chosen,):
            yield request.line(f"{columns.key}/{name}", _constant(settings[name]))


def _with_expanded(columns: Columns, configuration: Configuration) -> Columns:
    """Return *columns* with the names in the values of its -o options replaced."""
    seen = {**columns.overrides, "service_name": columns.fields[0]}
    expanded = {
        f"{name}={value}": f"{name}={configuration.expanded(name, seen)}"
        for name, value in columns.overrides.items()
    }
    arguments = (expanded.get(_plain(word), word) for word in columns.arguments)
    return columns._replace(arguments=tuple(arguments))


def _plain(word: str) -> str:
    name, mark, value = word.partition("=")
    return f"{name.strip()}{mark}{value.strip()}"


def _constant(text: str) -> Callable[[], str]:
    return lambda: text


def _chosen(
    command: Command,
    configuration: Configuration,
    request: Request,
    mode: str,
    *,
    of: Sequence[str] | None = None,
) -> Iterator[tuple[Columns, str]]:
    """Return services with the field or parameter that an operand names, in master.cf's order.

    *of* are the names that every service has; else they are those of its options.
    """
    patterns = [_pattern(operand, mode) for operand in request.operands]
    matched: set[int] = set()
    for columns in configuration.master.entries:
        known = columns.overrides if of is None else of
        for index, pattern in enumerate(patterns or [("*", "*", "*")]):
            third = pattern[2]
            has = (third == "*" and bool(known)) or third in known
            if has and _matches(columns, pattern):
                matched.add(index)
                yield columns, third
    for index, operand in enumerate(request.operands):
        if index not in matched:
            command.warn(f'unmatched request: "{operand}"')


def _pattern(operand: str, mode: str) -> tuple[str, ...]:
    """Return service, type and name that *operand* asks for; what is missing is a "*"."""
    parts = list(filter(None, operand.split("/")))
    is_wild = any("*" in part and part != "*" for part in parts[:2])
    too_many = len(parts) > _WANTED[mode].count("/") + 1
    if is_wild or too_many or not operand or operand.startswith("/"):
        raise UsageError(f"{mode} option requires {_WANTED[mode]}")
    pattern = (*parts, "*", "*")[:3]
    if mode == "-F" and pattern[2] not in ("*", *listing.FIELDS):
        raise UsageError(listing.unknown_field(pattern[2]))
    return pattern


def _matches(columns: Columns, pattern: Sequence[str]) -> bool:
    return pattern[0] in ("*", columns.fields[0]) and pattern[1] in ("*", columns.fields[1])
