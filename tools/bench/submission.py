"""How long sendmail runs: the time that a program waits which sends a mail."""

import contextlib
import os
import subprocess
import time
from dataclasses import dataclass

from tools.bench.figures import MILLISECONDS, Figures, latencies
from tools.bench.load import OUTSIDE
from tools.bench.routes import Relayed
from tools.bench.stand import Stand
from tools.bench.systems import BOTH, System

TEXT = b"Subject: bench\n\n" + b"A line of a report that cron would send.\n" * 20
LEAST = 5


@dataclass(frozen=True, slots=True)
class Submission:
    """sendmail, again and again, one at a time."""

    name: str
    meaning: str
    share: float = 0.005
    systems: tuple[str, ...] = BOTH

    def measure(self, stand: Stand) -> Figures:
        """Return the time from start to exit, and the CPU that it took."""
        times = stand.effort.count(self.share, LEAST)
        route = Relayed(stand.place.root)
        with contextlib.closing(route), stand.running(route.settings()) as system:
            _submit(system)
            before = os.times()
            taken = [_submit(system) for _ in range(times)]
            after = os.times()
            route.wait_for(times + 1)
        used = after.children_user + after.children_system
        used -= before.children_user + before.children_system
        return {
            **latencies("start to exit", taken),
            "CPU ms": MILLISECONDS * used / times,
        }


def _submit(system: System) -> float:
    """Hand in one message; return the seconds that it took."""
    program, environment = system.sendmail()
    command = [program, "-i", "-f", "sender@bench.example", f"rcpt@{OUTSIDE}"]
    started = time.monotonic()
    subprocess.run(command, input=TEXT, env=environment, check=True, capture_output=True)
    return time.monotonic() - started
