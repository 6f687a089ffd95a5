"""What postmap and postalias share: building a table, and asking, listing and changing it.

Postfix:    postmap(1), postalias(1)
Parameters: default_database_type, lmdb_map_size, smtputf8_enable
Limits:     -v changes nothing
"""

import asyncio
import getopt
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spoolmta.cli.tables.deletion import delete
from spoolmta.cli.tables.message_keys import message_keys
from spoolmta.cli.tables.progress import shown_progress
from spoolmta.config.loader import MAIL_CONFIG, Configuration, load
from spoolmta.errors import ConfigError, MapUnavailable, UsageError
from spoolmta.maps.file_values import stored_content, value_of_stored
from spoolmta.maps.files.file_tables import TEXTHASH
from spoolmta.maps.files.table_build import SUFFIXES, Duplicates, TableBuilder
from spoolmta.maps.keys import KeyRules
from spoolmta.maps.lookup import Map
from spoolmta.maps.proxy import approving
from spoolmta.maps.registry import map_types, open_map
from spoolmta.maps.text import (
    MALFORMED,
    Line,
    is_utf8,
    logical_lines,
    malformed,
    printable,
    read_source,
)
from spoolmta.maps.watched import WatchedMap, tell_problems

Entry = tuple[int, str, str]
Warn = Callable[[str], None]

_DUPLICATES = {"": Duplicates.WARN, "-w": Duplicates.IGNORE, "-r": Duplicates.REPLACE}
_MODES = ("-q", "-d", "-s")
_MESSAGE = ("-b", "-h", "-m")
# With -F, what is read as it is opens the files that its values name; any other holds base64.
_OPENS_FILES = ("cidr", "inline", "pcre", "pipemap", "regexp", "static", TEXTHASH, "unionmap")


@dataclass(frozen=True, slots=True)
class TableProgram:
    """What tells the two programs apart: name, options, and how a source becomes entries.

    *letters* are the options as the usage shows them; *separator* stands between the keys and the
    values that are printed. *entries* yields (line number, key, value), *closing* what is added to
    a table that is built.
    """

    name: str
    letters: str
    separator: str
    entries: Callable[[Iterable[Line], str, Warn, bool], Iterator[Entry]]
    closing: Callable[[Configuration], Iterable[tuple[str, str]]]

    def usage(self) -> str:
        """Return the text for a call that the program does not take."""
        return (
            f"usage: {self.name} [-{self.letters}] [-c config_dir] [-d key] [-q key] "
            "[map_type:]file..."
        )


