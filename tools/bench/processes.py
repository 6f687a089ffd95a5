"""What the kernel knows of a tree of processes: memory, bytes written, time on a processor."""

import contextlib
import re
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

PROPORTIONAL = re.compile(r"^Pss: +(\d+) kB", re.MULTILINE)
WRITTEN = re.compile(r"^write_bytes: (\d+)", re.MULTILINE)
KIB = 1024

# The id of a process's own CPU clock is made of its pid: clock_getcpuclockid(3).
_CLOCK_BITS = 3
_CPU_CLOCK = 2


def tree(master: psutil.Process) -> list[psutil.Process]:
    """Return the master and all its living descendants."""
    return [master, *master.children(recursive=True)]


def memory_bytes(master: psutil.Process) -> int:
    """Return the proportional set size of the whole tree: a shared page counts once."""
    return KIB * sum(_numbers(master, "smaps_rollup", PROPORTIONAL))


def written_bytes(master: psutil.Process) -> int:
    """Return what the tree has caused to be written to disks, ended processes included.

    The kernel adds the figure of a process that ended to that of its parent.
    """
    return sum(_numbers(master, "io", WRITTEN))


def cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU that one process has used, its ended threads included, to the nanosecond.

    The ticks of /proc/PID/stat are so coarse that a hundred short-lived processes seem to cost
    nothing. Raises psutil.NoSuchProcess: it has ended.
    """
    try:
        return time.clock_gettime(~process.pid << _CLOCK_BITS | _CPU_CLOCK)
    except OSError:
        raise psutil.NoSuchProcess(process.pid) from None


def _numbers(master: psutil.Process, name: str, pattern: re.Pattern[str]) -> Iterator[int]:
    """Yield what *pattern* finds in a file of each process below /proc; one may end at any time."""
    for process in tree(master):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found = pattern.search(Path(f"/proc/{process.pid}/{name}").read_text())
            yield int(found[1]) if found else 0
