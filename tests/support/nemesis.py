"""The adversary: kills processes of a running mail system with -9, as a seed tells it to.

Two ways. At random: any process that has the spool open, or the master itself. At a named crash
point: SPOOLMTA_CRASH="point:k" in the environment makes each process kill itself when it passes
that point for the k-th time (spoolmta/service/crash.py), which reaches windows of microseconds.
"""

import asyncio
import contextlib
import random
import re
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.rules.sources import PACKAGE
from tests.support.mail_system import MailSystem

CRASH_VARIABLE = "SPOOLMTA_CRASH"
PATIENCE_SECONDS = 30.0
KILLED = re.compile(r"\bprocess (\S+) (?:\(\S+\) )?pid \d+ killed by signal 9\b")


def crash_points() -> list[str]:
    """Return every crash point that the code names."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        found |= set(re.findall(r'\bcrash_point\(\s*"([a-z_.]+)"', path.read_text()))
    return sorted(found)


class Nemesis:
    """Kills, and counts what died by service; the master counts as "master"."""

    def __init__(self, system: MailSystem, rng: random.Random) -> None:
        self._system = system
        self._rng = rng
        self.kills: Counter[str] = Counter()
        self._log_read = 0

    async def kill_at_random(self, count: int, pause: tuple[float, float]) -> None:
        """Kill *count* processes, one every *pause* seconds (from, to)."""
        for _ in range(count):
            await asyncio.sleep(self._rng.uniform(*pause))
            if self._rng.random() < 0.04:
                await self._kill_master()
            else:
                self._kill_service()
        self.count_crashes()

    async def crash_at(self, point: str, count: int, seconds: float) -> None:
        """Run the system *seconds* with each process dying at its *count*-th pass of *point*.

        Goes on until at least one has died; fails if that takes longer than PATIENCE_SECONDS.
        """
        await self.restart({CRASH_VARIABLE: f"{point}:{count}"})
        before = self.kills.total()
        deadline = time.monotonic() + PATIENCE_SECONDS
        await asyncio.sleep(seconds)
        self.count_crashes()
        while self.kills.total() == before:
            assert time.monotonic() < deadline, f"nothing passed the crash point {point}"
            await asyncio.sleep(0.2)
            self.count_crashes()

    async def restart(self, environment: Mapping[str, str]) -> None:
        """Kill the system whole, as a loss of the machine's power supply would, and start it."""
        self.count_crashes()
        self._system.kill()
        self.kills["master"] += 1
        self._system.environment = environment
        await asyncio.to_thread(self._system.start)

    def count_crashes(self) -> None:
        """Add the deaths that the master logged since the last look, by our hand or at a point."""
        log = self._system.log()
        for match in KILLED.finditer(log, self._log_read):
            self.kills[match[1].rpartition("/")[2]] += 1
        self._log_read = len(log)

    def _kill_service(self) -> None:
        running = sorted(self._system.services())
        if running:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(self._rng.choice(running)).kill()

    async def _kill_master(self) -> None:
        await self.restart(self._system.environment)


def describe(seed: int, folder: Path) -> str:
    """Return the line that a failed run is repeated from."""
    return f"nemesis seed {seed}; spool, log and ledger in {folder}"
