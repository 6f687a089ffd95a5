"""CPU seconds that a mail system used between two moments, by service.

A process that ended in between is known by its last look; what it used after that, and processes
that lived between two looks, are in the master's figure for reaped children: the row "ended".
"""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Self

import psutil

from tools.bench.processes import cpu_seconds, tree

Name = Callable[[psutil.Process], str]
ENDED = "ended"
LOOK_SECONDS = 0.2


class CpuMeter:
    """Adds up the CPU of a process tree.

    Inside `with` a thread looks at it several times a second, so that short-lived ones are seen.
    After it, *seconds* has the CPU seconds by service since the meter was made.
    """

    def __init__(self, master: psutil.Process, name: Name) -> None:
        self._master = master
        self._name = name
        self.seconds: dict[str, float] = {}
        self._names: dict[psutil.Process, str] = {}
        self._first: dict[psutil.Process, float] = {}
        self._last: dict[psutil.Process, float] = {}
        self._reaped = _reaped(master)
        self.look()
        self._first = dict(self._last)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_often, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self.seconds = self._seconds()

    def look(self) -> None:
        """Note what each living process has used so far."""
        for process in tree(self._master):
            with contextlib.suppress(psutil.NoSuchProcess):
                used = cpu_seconds(process)
                if process not in self._names:
                    self._names[process] = self._name(process)
                self._last[process] = used

    def _seconds(self) -> dict[str, float]:
        used: dict[str, float] = defaultdict(float)
        gone = 0.0
        for process, last in self._last.items():
            used[self._names[process]] += last - self._first.get(process, 0.0)
            if not process.is_running():
                gone += last
        used[ENDED] = max(0.0, _reaped(self._master) - self._reaped - gone)
        return {name: seconds for name, seconds in used.items() if seconds > 0}

    def _look_often(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            self.look()
        self.look()


def _reaped(master: psutil.Process) -> float:
    times = master.cpu_times()
    return float(times.children_user + times.children_system)
