"""What a deep queue costs: the rate and the CPU of a message while many others wait."""

import contextlib
from dataclasses import dataclass

from tests.support.mail_system import wait_for
from tools.bench import peers
from tools.bench.cost import CPU, CostMeter
from tools.bench.figures import Figures
from tools.bench.load import LONGEST_RUN, Load
from tools.bench.routes import OTHER_DOMAIN, BesideDead
from tools.bench.stand import Stand
from tools.bench.systems import BOTH
from tools.bench.throughput import transfer


@dataclass(frozen=True, slots=True)
class Depth:
    """The same measured with an empty queue and then with deferred messages, *depth* of a run."""

    name: str
    meaning: str
    depth: float = 1.0
    share: float = 0.5
    systems: tuple[str, ...] = BOTH

    def measure(self, stand: Stand) -> Figures:
        """Return rates and costs, empty and deep, and their ratios."""
        messages = stand.effort.count(self.share)
        waiting = stand.effort.count(self.depth)
        route = BesideDead(stand.place.root)
        with contextlib.closing(route), stand.running(route.settings()) as system:
            transfer(system, Load(), route, messages, before=0)
            with CostMeter(system, stand.place) as cost_empty:
                empty = transfer(system, Load(), route, messages, before=messages)
            peers.send(Load(domain=OTHER_DOMAIN), system.port, waiting, LONGEST_RUN)
            wait_for(lambda: system.count("deferred") >= waiting, LONGEST_RUN, "deferred messages")
            with CostMeter(system, stand.place) as cost_deep:
                deep = transfer(system, Load(), route, messages, before=2 * messages)
        cpu_empty, cpu_deep = (cost.figures(messages)[CPU] for cost in (cost_empty, cost_deep))
        return {
            "deep : empty, rate": deep[route.rate] / empty[route.rate],
            "deep : empty, CPU": cpu_deep / cpu_empty,
            "empty, relayed/s": empty[route.rate],
            "deep, relayed/s": deep[route.rate],
            f"empty, {CPU}": cpu_empty,
            f"deep, {CPU}": cpu_deep,
        }