def run(program: TableProgram, arguments: list[str]) -> int:
    """Do what the command line says; return the exit status."""
    try:
        command = TableCommand(program, *_parse(program, arguments))
        return command.run()
    except getopt.GetoptError as error:
        problem = "option requires an argument" if "requires" in error.msg else "invalid option"
        print(f"{program.name}: {problem} -- '{error.opt}'", file=sys.stderr)
        return _fatal(program, program.usage())
    except (ConfigError, MapUnavailable, UsageError) as error:
        return _fatal(program, str(error))
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def use_bytes() -> None:
    """Let what is not UTF-8 pass unchanged from standard input to standard output."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")


class TableCommand:
    """One call of a program: its options and tables."""

    def __init__(self, program: TableProgram, options: dict[str, str], tables: list[str]) -> None:
        self._program = program
        self._options = options
        self._configuration = load()
        utf8 = (
            "-u" not in options
            and self._configuration.value("smtputf8_enable") == "yes"
            and ("-U" in options or not any(letter in options for letter in ("-b", "-h")))
        )
        self._rules = KeyRules(
            folded="-f" not in options,
            utf8=utf8,
            null={"-N": True, "-n": False}.get(self._last("-N", "-n")),
            files="-F" in options,
        )
        default = self._configuration.value("default_database_type")
        self._specs = [spec if ":" in spec else f"{default}:{spec}" for spec in tables]

    def run(self) -> int:
        """Act on the tables in their order; return the exit status."""
        tell_problems(self._warn, required=True)
        if "-q" in self._options:
            with approving(lambda: self._configuration.value("proxy_read_maps")):
                return asyncio.run(self._query(self._options["-q"]))
        if "-d" in self._options:
            return asyncio.run(self._delete(self._options["-d"]))
        if "-s" in self._options:
            self._list(self._specs[0])  # as in Postfix, which ends then
            return 0
        for spec in self._specs:
            self._build(spec)
        return 0

    def _build(self, spec: str) -> None:
        incremental = "-i" in self._options
        kind, _, source = spec.partition(":")
        if kind == "proxy":
            raise ConfigError("can't create maps via the proxy service")
        text = sys.stdin.read() if incremental else read_source(source)
        builder = self._builder(kind, source)
        name = "stdin" if incremental else source
        with _as_owner(source, wanted="-o" not in self._options and not incremental):
            lines = shown_progress(logical_lines(text, name, self._warn), text, builder.path)
            entries = self._entries(lines, name)
            if incremental:
                builder.change(entries)
            else:
                builder.write(entries)

    def _entries(self, lines: Iterable[Line], source: str) -> Iterator[tuple[str, str]]:
        fold = self._rules.fold
        for number, key, value in self._program.entries(
            lines, source, self._warn, self._rules.utf8
        ):
            if self._rules.files:
                try:
                    yield fold(key), stored_content(value)
                except ConfigError as error:
                    self._warn(f"{source}, line {number}: {error}: skipping this entry")
            else:
                yield fold(key), value
        yield from self._program.closing(self._configuration)

    def _builder(self, kind: str, source: str) -> TableBuilder:
        if kind not in SUFFIXES:
            known = kind in map_types()
            raise ConfigError(
                f"unsupported dictionary type: {kind}"
                f"{' does not support bulk-mode creation.' if known else ''}"
            )
        duplicates = _DUPLICATES[self._last("-r", "-w")]
        return TableBuilder(
            kind,
            source,
            self._warn,
            duplicates,
            inherit_mode="-p" not in self._options,
            null=self._rules.null,
            map_size=int(self._configuration.value("lmdb_map_size")),
        )

    def _last(self, *options: str) -> str:
        return next((option for option in reversed(self._options) if option in options), "")

    async def _query(self, asked: str) -> int:
        opened: dict[str, Map] = {}
        found = False
        for key in self._keys() if asked == "-" else [asked]:
            value = await self._lookup(opened, key)
            if value is not None:
                found = True
                prefix = f"{key}{self._program.separator}" if asked == "-" else ""
                print(f"{prefix}{value}")
        return 0 if found else 1

    async def _lookup(self, opened: dict[str, Map], key: str) -> str | None:
        """Ask the tables in their order; each is opened when it is its turn."""
        for spec in self._specs:
            if spec not in opened:
                opened[spec] = open_map(spec, rules=self._rules)
            if self._rules.utf8 and not is_utf8(key):
                self._warn(malformed(_shown(spec), key))
                continue
            value = await self._ask(opened[spec], spec, key)
            if value is not None:
                return value
        return None

    async def _ask(self, table: Map, spec: str, key: str) -> str | None:
        try:
            value = await table.lookup(key)
        except MapUnavailable as error:
            reason = "Application error" if spec.startswith("fail:") else str(error)
            raise MapUnavailable(f"table {_shown(spec)}: query error: {reason}") from error
        if value is None:
            return None
        if self._rules.utf8 and not self._rules.files and not is_utf8(value):
            self._warn(
                f'{_shown(spec)}: key "{key}": non-UTF-8 value "{printable(value)}": {MALFORMED}'
            )
            raise MapUnavailable(f"table {_shown(spec)}: query error")
        self._warn_if_empty(spec, key, value)
        if not self._holds_content(spec):
            return value
        content = self._content(spec, key, value)
        if content is None:
            raise MapUnavailable(f"table {_shown(spec)}: query error")
        return content

    def _content(self, spec: str, key: str, value: str) -> str | None:
        """Return the content of files that a built table holds; None, with a warning, if not."""
        content = value_of_stored(value)
        if content is None:
            self._warn(f"table {_shown(spec)}: key {key}: malformed BASE64 value: {value}")
        return content

    def _holds_content(self, spec: str) -> bool:
        return self._rules.files and spec.partition(":")[0] not in _OPENS_FILES

    def _keys(self) -> Iterator[str]:
        """Yield the keys on standard input: its lines, or what a message's checks are shown."""
        text = sys.stdin.read()
        if not any(option in self._options for option in ("-b", "-h")):
            yield from text.removesuffix("\n").split("\n") if text else ()
            return
        yield from message_keys(
            text,
            headers="-h" in self._options,
            body="-b" in self._options,
            mime="-m" in self._options,
        )

    async def _delete(self, asked: str) -> int:
        """Remove keys. One that is not UTF-8 is in no table: Postfix counts it as removed."""
        keys = [self._rules.fold(key) for key in (self._keys() if asked == "-" else [asked])]
        malformed_keys = [key for key in keys if self._rules.utf8 and not is_utf8(key)]
        keys = [key for key in keys if key not in malformed_keys]
        deleted = len(malformed_keys)
        for spec in self._specs:
            deleted += await delete(spec, keys, self._rules, self._builder)
            for key in malformed_keys:
                self._warn(malformed(_shown(spec), key))
        return 0 if deleted else 1

    def _list(self, spec: str) -> None:
        kind = spec.partition(":")[0]
        table = open_map(spec, rules=self._rules)
        if isinstance(table, WatchedMap):
            table = table.current()
        if kind == "proxy":
            raise ConfigError("can't sequence maps via the proxy service")
        if kind == "fail":
            raise ConfigError(f"table {spec}: sequence error: Application error")
        items = getattr(table, "items", None)
        if items is None:
            raise ConfigError(f"table {_shown(spec)}: sequence operation is not supported")
        for key, value in items():
            if not key:
                self._warn(f"table {_shown(spec)}: empty lookup key value is not allowed")
            self._warn_if_empty(spec, key, value)
            shown: str | None = value
            if self._holds_content(spec):
                shown = self._content(spec, key, value)
            if shown is not None:
                print(f"{key}{self._program.separator}{shown}")

    def _warn_if_empty(self, spec: str, key: str, value: str) -> None:
        if not value:
            self._warn(f"table {_shown(spec)}: key {key}: empty string result is not allowed")
            self._warn(f"table {_shown(spec)} should return NO RESULT in case of NOT FOUND")

    def _warn(self, text: str) -> None:
        print(f"{self._program.name}: warning: {text}", file=sys.stderr)


