"""The syntax of master.cf: one service per logical line, eight columns, then arguments.

    service  type  private  unprivileged  chroot  wakeup  process limit  command [arguments]

"-" stands for a column's default. Arguments in braces may hold white space. "-o name=value" and
"-o { name = value }" override main.cf for this service alone.

Postfix:    master(5)
Must not:   know what a service does
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, takewhile
from types import MappingProxyType
from typing import NamedTuple

from spoolmta.config.main_cf import LogicalLine, logical_lines, split_definition, starts_with_space
from spoolmta.config.parameter import READ_ONLY
from spoolmta.config.words import SPACE, inside_braces, split
from spoolmta.errors import ConfigError

TYPES = ("inet", "unix", "fifo", "pass", "unix-dgram")
COLUMNS = (
    "service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command",
)  # fmt: skip
"""What the columns are called, as postconf(1) says them."""

_EXPECTED_COLUMNS = (
    "expected eight columns: service type private unpriv chroot wakeup process_limit command"
)


class Columns(NamedTuple):
    """One service as master.cf writes it: the eight columns, "-" where the default is meant.

    *arguments* are without braces, and each -o stands before its "name=value" as a word of its
    own; *faults* tell what is wrong with words in braces.
    """

    line: int
    fields: tuple[str, ...]
    arguments: tuple[str, ...]
    faults: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Name and type, as postconf(1) writes them: "smtp/inet"."""
        return f"{self.fields[0]}/{self.fields[1]}"

    @property
    def command(self) -> str:
        """The program's name, without the folder that may stand before it."""
        return self.fields[-1].rsplit("/", 1)[-1]

    @property
    def options(self) -> Iterator[str]:
        """What stands behind each -o; it need not be "name=value"."""
        rest = iter(self.arguments)
        for word in takewhile(is_option, rest):
            if word == "-o":
                yield next(rest, "")

    @property
    def overrides(self) -> dict[str, str]:
        """The unexpanded values of those -o options that are "name=value"."""
        return {name: value for name, value in self._settings() if name not in READ_ONLY}

    @property
    def read_only(self) -> dict[str, str]:
        """The values that -o options give to parameters that nobody can set."""
        return {name: value for name, value in self._settings() if name in READ_ONLY}

    def _settings(self) -> Iterator[tuple[str, str]]:
        for option in self.options:
            with contextlib.suppress(ConfigError):
                yield split_definition(option, "")

    @property
    def command_arguments(self) -> Iterator[str]:
        """The arguments that are no -o option."""
        rest = iter(self.arguments)
        for word in rest:
            if word == "-o":
                next(rest, None)
                continue
            yield word
            if not is_option(word):
                yield from rest


class Service(NamedTuple):
    """One service of master.cf, defaults filled in.

    *wakeup* is in seconds, 0 for never; *maxproc* 0 means no limit; *command* is the program's
    name ("smtpd", "trivial-rewrite"); *overrides* are the unexpanded values of -o, and the
    service_name that they may refer to.
    """

    name: str
    kind: str
    command: str
    private: bool = True
    unprivileged: bool = True
    chroot: bool = False
    wakeup: int = 0
    wakeup_if_used: bool = False
    maxproc: int = 100
    arguments: tuple[str, ...] = ()
    overrides: Mapping[str, str] = MappingProxyType({})
    file: str = "master.cf"
    line: int = 0

    @property
    def key(self) -> str:
        """Name and type: "smtp/inet"."""
        return f"{self.name}/{self.kind}"


class Defaults(NamedTuple):
    """What "-" means where it is not fixed: the process limit and chroot."""

    maxproc: int
    chroot: bool


