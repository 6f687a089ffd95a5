"""The syntax of master.cf: one service per logical line, eight columns, then arguments.

    service  type  private  unprivileged  chroot  wakeup  process limit  command [arguments]

"-" stands for a column's default. Arguments in braces may hold white space. "-o name=value" and
"-o { name = value }" override main.cf for this service alone.

Postfix:    master(5)
Must not:   know what a service does
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from spoolmta.config.expansion import matching_brace
from spoolmta.config.main_cf import LogicalLine, logical_lines, split_definition, starts_with_space
from spoolmta.errors import ConfigError

TYPES = ("inet", "unix", "fifo", "pass", "unix-dgram")
COLUMNS = ("service", "type", "private", "unpriv", "chroot", "wakeup", "process_limit", "command")

_SPACE = " \t\r\n\v\f"
_EXPECTED_COLUMNS = (
    "expected eight columns: service type private unpriv chroot wakeup process_limit command"
)


@dataclass(frozen=True, slots=True)
class Columns:
    """One service as master.cf writes it: the eight columns, "-" where the default is meant."""

    line: int
    fields: tuple[str, ...]
    arguments: tuple[str, ...]

    @property
    def key(self) -> str:
        """Name and type, as postconf(1) writes them: "smtp/inet"."""
        return f"{self.fields[0]}/{self.fields[1]}"

    @property
    def command(self) -> str:
        """The program's name, without the folder that may stand before it."""
        return self.fields[-1].rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Service:
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
    overrides: Mapping[str, str] = field(default_factory=dict)
    file: str = "master.cf"
    line: int = 0

    @property
    def key(self) -> str:
        """Name and type: "smtp/inet"."""
        return f"{self.name}/{self.kind}"


@dataclass(frozen=True, slots=True)
class Defaults:
    """What "-" means where it is not fixed: the process limit and chroot."""

    maxproc: int
    chroot: bool


@dataclass(frozen=True, slots=True)
class MasterFile:
    """What a master.cf says, line by line; the last of several for one service counts."""

    file: str
    entries: tuple[Columns, ...]
    warnings: tuple[str, ...] = ()


def parse_master(text: str, file: str) -> MasterFile:
    """Return the services of the *text* of a master.cf; *file* is the name for messages.

    Raises ConfigError: a line has too few columns, or one that cannot be understood.
    """
    entries: list[Columns] = []
    lines: dict[str, int] = {}
    warnings: list[str] = []
    for line in logical_lines(text):
        if line.text[0] in _SPACE:
            warnings.append(starts_with_space(file, line))
            continue
        columns = _columns(line, f"{file}, line {line.number}")
        if columns.key in lines:
            warnings.append(
                f"{file}, line {line.number}: duplicate entry for service {columns.key};"
                f" the one of line {lines[columns.key]} is not used"
            )
        lines[columns.key] = line.number
        entries.append(columns)
    return MasterFile(file, tuple(entries), tuple(warnings))


def to_service(columns: Columns, file: str, defaults: Defaults) -> Service:
    """Return the service that *columns* describe.

    Raises ConfigError: a column holds something else than its kind of value.
    """
    place = f"{file}, line {columns.line}"
    name, kind, private, unprivileged, chroot, wakeup, maxproc, _ = columns.fields
    period = wakeup.removesuffix("?")
    is_private = _flag(private, kind != "inet", "private", place)
    if kind == "inet" and is_private and private != "-":
        raise ConfigError(f"{place}: inet service {name} cannot be private (expected n or -)")
    arguments, overrides = _split_overrides(columns.arguments, place)
    return Service(
        name=name,
        kind=kind,
        command=columns.command,
        private=is_private,
        unprivileged=_flag(unprivileged, True, "unpriv", place),
        chroot=_flag(chroot, defaults.chroot, "chroot", place),
        wakeup=_whole(period, 0, "wakeup", place),
        wakeup_if_used=wakeup.endswith("?"),
        maxproc=_whole(maxproc, defaults.maxproc, "process_limit", place),
        arguments=arguments,
        overrides={"service_name": name, **overrides},
        file=file,
        line=columns.line,
    )


def overrides_of(columns: Columns, file: str) -> dict[str, str]:
    """Return the unexpanded values of the -o options of one service.

    Raises ConfigError: an option has no "name=value".
    """
    return _split_overrides(columns.arguments, f"{file}, line {columns.line}")[1]


def _columns(line: LogicalLine, place: str) -> Columns:
    words = list(_words(line.text, place))
    if len(words) < len(COLUMNS):
        raise ConfigError(f"{place}: bad field count ({_EXPECTED_COLUMNS})")
    fields = tuple(words[: len(COLUMNS)])
    if fields[1] not in TYPES:
        raise ConfigError(
            f'{place}: invalid type field "{fields[1]}" (expected one of: {", ".join(TYPES)})'
        )
    for index in (2, 3, 4):
        _flag(fields[index], False, COLUMNS[index], place)
    _whole(fields[5].removesuffix("?"), 0, COLUMNS[5], place)
    _whole(fields[6], 0, COLUMNS[6], place)
    return Columns(line.number, fields, tuple(words[len(COLUMNS) :]))


def _words(text: str, place: str) -> Iterator[str]:
    """Return the words of a line; "{ a b }" is one word without the braces."""
    position = 0
    while True:
        while position < len(text) and text[position] in _SPACE:
            position += 1
        if position == len(text):
            return
        if text[position] == "{":
            end = matching_brace(text, position)
            if end < 0:
                raise ConfigError(f'{place}: missing "}}" in "{text[position:]}"')
            yield text[position + 1 : end].strip(_SPACE)
            position = end + 1
            continue
        end = position
        while end < len(text) and text[end] not in _SPACE:
            end += 1
        yield text[position:end]
        position = end


def _split_overrides(words: tuple[str, ...], place: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the arguments that are no -o option, and the overrides.

    Behind the first word that is no option, everything belongs to the command.
    """
    arguments: list[str] = []
    overrides: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "--":
            arguments.append(word)
            arguments.extend(rest)
            break
        if not word.startswith("-o"):
            arguments.append(word)
            continue
        option = word[2:].strip(_SPACE) or next(rest, None)
        if option is None:
            raise ConfigError(f"{place}: -o at the end of the line (expected -o name=value)")
        option = option.removeprefix("{").removesuffix("}") if word[2:3] == "{" else option
        name, value = split_definition(option.strip(_SPACE), place)
        overrides[name] = value
    return tuple(arguments), overrides


def _flag(text: str, default: bool, column: str, place: str) -> bool:
    if text == "-":
        return default
    if text not in ("y", "n"):
        raise ConfigError(f'{place}: invalid {column} field "{text}" (expected y, n or -)')
    return text == "y"


def _whole(text: str, default: int, column: str, place: str) -> int:
    if text == "-":
        return default
    if not (text.isascii() and text.isdigit()):
        raise ConfigError(f'{place}: invalid {column} field "{text}" (expected a number or -)')
    return int(text)
