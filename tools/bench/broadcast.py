"""One message to very many recipients: how soon the last of them has it."""

import contextlib
import statistics
import time
from dataclasses import dataclass

from tools.bench import peers
from tools.bench.cost import CostMeter
from tools.bench.figures import Figures
from tools.bench.load import LONGEST_RUN, Load
from tools.bench.routes import Relayed
from tools.bench.stand import Stand
from tools.bench.systems import BOTH, System

# default_destination_recipient_limit: so many are delivered together.
TOGETHER = 50


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One message at a time, nothing else beside it."""

    name: str
    meaning: str
    recipients: int
    share: float
    systems: tuple[str, ...] = BOTH

    def measure(self, stand: Stand) -> Figures:
        """Return recipients a second, from the connection to the arrival of the last, and costs."""
        times = stand.effort.count(self.share, least=3)
        route = Relayed(stand.place.root)
        with contextlib.closing(route), stand.running(route.settings()) as system:
            self._once(system, route, 0)
            with CostMeter(system, stand.place) as cost:
                taken = [self._once(system, route, number) for number in range(1, times + 1)]
        accepted, arrived = (statistics.median(column) for column in zip(*taken, strict=True))
        figures = {
            "recipients/s": self.recipients / arrived,
            "s to the last arrival": arrived,
            "s to the 250": accepted,
        }
        return figures | cost.figures(times * self.recipients)

    def _once(self, system: System, route: Relayed, before: int) -> tuple[float, float]:
        """Send once; return seconds to the 250 and to the last arrival."""
        deliveries = -(-self.recipients // TOGETHER)
        load = Load(sessions=1, recipients=self.recipients)
        started = time.monotonic()
        accepted, _ = peers.send(load, system.port, 1, LONGEST_RUN)
        ended = route.wait_for((before + 1) * deliveries)
        route.settle(system)
        return accepted, ended - started
