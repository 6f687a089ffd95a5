"""Which of the processes that have the spool open still run.

A process is named by pid, start time and boot, so that no reused pid is taken for it.

Reads:    process, /proc
Must not: import what makes a question slow to start
"""

from pathlib import Path
from typing import NamedTuple

from spoolmta.spool.connection import Spool

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Process(NamedTuple):
    """A process that has, or had, the spool open."""

    process_id: int
    service: str
    pid: int
    start_ticks: int
    boot_id: str


def dead(reader: Spool) -> list[Process]:
    """Return the processes in the spool that do not run any more."""
    return [process for process, alive in _known(reader) if not alive]


def living(reader: Spool) -> dict[int, str]:
    """Return the numbers and the services of the processes in the spool that run."""
    return {process.process_id: process.service for process, alive in _known(reader) if alive}


def boot_id() -> str:
    """Return the name of this boot of the machine; "" if the system has none."""
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""


def start_ticks(pid: int) -> int | None:
    """Return when a process started, in clock ticks since boot; None if there is no such process.

    A zombie counts as gone: it will never work again.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat[stat.rindex(b")") + 2 :].split(b" ")
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def _known(reader: Spool) -> list[tuple[Process, bool]]:
    """Return the processes in the spool, and whether each of them still runs."""
    boot = boot_id()
    processes = [Process(*row) for row in reader.read("load_processes")]
    return [(p, p.boot_id == boot and start_ticks(p.pid) == p.start_ticks) for p in processes]
