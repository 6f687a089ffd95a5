"""Who works on the spool, and what the dead leave behind.

A process is named by pid, start time and boot, so that no reused pid is taken for it. With the
row of a dead process its claims fall free; each message it held counts one crash more, and at
CRASH_LIMIT the message goes to corrupt, so that a poisonous one cannot stop the rest.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from spoolmta.spool import content, deliveries
from spoolmta.spool.connection import Spool, Transaction, numbers
from spoolmta.spool.deliveries import CRASH_LIMIT

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Process:
    """A process that has, or had, the spool open."""

    process_id: int
    service: str
    pid: int
    start_ticks: int
    boot_id: str


def register(tx: Transaction, service: str) -> int:
    """Insert this process; return its number, which no process ever had."""
    pid = os.getpid()
    bindings = {
        "service": service,
        "pid": pid,
        "start_ticks": start_ticks(pid) or 0,
        "boot_id": boot_id(),
        "now": tx.now,
    }
    return int(tx.run("insert_process", bindings)[0][0])


def retire(tx: Transaction, process_id: int) -> None:
    """Delete a process that ends in order; what it still holds is given back without blame."""
    _free(tx, process_id)


def dead(reader: Spool) -> list[Process]:
    """Return the processes in the spool that do not run any more."""
    return [process for process, alive in _known(reader) if not alive]


def living(reader: Spool) -> dict[int, str]:
    """Return the numbers and the services of the processes in the spool that run."""
    return {process.process_id: process.service for process, alive in _known(reader) if alive}


def prune(tx: Transaction, process: Process) -> None:
    """Delete a dead process: count the crash, free its claims, remove what it was uploading."""
    process_id = process.process_id
    tx.run("count_crashes_of_claims", {"process_id": process_id})
    tx.run("count_crashes_of_attempts", {"process_id": process_id})
    for (message_id,) in tx.run("delete_uploads_of_process", {"process_id": process_id}):
        content.abandon(tx, message_id)
    _free(tx, process_id)


def quarantine(tx: Transaction) -> list[int]:
    """Move messages whose claimers died too often to corrupt; return their ids."""
    ids = [row[0] for row in tx.run("often_crashed", {"limit": CRASH_LIMIT})]
    if not ids:
        return []
    busy = {row[0] for row in tx.run("attempts_of_messages", {"ids": numbers(ids)})}
    free = [message_id for message_id in ids if message_id not in busy]
    reason = f"{CRASH_LIMIT} processes died with this message in their hands"
    for message_id, state in tx.run("states_of_messages", {"ids": numbers(free)}):
        if state not in ("hold", "corrupt"):
            deliveries.set_aside(tx, state, message_id, reason)
    return free


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


def _free(tx: Transaction, process_id: int) -> None:
    tx.run("tell_crashed_attempts", {"process_id": process_id, "now": tx.now})
    tx.run("report_crashed_attempts", {"process_id": process_id, "now": tx.now})
    tx.run("delete_attempts_of_process", {"process_id": process_id})
    tx.run("release_all_claims", {"process_id": process_id})
    tx.run("delete_process", {"process_id": process_id})
