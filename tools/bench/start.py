"""How long a system takes from the command that starts it to its first 220."""

import time
from dataclasses import dataclass

from tools.bench.figures import Figures
from tools.bench.stand import Stand
from tools.bench.systems import BOTH, SETTINGS, System


@dataclass(frozen=True, slots=True)
class Start:
    """The first start, which makes the queue, and the next. Asked for the 220 every 20 ms."""

    name: str
    meaning: str
    systems: tuple[str, ...] = BOTH

    def measure(self, stand: Stand) -> Figures:
        """Return the seconds of both starts."""
        system = stand.make(stand.place.root, SETTINGS)
        first = _start(system)
        return {"s to the 220": _start(system), "s to the 220, new queue": first}


def _start(system: System) -> float:
    started = time.monotonic()
    system.start()
    elapsed = time.monotonic() - started
    system.stop()
    return elapsed
