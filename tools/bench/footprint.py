"""What a system holds and uses while nothing happens: memory and CPU of all its processes."""

import contextlib
import time
from dataclasses import dataclass

import psutil

from tools.bench import processes
from tools.bench.figures import Figures
from tools.bench.load import Load
from tools.bench.routes import Relayed
from tools.bench.stand import Stand
from tools.bench.systems import BOTH
from tools.bench.throughput import transfer

MIB = 1 << 20
REST_SECONDS = 30.0
WATCH_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Footprint:
    """Some traffic, so that all processes are there; then rest; then a look."""

    name: str
    meaning: str
    share: float = 0.1
    systems: tuple[str, ...] = BOTH

    def measure(self, stand: Stand) -> Figures:
        """Return the figures of the idle system."""
        route = Relayed(stand.place.root)
        with contextlib.closing(route), stand.running(route.settings()) as system:
            master = system.master()
            at_start = processes.memory_bytes(master)
            transfer(system, Load(), route, stand.effort.count(self.share), before=0)
            time.sleep(stand.effort.seconds(REST_SECONDS))
            at_rest = processes.memory_bytes(master)
            used, written = _cpu(master), processes.written_bytes(master)
            started = time.monotonic()
            time.sleep(stand.effort.seconds(WATCH_SECONDS))
            elapsed = time.monotonic() - started
            return {
                "idle PSS MiB": at_rest / MIB,
                "PSS MiB at the first 220": at_start / MIB,
                "idle CPU %": 100 * (_cpu(master) - used) / elapsed,
                "idle KiB written/s": (processes.written_bytes(master) - written) / 1024 / elapsed,
                "processes": len(processes.tree(master)),
            }


def _cpu(master: psutil.Process) -> float:
    return sum(map(processes.cpu_seconds, processes.tree(master)))
