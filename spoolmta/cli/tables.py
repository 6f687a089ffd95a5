"""What postmap and postalias share: building a table, and asking, listing and changing it.

Postfix: postmap(1), postalias(1)
"""

import asyncio
import base64
import getopt
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from spoolmta.config.loader import MAIL_CONFIG, load
from spoolmta.errors import ConfigError, MapUnavailable, UsageError
from spoolmta.maps.index import BtreeMap, IndexMap
from spoolmta.maps.index_build import Duplicates, IndexBuilder
from spoolmta.maps.keys import fold
from spoolmta.maps.lookup import Map
from spoolmta.maps.registry import INDEXED, open_map
from spoolmta.maps.text import BLANKS, Line, logical_lines, read_source

Entry = tuple[str, str]
Warn = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TableProgram:
    """What tells the two programs apart: name, options, and how a source becomes entries."""

    name: str
    options: str
    entries: Callable[[Iterable[Line], str, Warn], Iterator[Entry]]

    def usage(self) -> str:
        """Return the text for a call that the program does not take."""
        letters = "".join(letter for letter in self.options if letter not in "cdq:")
        return (
            f"usage: {self.name} [-{letters}] [-c config_dir] [-d key] [-q key] [map_type:]file..."
        )


def run(program: TableProgram, arguments: list[str]) -> int:
    """Do what the command line says; return the exit status."""
    try:
        pairs, tables = getopt.getopt(arguments, program.options)
        options = dict(pairs)
        if not tables or ("-q" in options) + ("-d" in options) + ("-s" in options) > 1:
            raise UsageError(program.usage())
        if "-c" in options:
            os.environ[MAIL_CONFIG] = options["-c"]
        command = TableCommand(program, options)
        return command.run([command.specified(table) for table in tables])
    except getopt.GetoptError as error:
        return _fatal(program, f"{error}; {program.usage()}")
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
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


class TableCommand:
    """One call of a program with its options."""

    def __init__(self, program: TableProgram, options: dict[str, str]) -> None:
        self._program = program
        self._options = options
        self._fold: Callable[[str], str] = str if "-f" in options else fold

    def specified(self, table: str) -> str:
        """Return a table as "type:file"; without a type it is of default_database_type."""
        if ":" in table:
            return table
        return f"{load().value('default_database_type')}:{table}"

    def run(self, specs: list[str]) -> int:
        """Act on the tables in their order; return the exit status."""
        if "-q" in self._options:
            return asyncio.run(self._query(specs, self._options["-q"]))
        if "-d" in self._options:
            return self._delete(specs, self._options["-d"])
        for spec in specs:
            if "-s" in self._options:
                self._list(spec)
            else:
                self._build(spec)
        return 0

    def _build(self, spec: str) -> None:
        path = _indexed_path(spec)
        builder = IndexBuilder(path, self._duplicates(), inherit_mode="-p" not in self._options)
        incremental = "-i" in self._options
        text = sys.stdin.read() if incremental else read_source(path)
        source = "stdin" if incremental else path

        def warn(message: str) -> None:
            builder.warnings.append(message)

        entries = self._program.entries(logical_lines(text), source, warn)
        try:
            with _as_owner(path, wanted="-o" not in self._options and not incremental):
                builder.write(
                    ((self._fold(key), self._value(value)) for key, value in entries),
                    incremental=incremental,
                )
        finally:
            for message in builder.warnings:
                _warning(self._program, message)

    def _duplicates(self) -> Duplicates:
        if "-r" in self._options:
            return Duplicates.REPLACE
        return Duplicates.IGNORE if "-w" in self._options else Duplicates.WARN

    def _value(self, value: str) -> str:
        if "-F" not in self._options:
            return value
        try:
            content = b"".join(Path(name).read_bytes() for name in value.replace(",", " ").split())
        except OSError as error:
            raise ConfigError(f"open {error.filename}: {error.strerror}") from error
        return base64.b64encode(content).decode("ascii")

    async def _query(self, specs: list[str], asked: str) -> int:
        tables = [open_map(spec) for spec in specs]
        found = False
        for key in self._keys() if asked == "-" else [asked]:
            value = await self._lookup(tables, key)
            if value is not None:
                found = True
                prefix = f"{key}\t" if asked == "-" else ""
                print(f"{prefix}{self._printed(value)}")
        return 0 if found else 1

    async def _lookup(self, tables: list[Map], key: str) -> str | None:
        for table in tables:
            if "-f" in self._options and isinstance(table, IndexMap):
                value = table.find(key)
            else:
                value = await table.lookup(key)
            if value == "":
                _warning(self._program, f"table {table.name}: key {key}: empty string result")
            elif value is not None:
                return value
        return None

    def _printed(self, value: str) -> str:
        if "-F" not in self._options:
            return value
        try:
            return base64.b64decode(value, validate=True).decode("utf-8", "surrogateescape")
        except ValueError as error:
            raise ConfigError(f"the value is not base64: {error}") from error

    def _keys(self) -> Iterator[str]:
        """Yield the keys on standard input: its lines, or the headers and lines of a message."""
        text = sys.stdin.read()
        if "-h" not in self._options and "-b" not in self._options:
            yield from text.removesuffix("\n").split("\n")
            return
        head, _, body = text.partition("\n\n")
        if "-h" in self._options:
            yield from _headers(head)
        if "-b" in self._options:
            yield from body.removesuffix("\n").split("\n")

    def _delete(self, specs: list[str], key: str) -> int:
        keys = [key] if key != "-" else list(self._keys())
        folded = [self._fold(key) for key in keys]
        return 0 if sum(IndexBuilder(_indexed_path(s)).delete(folded) for s in specs) else 1

    def _list(self, spec: str) -> None:
        path = _indexed_path(spec)
        table = BtreeMap(path) if spec.startswith("btree:") else IndexMap(path)
        for key, value in table.items():
            print(f"{key}\t{value}")


def _indexed_path(spec: str) -> str:
    kind, _, path = spec.partition(":")
    if kind not in INDEXED:
        raise ConfigError(
            f"unsupported dictionary type: {kind} has no index to build; "
            f"expected one of {', '.join(INDEXED)}"
        )
    return path


def _headers(head: str) -> list[str]:
    headers: list[str] = []
    for line in head.split("\n"):
        if line[:1] in BLANKS and headers:
            headers[-1] += "\n" + line
        else:
            headers.append(line)
    return headers


@contextmanager
def _as_owner(path: str, *, wanted: bool) -> Iterator[None]:
    """Be the owner of a source file while its index is written, so that root need trust nobody."""
    status = Path(path).stat() if wanted and os.geteuid() == 0 else None
    if status is None or status.st_uid == 0:
        yield
        return
    group = os.getegid()
    os.setegid(status.st_gid)
    os.seteuid(status.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)


def _warning(program: TableProgram, text: str) -> None:
    print(f"{program.name}: warning: {text}", file=sys.stderr)


def _fatal(program: TableProgram, text: str) -> int:
    print(f"{program.name}: fatal: {text}", file=sys.stderr)
    return 1
