"""What runs and what waits: figures of the mail system, gathered and printed."""

import os
from pathlib import Path
from typing import NamedTuple

from spoolmta import __version__
from spoolmta.cli.access import Access
from spoolmta.cli.output import note, print_json, print_table
from spoolmta.cli.questions.process_use import ProcessUse, family
from spoolmta.cli.running import master_pid
from spoolmta.cli.units import format_age, format_size, plural
from spoolmta.errors import SpoolUnusable
from spoolmta.spool.questions import inspect
from spoolmta.spool.questions.inspect import StateSummary, Worker


class Status(NamedTuple):
    """All figures; times in seconds, sizes in bytes. *trouble*: why some cannot be had."""

    version: str
    configuration: str
    queue_directory: str
    master: int | None
    states: list[dict[str, object]]
    rules: int
    processes: list[ProcessUse]
    spool_bytes: int | None
    wal_bytes: int | None
    disk_free_bytes: int | None
    disk_total_bytes: int | None
    trouble: str | None


def show(access: Access, *, as_json: bool) -> bool:
    """Print the status; return whether a master runs."""
    status = gather(access)
    if as_json:
        print_json(status)
    else:
        _print(status)
    return status.master is not None


def gather(access: Access) -> Status:
    """Return all figures; what cannot be had is left out and said in `trouble`."""
    configuration = access.configuration.directory
    master = master_pid(access.process_directory)
    # As root still: the memory of processes of other users can be read.
    uses = family(master) if master else []
    disk = os.statvfs(access.queue_directory) if access.queue_directory.is_dir() else None
    spool_bytes = _size(access.spool_path)
    wal_bytes = _size(access.spool_path.with_name(access.spool_path.name + "-wal"))
    states: list[dict[str, object]] = []
    workers: list[Worker] = []
    rules, trouble = 0, None
    try:
        with access.spool() as spool:
            now = spool.clock.now()
            states = [_state(summary, now) for summary in inspect.states(spool)]
            workers = inspect.processes(spool)
            rules = inspect.rules_in_force(spool)
    except SpoolUnusable as error:
        trouble = str(error)
    return Status(
        __version__,
        str(configuration or "built-in"),
        str(access.queue_directory),
        master,
        states,
        rules,
        [_named(use, workers, master) for use in uses],
        spool_bytes,
        wal_bytes,
        disk.f_bavail * disk.f_frsize if disk else None,
        disk.f_blocks * disk.f_frsize if disk else None,
        trouble,
    )


def _state(summary: StateSummary, now: float) -> dict[str, object]:
    age = None if summary.oldest_at is None else max(0.0, now - summary.oldest_at)
    return {**summary._asdict(), "oldest_age": age}


def _named(use: ProcessUse, workers: list[Worker], master: int | None) -> ProcessUse:
    """Return the figures with what the spool knows of that process."""
    worker = next((worker for worker in workers if worker.pid == use.pid), None)
    if worker is None:
        return use._replace(service="master" if use.pid == master else "(child)")
    return use._replace(service=worker.service, claims=worker.claims, attempts=worker.attempts)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _print(status: Status) -> None:
    running = f"running, master is process {status.master}" if status.master else "not running"
    print(f"spoolmta {status.version}: {running}")
    print(f"configuration {status.configuration}, queue directory {status.queue_directory}")
    if status.states:
        print()
        rows = [(s["state"], s["messages"], _age(s["oldest_age"])) for s in status.states]
        print_table(("STATE", "MESSAGES", "OLDEST"), rows, right=("MESSAGES",))
    if status.rules:
        print(f"{plural(status.rules, 'standing rule')} in force: spoolmta rule list")
    if status.processes:
        print()
        _print_processes(status.processes)
    print()
    print(
        f"spool {_bytes(status.spool_bytes)}, write-ahead log {_bytes(status.wal_bytes)};"
        f" disk: {_bytes(status.disk_free_bytes)} of {_bytes(status.disk_total_bytes)} free"
    )
    if status.trouble:
        note(status.trouble)


def _print_processes(processes: list[ProcessUse]) -> None:
    columns = ("PID", "SERVICE", "AGE", "MEMORY", "RSS", "CPU", "CLAIMS", "ATTEMPTS")
    rows = [
        (
            use.pid,
            use.service,
            format_age(use.age),
            _bytes(use.pss),
            _bytes(use.rss),
            f"{use.cpu_seconds:.1f} s",
            use.claims,
            use.attempts,
        )
        for use in processes
    ]
    print_table(columns, rows, right={"PID", "MEMORY", "RSS", "CPU", "CLAIMS", "ATTEMPTS"})
    share = sum(use.pss if use.pss is not None else use.rss for use in processes)
    cpu = sum(use.cpu_seconds for use in processes)
    print(f"together {_bytes(share)} of memory, {cpu:.1f} s of CPU")


def _age(seconds: object) -> str:
    return format_age(seconds) if isinstance(seconds, float) else ""


def _bytes(count: int | None) -> str:
    return "unknown" if count is None else format_size(count)