class MasterFile(NamedTuple):
    """What a master.cf says, line by line; the last of several for one service counts.

    *ignored* tells of lines that are left out, *duplicates* of services that stand there twice.
    """

    file: str
    entries: tuple[Columns, ...]
    ignored: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful, fit for log lines."""
        return self.ignored + self.duplicates

    @property
    def doubts(self) -> Iterator[str]:
        """What postconf(1) warns of: lines that are left out, and braces."""
        yield from self.ignored
        yield from (f"master.cf: {fault}" for entry in self.entries for fault in entry.faults)


def parse_master(text: str, file: str) -> MasterFile:
    """Return the services of the *text* of a master.cf; *file* is the name for messages.

    It refuses what postconf(1) refuses; what only the master refuses, to_service() does.
    Raises ConfigError: a line has too few columns, or one that cannot be understood.
    """
    entries: list[Columns] = []
    ignored: list[str] = []
    for line in logical_lines(text):
        if line.text[0] in SPACE:
            ignored.append(starts_with_space(file, line))
        else:
            entries.append(_columns(line, f"{file}, line {line.number}"))
    return MasterFile(file, tuple(entries), tuple(ignored), tuple(_duplicates(entries, file)))


def to_service(columns: Columns, file: str, defaults: Defaults) -> Service:
    """Return the service that *columns* describe.

    Raises ConfigError: a column or an option holds something else than its kind of value.
    """
    place = f"{file}, line {columns.line}"
    if columns.faults:
        raise ConfigError(f"{place}: {columns.faults[0]} (expected {{ name = value }})")
    name, kind, private, unprivileged, chroot, wakeup, maxproc, _ = columns.fields
    if any(blank in field for field in columns.fields for blank in SPACE):
        raise ConfigError(f"{place}: white space in one of the first eight columns")
    if kind == "inet" and private == "y":
        raise ConfigError(f"{place}: inet service cannot be private (expected n or -)")
    period = wakeup.removesuffix("?")
    if wakeup.endswith("?") and not _is_whole(period):
        raise ConfigError(
            f'{place}: field "wakeup_time": bad value: "{wakeup}" (expected a number, or one and ?)'
        )
    return Service(
        name=name,
        kind=kind,
        command=columns.command,
        private=kind != "inet" if private == "-" else private == "y",
        unprivileged=unprivileged != "n",
        chroot=defaults.chroot if chroot == "-" else chroot == "y",
        wakeup=0 if period == "-" else int(period),
        wakeup_if_used=wakeup.endswith("?"),
        maxproc=defaults.maxproc if maxproc == "-" else int(maxproc),
        arguments=tuple(columns.command_arguments),
        overrides={**overrides_of(columns, file), "service_name": name},
        file=file,
        line=columns.line,
    )


def overrides_of(columns: Columns, file: str) -> dict[str, str]:
    """Return the unexpanded values of the -o options of one service.

    Raises ConfigError: an option has no "name=value".
    """
    for option in columns.options:
        try:
            split_definition(option, "")
        except ConfigError as error:
            place = f'{file}, line {columns.line}: invalid "-o {option}" option value'
            raise ConfigError(f"{place}{error}") from None
    return columns.overrides


def _duplicates(entries: Iterable[Columns], file: str) -> Iterator[str]:
    """Return a warning for each service that an earlier line names as well."""
    seen: dict[str, int] = {}
    for columns in entries:
        if columns.key in seen:
            yield (
                f'{file}, line {columns.line}: duplicate master.cf entry for service "'
                f'{columns.fields[0]}" ({columns.key}) -- using the last entry;'
                f" line {seen[columns.key]} is not used"
            )
        seen[columns.key] = columns.line


def _columns(line: LogicalLine, place: str) -> Columns:
    words = split(line.text, SPACE).words
    if len(words) < len(COLUMNS):
        raise ConfigError(f"{place}: bad field count ({_EXPECTED_COLUMNS})")
    fields = tuple(words[: len(COLUMNS)])
    for index, (expected, is_good) in _COLUMN_VALUES.items():
        if not is_good(fields[index]):
            raise ConfigError(
                f'{place}: invalid {COLUMNS[index]} field "{fields[index]}" in "{line.text}"'
                f" (expected {expected})"
            )
    given = words[len(COLUMNS) :]
    found = [inside_braces(word) for word in given]
    arguments = tuple(_with_options_apart(argument for argument, _ in found))
    columns = Columns(line.number, fields, arguments, tuple(fault for _, fault in found if fault))
    in_braces = {text for word, (text, _) in zip(given, found, strict=True) if word.startswith("{")}
    options = (option for option in columns.options if option in in_braces)
    return columns._replace(faults=(*columns.faults, *filter(None, map(_no_setting, options))))


def _no_setting(option: str) -> str:
    """Return what keeps *option* from being "name=value"; "" if nothing does."""
    try:
        split_definition(option, "")
    except ConfigError as error:
        return str(error).removeprefix(": ")
    return ""


def _with_options_apart(arguments: Iterable[str]) -> Iterator[str]:
    """Return the arguments with "-vo" made "-v", "-o", and "-oname=value" "-o", "name=value".

    Behind the first word that is no option, everything belongs to the command.
    """
    rest = iter(arguments)
    for word in rest:
        if not is_option(word):
            yield word
            break
        flags, mark, value = word.partition("o")
        if flags != "-":
            yield flags
        if mark:
            yield "-o"
            yield from (value,) if value else islice(rest, 1)
    yield from rest


def is_option(word: str) -> bool:
    """Return whether a word is an option of the program, and not the first of its own arguments."""
    return word.startswith("-") and word != "--"


def _is_flag(text: str) -> bool:
    return text in ("y", "n", "-")


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_limit(text: str) -> bool:
    return text == "-" or _is_whole(text)


def _is_period(text: str) -> bool:
    return text == "?" or _is_limit(text.removesuffix("?"))


_COLUMN_VALUES = {
    1: (f"one of: {', '.join(TYPES)}", TYPES.__contains__),
    2: ("y, n or -", _is_flag),
    3: ("y, n or -", _is_flag),
    4: ("y, n or -", _is_flag),
    5: ("a number, one and ?, or -", _is_period),
    6: ("a number or -", _is_limit),
}
