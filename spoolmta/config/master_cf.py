"""The syntax of master.cf: one service per logical line, eight columns, then arguments.

    service  type  private  unprivileged  chroot  wakeup  process limit  command [arguments]

"-" stands for a column's default. Arguments in braces may hold white space. "-o name=value" and
"-o { name = value }" override main.cf for this service alone.

Postfix:    master(5)
Must not:   know what a service does
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, takewhile

from spoolmta.config.expansion import matching_brace
from spoolmta.config.main_cf import LogicalLine, logical_lines, split_definition, starts_with_space
from spoolmta.errors import ConfigError

TYPES = ("inet", "unix", "fifo", "pass", "unix-dgram")
COLUMNS = (
    "service", "type", "private", "unprivileged", "chroot", "wakeup", "process_limit", "command",
)  # fmt: skip
"""What the columns are called, as postconf(1) says them."""

_SPACE = " \t\r\n\v\f"
_EXPECTED_COLUMNS = (
    "expected eight columns: service type private unpriv chroot wakeup process_limit command"
)


@dataclass(frozen=True, slots=True)
class Columns:
    """One service as master.cf writes it: the eight columns, "-" where the default is meant.

    *arguments* are without braces, and each -o stands before its "name=value" as a word of its
    own; *faults* are the words whose braces do not match.
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

    It refuses what postconf(1) refuses; what only the master refuses, to_service() does.
    Raises ConfigError: a line has too few columns, or one that cannot be understood.
    """
    entries: list[Columns] = []
    warnings: list[str] = []
    for line in logical_lines(text):
        if line.text[0] in _SPACE:
            warnings.append(starts_with_space(file, line))
        else:
            entries.append(_columns(line, f"{file}, line {line.number}"))
    return MasterFile(file, tuple(entries), (*warnings, *_duplicates(entries, file)))


def to_service(columns: Columns, file: str, defaults: Defaults) -> Service:
    """Return the service that *columns* describe.

    Raises ConfigError: a column or an option holds something else than its kind of value.
    """
    place = f"{file}, line {columns.line}"
    if columns.faults:
        raise ConfigError(f"{place}: {columns.faults[0]} (expected {{ ... }} as a word)")
    name, kind, private, unprivileged, chroot, wakeup, maxproc, _ = columns.fields
    if any(blank in field for field in columns.fields for blank in _SPACE):
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
        overrides={"service_name": name, **overrides_of(columns, file)},
        file=file,
        line=columns.line,
    )


def overrides_of(columns: Columns, file: str) -> dict[str, str]:
    """Return the unexpanded values of the -o options of one service.

    Raises ConfigError: an option has no "name=value".
    """
    overrides: dict[str, str] = {}
    for option in columns.options:
        try:
            name, value = split_definition(option, "")
        except ConfigError as error:
            place = f'{file}, line {columns.line}: invalid "-o {option}" option value'
            raise ConfigError(f"{place}{error}") from None
        overrides[name] = value
    return overrides


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
    words = words_of(line.text)
    if len(words) < len(COLUMNS):
        raise ConfigError(f"{place}: bad field count ({_EXPECTED_COLUMNS})")
    fields = tuple(words[: len(COLUMNS)])
    for index, (expected, is_good) in _COLUMN_VALUES.items():
        if not is_good(fields[index]):
            raise ConfigError(
                f'{place}: invalid {COLUMNS[index]} field "{fields[index]}" in "{line.text}"'
                f" (expected {expected})"
            )
    faults: list[str] = []
    arguments = [_without_braces(word, faults) for word in words[len(COLUMNS) :]]
    return Columns(line.number, fields, tuple(_with_options_apart(arguments)), tuple(faults))


def words_of(text: str) -> list[str]:
    """Return the words of a line; white space within braces separates none."""
    words: list[str] = []
    start, depth = -1, 0
    for index, character in enumerate(text):
        if depth == 0 and character in _SPACE:
            if start >= 0:
                words.append(text[start:index])
            start = -1
            continue
        if start < 0:
            start = index
        if character == "{":
            depth += 1
        elif character == "}" and depth:
            depth -= 1
    return words if start < 0 else [*words, text[start:]]


def _without_braces(word: str, faults: list[str]) -> str:
    """Return what stands between the braces of "{ a b }"; other words stay as they are."""
    if not word.startswith("{"):
        return word
    end = matching_brace(word, 0)
    if end < 0:
        faults.append(f"missing '}}' in \"{word}\"")
        return word[1:].strip(_SPACE)
    if end < len(word) - 1:
        faults.append(f"syntax error after '}}' in \"{word}\"")
    return word[1:end].strip(_SPACE)


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