def _parse(program: TableProgram, arguments: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return options and tables.

    Raises UsageError, GetoptError: the call makes no sense.
    """
    pairs, tables = getopt.getopt(arguments, program.letters + "c:d:q:")
    options: dict[str, str] = {}
    for option, value in pairs:
        if option in _MODES and any(mode in options for mode in _MODES):
            if option != "-s":
                raise UsageError("specify only one of -s -q or -d")
            if "-s" not in options:
                raise UsageError("specify only one of -s or -q or -d")
        options.pop(option, None)  # the order is that of their last mention
        options[option] = value
    if "-c" in options:
        os.environ[MAIL_CONFIG] = options["-c"]
    given = [option for option in _MESSAGE if option in options]
    if given and options.get("-q") != "-":
        raise UsageError('specify -b -h or -m only with "-q -"')
    if given == ["-m"]:
        print(f"{program.name}: warning: ignoring -m option without -b or -h", file=sys.stderr)
    if not tables:
        raise UsageError(program.usage())
    return options, tables


def _shown(spec: str) -> str:
    """Return the name by which Postfix calls a table that is open."""
    kind = spec.partition(":")[0]
    suffix = SUFFIXES.get(kind, "") if kind != "lmdb" else ""
    return printable(spec) + suffix


@contextmanager
def _as_owner(path: str, *, wanted: bool) -> Iterator[None]:
    """Be the owner of a source file while its table is written, so that root need trust nobody."""
    status = Path(path).stat() if wanted and os.geteuid() == 0 else None
    if status is None or status.st_uid == 0:
        yield
        return
    group, groups = os.getegid(), os.getgroups()
    os.setgroups([])
    os.setegid(status.st_gid)
    os.seteuid(status.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _fatal(program: TableProgram, text: str) -> int:
    print(f"{program.name}: fatal: {text}", file=sys.stderr)
    return 1
