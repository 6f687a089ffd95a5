"""postconf: print and change main.cf and master.cf.

Postfix:    postconf(1)
Reads:      main.cf, master.cf, bounce templates      Writes: main.cf, master.cf
Limits:     no -j, -q; an edited service stays where it is in master.cf; -T names one version of
            OpenSSL, as nothing is compiled here
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from spoolmta.cli.command_line import Command, write_raw
from spoolmta.cli.postconf_edit import Edit, edit_fields, edit_main, edit_overrides, edit_services
from spoolmta.config import listing
from spoolmta.config.expansion import ExpansionError
from spoolmta.config.loader import DEFAULT_DIRECTORY, Configuration, chosen_directory, load
from spoolmta.config.main_cf import split_definition
from spoolmta.config.master_cf import Columns, overrides_of
from spoolmta.config.unused import Names
from spoolmta.errors import ConfigError, UsageError

USAGE = "postconf [-dfhHnopvx] [-c config_dir] [-C class,...] [parameter ...]"

_LETTERS = "aAbc:C:defFhHlmMno:pPtT:vxX#"
_CLASSES = ("builtin", "service", "user")
_OF_MASTER = ("-F", "-M", "-P")
_LISTS = ("-a", "-A", "-l", "-m", "-T")
_TEMPLATES = ("-b", "-t")
_EDITS = ("-e", "-X", "-#")
# Groups and their members are in the order in which Postfix names them.
_ONE_OF = (
    ("-a", "-A", "-b", "-F", "-l", "-m", "-M", "-p", "-P", "-t", "-T"),
    ("-d", "-e", "-n", "-X", "-#"),
    ("-e", "-f", "-X", "-#"),
    ("-h", "-H"),
    ("-e", "-h", "-X", "-#"),
    ("-e", "-H", "-X", "-#"),
    ("-e", "-o", "-X", "-#"),
    ("-e", "-x", "-X", "-#"),
    ("-d", "-o"),
)
_LISTING = ("-d", "-e", "-f", "-h", "-H", "-n", "-o", "-x", "-X", "-#")
_NOT_WITH = {
    **dict.fromkeys((*_LISTS, *_TEMPLATES), _LISTING),
    "-F": ("-d", "-n", "-X", "-#"),
    "-M": ("-d", "-h", "-H", "-n"),
    "-P": ("-d", "-n", "-#"),
}
_SERVER_PLUG_INS = ("cyrus", "dovecot")
_CLIENT_PLUG_INS = ("cyrus",)
_PUBLIC_KEY_ALGORITHMS = ("dsa", "ecdsa", "rsa")
_LOCKS = ("flock", "fcntl", "dotlock")


def main() -> NoReturn:
    """Run postconf."""
    command = Command("postconf")
    options, operands = command.options(sys.argv[1:], _LETTERS, USAGE)
    command.run(lambda: _telling_faults(command, lambda: _postconf(command, options, operands)))


def _telling_faults(command: Command, work: Callable[[], int]) -> int:
    """Return the status of *work*; tell a fault of expansion in Postfix's words, and its place."""
    try:
        return work()
    except ExpansionError as error:
        _warn(command, error.fault)
        hint = f" ({error.hint})" if error.hint else ""
        command.fatal(_printable(f"macro processing error: {error.place}{hint}"))
    except ConfigError as error:
        command.fatal(_printable(str(error)))


def _warn(command: Command, text: str) -> None:
    command.warn(_printable(text))


