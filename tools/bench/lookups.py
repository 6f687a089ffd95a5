"""Lookups in tables: ours in one process, beside `postmap -q -` of Postfix on the same keys.

Ours are asked through the classes that the services use. Postfix's command opens the table when it
has read the first keys, and reads on when it has looked them up: its input is a pipe that is full
meanwhile, so the moment when it takes more tells its start and the loading of the table apart from
the lookups.
"""

import asyncio
import fcntl
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from spoolmta.maps import Map, open_map
from tests.support import postfix_oracle
from tests.support.forked import BIN
from tools.bench.figures import Figures
from tools.bench.stand import Stand
from tools.bench.systems import BOTH, SETTINGS

_QUICK = 100
_SEED = 1
_FEWEST = 2_000
# The least that a pipe can hold, and what the command reads at a time.
_PAGE = 4096


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of *entries* lines that is asked for *lookups* keys, one in two of which it has."""

    kind: str
    entries: int
    lookups: int
    line: Callable[[int], str]
    key: Callable[[int], str]
    is_built: bool = False

    @property
    def title(self) -> str:
        return f"{self.kind}, {self.entries:,} entries"

    def reduced(self, factor: int) -> "_Table":
        return _Table(
            self.kind,
            self.entries // factor,
            max(self.lookups // factor, _FEWEST),
            self.line,
            self.key,
            self.is_built,
        )


def _address(number: int) -> str:
    return f"user{number}@dom{number % 100}.example"


def _pattern(number: int) -> str:
    return f"/^user{number}@dom{number % 100}\\.example$/"


def _network(number: int) -> str:
    return f"10.{number >> 8 & 255}.{number & 255}.0/24"


def _of_network(number: int) -> str:
    return f"10.{number >> 8 & 255}.{number & 255}.7"


_TABLES = (
    _Table("lmdb", 100_000, 100_000, lambda n: f"{_address(n)} value{n}", _address, is_built=True),
    _Table("hash", 100_000, 100_000, lambda n: f"{_address(n)} value{n}", _address, is_built=True),
    _Table("cidr", 10_000, 50_000, lambda n: f"{_network(n)} value{n}", _of_network),
    _Table("regexp", 1_000, 10_000, lambda n: f"{_pattern(n)} value{n}", _address),
    _Table("pcre", 1_000, 10_000, lambda n: f"{_pattern(n)} value{n}", _address),
    _Table("texthash", 1_000_000, 1_000_000, lambda n: f"{_address(n)} value{n}", _address),
)


@dataclass(frozen=True, slots=True)
class Lookups:
    """Lookups a second in each of the tables, and the seconds to open them."""

    name: str
    meaning: str
    systems: tuple[str, ...] = BOTH

    def measure(self, stand: Stand) -> Figures:
        """Return the figures of all tables."""
        system = stand.make(stand.place.root, SETTINGS)
        is_ours = system.name == "spoolmta"
        folder = stand.place.root / "tables"
        folder.mkdir(parents=True)
        main_cf = folder / "main.cf"
        main_cf.write_text("compatibility_level = 3.6\n")
        # Postfix waits until a file has not been written to for two seconds.
        os.utime(main_cf, (1, 1))
        figures: Figures = {}
        for table in _TABLES:
            used = table.reduced(_QUICK) if stand.effort.quick else table
            figures.update(_ours(used, folder) if is_ours else _postfix(used, folder))
        return figures


def _ours(table: _Table, folder: Path) -> Figures:
    spec = _made(table, folder, str(BIN / "postmap"))
    started = time.perf_counter()
    opened = open_map(spec)
    seconds_to_open = time.perf_counter() - started
    keys = list(_keys(table))
    started = time.perf_counter()
    found = asyncio.run(_found(opened, keys))
    return _figures(table, time.perf_counter() - started, seconds_to_open, found)


async def _found(table: Map, keys: Sequence[str]) -> int:
    found = 0
    for key in keys:
        found += await table.lookup(key) is not None
    return found


def _postfix(table: _Table, folder: Path) -> Figures:
    program = postfix_oracle.program("postmap")
    command = [program, "-c", str(folder), "-q", "-", _made(table, folder, program)]
    data = "".join(f"{key}\n" for key in _keys(table)).encode("ascii")
    beginning, rest = data[: 3 * _PAGE], data[3 * _PAGE :]
    with (
        tempfile.TemporaryFile() as output,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output) as process,
    ):
        assert process.stdin is not None
        pipe = process.stdin.fileno()
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PAGE)
        started = time.perf_counter()
        _write(pipe, beginning)
        opened = time.perf_counter()
        _write(pipe, rest)
        ended = time.perf_counter()
        process.stdin.close()
        process.wait()
        output.seek(0)
        found = output.read().count(b"\n")
    share = rest.count(b"\n") / table.lookups
    return _figures(table, (ended - opened) / share, opened - started, found)


def _write(pipe: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(pipe, left) :]


def _made(table: _Table, folder: Path, postmap: str) -> str:
    """Write a table, and build it if it is of a type to be built; return its name."""
    path = folder / table.kind
    with path.open("w") as file:
        file.writelines(f"{table.line(number)}\n" for number in range(table.entries))
    spec = f"{table.kind}:{path}"
    if table.is_built:
        subprocess.run([postmap, "-c", str(folder), spec], check=True, capture_output=True)
    return spec


def _keys(table: _Table) -> Iterator[str]:
    chosen = random.Random(_SEED)
    for _ in range(table.lookups):
        yield table.key(chosen.randrange(2 * table.entries))


def _figures(table: _Table, seconds: float, seconds_to_open: float, found: int) -> Figures:
    expected = table.lookups / 2
    if not 0.5 * expected < found < 1.5 * expected:
        sys.exit(f"{table.title}: {found} of {table.lookups} keys were found")
    return {
        f"{table.title}: lookups/s": table.lookups / seconds,
        f"{table.title}: s to open": seconds_to_open,
    }
