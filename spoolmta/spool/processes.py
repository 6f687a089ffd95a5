"""Who works on the spool, and what the dead leave behind.

A process is named by pid, start time and boot, so that no reused pid is taken for it. With the
row of a dead process its claims fall free; each message it held counts one crash more, and at
CRASH_LIMIT the message goes to corrupt, so that a poisonous one cannot stop the rest.
"""

import os

from spoolmta.spool import content, deliveries
from spoolmta.spool.connection import Transaction, numbers
from spoolmta.spool.deliveries import CRASH_LIMIT
from spoolmta.spool.liveness import Process, boot_id, start_ticks


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


def _free(tx: Transaction, process_id: int) -> None:
    tx.run("tell_crashed_attempts", {"process_id": process_id, "now": tx.now})
    tx.run("report_crashed_attempts", {"process_id": process_id, "now": tx.now})
    tx.run("delete_attempts_of_process", {"process_id": process_id})
    tx.run("release_all_claims", {"process_id": process_id})
    tx.run("delete_process", {"process_id": process_id})
