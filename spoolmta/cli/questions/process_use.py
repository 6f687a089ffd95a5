"""What processes use of memory and processor time, read from /proc at once.

psutil knows as much, and takes longer to import than all else that `spoolmta status` does.

Reads:    /proc (proc(5))
"""

import os
import time
from collections.abc import Iterator
from typing import NamedTuple

_LONGEST = 4096
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ProcessUse(NamedTuple):
    """What one process uses. *pss* is its share of the memory, None if that may not be read.

    Ages in seconds, sizes in bytes; *service* and what it holds are for others to fill in.
    """

    pid: int
    service: str
    age: float
    rss: int
    pss: int | None
    cpu_seconds: float
    claims: int = 0
    attempts: int = 0


class _Stat(NamedTuple):
    """Of a line of /proc/PID/stat: the parent, and times in clock ticks, memory in pages."""

    parent: int
    cpu: int
    started: int
    resident: int


def family(master: int) -> list[ProcessUse]:
    """Return a process and all that descend from it, as they are now; none if it is gone."""
    stats = dict(_all())
    if master not in stats:
        return []
    found = [master]
    for parent in found:
        found += sorted(pid for pid, stat in stats.items() if stat.parent == parent)
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    return [_use(pid, stats[pid], now) for pid in found]


def _all() -> Iterator[tuple[int, _Stat]]:
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                line = _read(f"{entry.path}/stat")
            except OSError:
                continue  # it has just ended
            fields = line[line.rindex(b")") + 2 :].split(b" ")
            parent, user, system, started, resident = (int(fields[n]) for n in (1, 11, 12, 19, 21))
            yield int(entry.name), _Stat(parent, user + system, started, resident)


def _use(pid: int, stat: _Stat, now: float) -> ProcessUse:
    age = now - stat.started / _TICKS
    return ProcessUse(pid, "", age, stat.resident * _PAGE_BYTES, _pss(pid), stat.cpu / _TICKS)


def _pss(pid: int) -> int | None:
    try:
        lines = _read(f"/proc/{pid}/smaps_rollup").split(b"\n")
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(b"Pss:")), None)


def _read(path: str) -> bytes:
    """Return what a file of /proc says: there are hundreds, and few bytes in each."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, _LONGEST)
    finally:
        os.close(descriptor)
