"""qshape: how the waiting mail is spread over domains and ages, as one table.

Postfix:  qshape(1), QSHAPE_README
Limits:   a queue is named, not a folder: of a path the last part counts; domains with equally
          many messages and equally long names come in the order of their names
"""

import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from spoolmta.cli.access import Access
from spoolmta.cli.command_line import Command
from spoolmta.spool.questions.shape import pages
from spoolmta.spool.queues import State

USAGE = (
    "qshape [-lps] [-m min_subdomains] [-b bucket_count] [-t bucket_time] [-w terminal_width]"
    " [-N batch_msg_count] [-n batch_top_domains] [-c config_dir] [queue_name ...]"
)
TOTAL = "TOTAL"

_LETTERS = "lhc:psw:b:t:m:n:N:"
_DEFAULT_QUEUES = ("incoming", "active")
_NARROWEST = 18
_TOP_DOMAINS = 20
_BATCH = 1000
_PAGE = 5000
_CLEAR = "\033[H\033[2J"
_NUMBER = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+")
_MINUTE = 60.0
_NULL_SENDER = "MAILER-DAEMON"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the table is to show: *tick* is in minutes; *top* 0 shows all domains."""

    buckets: int = 10
    tick: float = 5
    linear: bool = False
    parents: bool = False
    least_subdomains: int = 5
    width: int = 80
    top: int = 0

    def bucket(self, age: float) -> int:
        """Return the bucket, from 1 on, of what is *age* seconds old."""
        units = age / (_MINUTE * self.tick)
        if units < 1:
            return 1
        bucket = int(units + 1) if self.linear else 2 + int(math.log(units) / math.log(2))
        return min(bucket, self.buckets)

    def headings(self) -> list[str]:
        """Return what stands above the total and above each bucket."""
        limits: list[float] = [0]
        while len(limits) < self.buckets:
            doubled = bool(limits[-1]) and not self.linear
            limits.append(limits[-1] + (limits[-1] if doubled else self.tick))
        return ["T", *map(_plain, limits[1 : self.buckets]), f"{_plain(limits[self.buckets - 1])}+"]


@dataclass(slots=True)
class Counts:
    """How many addresses of each domain there are, by bucket; bucket 0 is their sum."""

    shape: Shape
    of: dict[str, Counter[int]] = field(default_factory=lambda: {TOTAL: Counter()})
    subdomains: Counter[str] = field(default_factory=Counter)

    def add(self, address_domain: str, age: float, number: int) -> None:
        """Count *number* addresses of a domain."""
        bucket = self.shape.bucket(age)
        self._count(TOTAL, bucket, number)
        domain = normal(address_domain)
        is_new = False
        while True:
            was_known = domain in self.of
            self._count(domain, bucket, number)
            self.subdomains[domain] += is_new
            is_new = not was_known
            parent = parent_of(domain) if self.shape.parents else ""
            if not parent:
                return
            domain = parent

    def rows(self) -> Iterator[tuple[str, list[int]]]:
        """Yield the domains, those with the most first, that are to be shown."""
        shape = self.shape
        names = sorted(self.of, key=lambda name: (-self.of[name][0], len(name), name))
        shown = [
            name
            for name in names
            if not name.startswith(".") or self.subdomains[name] >= shape.least_subdomains
        ]
        for name in shown[: shape.top or None]:
            yield name, [self.of[name][bucket] for bucket in range(shape.buckets + 1)]

    def _count(self, domain: str, bucket: int, number: int) -> None:
        counts = self.of.setdefault(domain, Counter())
        counts[0] += number
        counts[bucket] += number


def main() -> NoReturn:
    """Run qshape."""
    command = Command("qshape")
    options, operands = command.options(sys.argv[1:], _LETTERS, USAGE)
    command.run(lambda: _qshape(command, dict(options), operands))


def normal(domain: str) -> str:
    """Return the name under which a domain is counted, a character for each byte."""
    if not domain:
        return _NULL_SENDER
    name = domain.encode("utf-8", "surrogateescape").decode("latin-1").replace("..", ".")
    if len(name) > 1:
        name = name.removeprefix(".")
    return name.removesuffix(".") if len(name) > 1 else name


def parent_of(domain: str) -> str:
    """Return the parent domain, with a dot before it; "" if that is a top-level domain."""
    _, mark, parent = domain.removeprefix(".").partition(".")
    return f".{parent}" if mark and "." in parent else ""


def table(counts: Counts) -> Iterator[str]:
    """Yield the lines of the table."""
    headings = counts.shape.headings()
    totals = counts.of[TOTAL]
    widths = []
    for number, heading in enumerate(headings):
        width = max(len(str(totals[number])), len(heading))
        widths.append(width + 1 if width > 2 else 3)
    room = max(counts.shape.width - sum(widths), _NARROWEST)
    yield _line("", headings, widths, room)
    for name, numbers in counts.rows():
        yield _line(name, numbers, widths, room)


def _line(name: str, cells: Sequence[object], widths: Sequence[int], room: int) -> str:
    if len(name) > room:
        mark = ".+" if name.startswith(".") else "+"
        name = mark + name[len(name) - room + len(mark) :]
    columns = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return name.rjust(room) + "".join(columns)


def _qshape(command: Command, given: dict[str, str], operands: Sequence[str]) -> int:
    if "-h" in given:
        command.fatal(f"usage: {USAGE}")
    states = [_state(command, name) for name in operands or _DEFAULT_QUEUES]
    shape = _shape(given)
    counts = Counts(shape)
    page = int(_number(given, "-N", _BATCH)) if sys.stdout.isatty() else 0
    with Access(given.get("-c")).spool() as spool:
        now = int(spool.clock.now())
        for state in states:
            for crowds in pages(spool, state, page or _PAGE, senders="-s" in given):
                for crowd in crowds:
                    counts.add(crowd.domain, now - crowd.arrived_at, crowd.number)
                if page:
                    _show(counts)
    _show(counts)
    return 0


def _show(counts: Counts) -> None:
    if sys.stdout.isatty():
        sys.stdout.write(_CLEAR)
        sys.stdout.flush()
    for line in table(counts):
        sys.stdout.buffer.write(line.encode("latin-1") + b"\n")
    sys.stdout.buffer.flush()


def _state(command: Command, name: str) -> State:
    """Return the state that a queue's name, or the path of its folder, means."""
    try:
        return State(name.rstrip("/").rpartition("/")[2])
    except ValueError:
        command.fatal(f"{name}: no such queue (expected one of: {', '.join(State)})")


def _shape(given: dict[str, str]) -> Shape:
    """Return what the options ask for; values that make no sense are left out, as Postfix does."""
    width = _number(given, "-w", 0)
    return Shape(
        buckets=int(_number(given, "-b", 0)) or 10,
        tick=_number(given, "-t", 0) or 5,
        linear="-l" in given,
        parents="-p" in given,
        least_subdomains=math.ceil(_number(given, "-m", 0)) or 5,
        width=int(width) if width > 80 else 80,
        top=int(_number(given, "-n", _TOP_DOMAINS)) if sys.stdout.isatty() else 0,
    )


def _number(given: dict[str, str], option: str, default: float) -> float:
    """Return the number that an option's value begins with, if it is above 0."""
    found = _NUMBER.match(given.get(option, ""))
    number = float(found[0]) if found else 0.0
    return number if number > 0 else default


def _plain(number: float) -> str:
    return f"{number:.15g}"


if __name__ == "__main__":
    main()