def _printable(text: str) -> str:
    """Return *text* with a question mark for each character that would act on a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


@dataclass(frozen=True, slots=True)
class Request:
    """What to print, and how."""

    letters: frozenset[str]
    classes: frozenset[str]
    operands: tuple[str, ...]

    def line(self, name: str, value: Callable[[], str]) -> str:
        """Return what is printed for one setting; -h and -H leave one side out."""
        if "-h" in self.letters:
            return listing.one_space(value())
        if "-H" in self.letters:
            return name
        return listing.parameter(name, value(), folded="-f" in self.letters)

    def exact_line(self, name: str, value: str) -> str:
        """Return what is printed for a field, whose blanks and line ends stay as they are."""
        if "-h" in self.letters:
            return value
        return name if "-H" in self.letters else f"{name} = {value}"


def _postconf(command: Command, options: Sequence[tuple[str, str]], operands: list[str]) -> int:
    letters = frozenset(letter for letter, _ in options)
    if not letters.intersection(_EDITS) and any("=" in operand for operand in operands):
        letters |= {"-e"}
    _require_compatible(letters)
    values = dict(options)
    if "-T" in letters:
        return _print_tls_feature(command, values["-T"])
    if not letters.isdisjoint(_LISTS):
        write_raw(list(_lists(letters)))
        return 0
    classes = _classes(values.get("-C", "all"))
    settings = [_override(text) for letter, text in options if letter == "-o"]
    edit = _edit(letters, operands)
    if edit is not None:
        _change(command, values.get("-c"), letters, edit)
        return 0
    configuration = load(values.get("-c"))
    if not letters.isdisjoint(_TEMPLATES):
        from spoolmta.cli.postconf_templates import template_lines

        write_raw(list(template_lines(configuration, operands, expanded="-b" in letters)))
        return 0
    request = Request(letters, classes, tuple(operands))
    _print(command, configuration.with_settings(dict(settings)), request)
    return 0


def _require_compatible(letters: frozenset[str]) -> None:
    """Raise UsageError if two options do not go together."""
    for group in _ONE_OF:
        given = [letter for letter in group if letter in letters]
        if len(given) > 1:
            raise UsageError(f"specify one of {' '.join(given)}")
    for mode, others in _NOT_WITH.items():
        given = [letter for letter in others if letter in letters]
        if mode in letters and given:
            raise UsageError(f"with option {mode}, do not specify {' '.join(given)}")


def _override(text: str) -> tuple[str, str]:
    """Return the name and value that -o gives."""
    try:
        return split_definition(text, text)
    except ConfigError as error:
        fault = str(error).rpartition(": ")[0]
        raise UsageError(f"invalid parameter override: {fault}") from None


def _print_tls_feature(command: Command, mode: str) -> int:
    import ssl

    match mode:
        case "compile-version" | "run-version":
            write_raw([ssl.OPENSSL_VERSION])
        case "public-key-algorithms":
            write_raw(list(_PUBLIC_KEY_ALGORITHMS))
        case _:
            _warn(command, f"unknown 'postconf -T' mode: {mode}")
            return 1
    return 0


def _lists(letters: frozenset[str]) -> Iterator[str]:
    if "-m" in letters:
        from spoolmta.maps.registry import map_types

        yield from map_types()
    elif "-l" in letters:
        yield from _LOCKS
    elif "-a" in letters:
        yield from _SERVER_PLUG_INS
    else:
        yield from _CLIENT_PLUG_INS


def _classes(text: str) -> frozenset[str]:
    classes = text.replace(",", " ").split()
    for name in classes:
        if name not in (*_CLASSES, "all"):
            raise UsageError(f'unknown -C option value "{name}" in "{text}"')
    return frozenset(_CLASSES) if "all" in classes else frozenset(classes)


def _edit(letters: frozenset[str], operands: list[str]) -> Edit | None:
    """Return what to change."""
    action = next((letter for letter in _EDITS if letter in letters), None)
    if action is None:
        return None
    if not operands:
        wanted = "-e requires name=value" if action == "-e" else "missing service"
        raise UsageError(f"{wanted} argument")
    if any("\n" in operand for operand in operands):
        raise UsageError("-e, -X, or -# accepts no multi-line input")
    if any(operand.lstrip().startswith("#") for operand in operands):
        raise UsageError("-e, -X, or -# accepts no comment input")
    if action != "-e" and any("=" in operand for operand in operands):
        raise UsageError(f"specify one of -e {action}")
    if letters.isdisjoint(_OF_MASTER) and not all(operand.strip() for operand in operands):
        raise UsageError("-X or -# requires non-blank parameter names")
    return Edit(action, tuple(operands))


def _change(command: Command, directory: str | None, letters: frozenset[str], edit: Edit) -> None:
    """Change a file without reading all of it: what is broken can be mended."""
    chosen = chosen_directory(directory)
    if chosen is None:
        raise UsageError("the built-in configuration cannot be changed: name a folder with -c")
    folder = Path(chosen)
    if "-M" in letters:
        warnings = edit_services(folder / "master.cf", edit)
    elif "-F" in letters:
        warnings = edit_fields(folder / "master.cf", edit)
    elif "-P" in letters:
        warnings = edit_overrides(folder / "master.cf", edit)
    else:
        warnings = edit_main(folder / "main.cf", edit)
    for warning in warnings:
        _warn(command, warning)


def _print(command: Command, configuration: Configuration, request: Request) -> None:
    for warning in configuration.main.warnings:
        _warn(command, warning)
    names = Names(configuration)
    if "-M" in request.letters:
        lines = _services(command, configuration, request)
    elif "-F" in request.letters:
        lines = _fields(command, configuration, request)
    elif "-P" in request.letters:
        lines = _overrides(command, configuration, request)
    else:
        lines = _parameters(command, configuration, request, names)
    if "-d" in request.letters:
        write_raw(list(lines))
        return
    for doubt in names.doubts:
        _warn(command, doubt)
    names.require_expandable()
    write_raw(list(lines))
    of_main = request.letters.isdisjoint(_OF_MASTER)
    for unused in names.unused():
        if of_main or unused.file != configuration.main.file:
            _warn(command, f"{unused.file}: unused parameter: {unused.name}={unused.value}")


def _parameters(
    command: Command, configuration: Configuration, request: Request, names: Names
) -> Iterator[str]:
    letters = request.letters
    source = configuration.defaults() if "-d" in letters else configuration
    known = _known(configuration, request, names)
    for name in request.operands or sorted(known):
        if name not in known:
            _warn(command, f"{name}: unknown parameter")
        elif "-n" not in letters or _is_set(name, configuration):
            yield request.line(name, _value_of(name, source, names, expanded="-x" in letters))


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
        "user": frozenset() if "-d" in request.letters else own,
    }
    if request.operands:
        return frozenset(names.legacy.union(*of_class.values()))
    return frozenset().union(*(of_class[name] for name in request.classes))


def _is_set(name: str, configuration: Configuration) -> bool:
    if name == "config_directory":
        return configuration.directory not in (None, DEFAULT_DIRECTORY)
    return name in configuration.main.values


def _value_of(
    name: str, source: Configuration, names: Names, *, expanded: bool
) -> Callable[[], str]:
    def value() -> str:
        fallback = names.of_transports.get(name, "")
        with_fallback = source.with_settings({name: source.raw(name) or fallback})
        return with_fallback.expanded(name) if expanded else with_fallback.raw(name)

    return value


def _services(command: Command, configuration: Configuration, request: Request) -> Iterator[str]:
    for columns, _ in _chosen(command, configuration, request.operands, parts=2):
        yield listing.service(columns, folded="-f" in request.letters)


def _fields(command: Command, configuration: Configuration, request: Request) -> Iterator[str]:
    for columns, name in _chosen(command, configuration, request.operands, parts=3):
        for field in listing.FIELDS if name == "*" else (name,):
            value = listing.field(columns, field, folded="-f" in request.letters)
            yield request.exact_line(f"{columns.key}/{field}", value)


def _overrides(command: Command, configuration: Configuration, request: Request) -> Iterator[str]:
    file = configuration.master.file
    chosen_of = _chosen(command, configuration, request.operands, parts=3, of_overrides=True)
    for columns, chosen in chosen_of:
        settings = overrides_of(columns, file)
        seen = {"service_name": columns.fields[0], **settings}
        for name in sorted(settings) if chosen == "*" else (chosen,):
            text = settings[name]
            if "-x" in request.letters:
                text = configuration.expanded(name, seen)
            yield request.line(f"{columns.key}/{name}", _constant(text))


def _constant(text: str) -> Callable[[], str]:
    return lambda: text


def _chosen(
    command: Command,
    configuration: Configuration,
    operands: tuple[str, ...],
    *,
    parts: int,
    of_overrides: bool = False,
) -> Iterator[tuple[Columns, str]]:
    """Return services with the field or parameter that an operand names, in master.cf's order."""
    requests = [(*operand.split("/", parts - 1), *"***")[:parts] for operand in operands]
    matched: set[int] = set()
    file = configuration.master.file
    for columns in configuration.master.entries:
        for index, request in enumerate(requests or [("*",) * parts]):
            third = request[2] if parts == 3 else "*"
            known = overrides_of(columns, file) if of_overrides else listing.FIELDS
            has = (third == "*" and bool(known)) or third in known
            if has and _matches(columns, request):
                matched.add(index)
                yield columns, third
    for index, operand in enumerate(operands):
        if index not in matched:
            _warn(command, f'unmatched request: "{operand}"')


def _matches(columns: Columns, request: Sequence[str]) -> bool:
    return request[0] in ("*", columns.fields[0]) and request[1] in ("*", columns.fields[1])
