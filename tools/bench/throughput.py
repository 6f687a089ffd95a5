"""The rate at which messages go in and come out, and what they cost."""

import contextlib
import time
from dataclasses import dataclass, replace

from tools.bench import peers
from tools.bench.cost import CostMeter
from tools.bench.figures import Figures
from tools.bench.load import LONGEST_RUN, ORDINARY, Load
from tools.bench.routes import Relayed, Route
from tools.bench.stand import Effort, Stand
from tools.bench.systems import BOTH, System

MIB = 1 << 20
# As long as it takes until nothing grows any more: processes, and the write-ahead log.
WARM_UP = 0.25
LEAST_WARM_UP = 5


@dataclass(frozen=True, slots=True)
class Throughput:
    """Many messages at once. *share* scales their number: large ones are fewer."""

    name: str
    meaning: str
    load: Load = ORDINARY
    route: type[Route] = Relayed
    share: float = 1.0
    systems: tuple[str, ...] = BOTH

    def measure(self, stand: Stand) -> Figures:
        """Return rates and costs of one run, after a quarter of it to warm up."""
        messages = stand.effort.count(self.share)
        warm_up = stand.effort.count(self.share * WARM_UP, LEAST_WARM_UP)
        route = self.route(stand.place.root, self.load)
        with contextlib.closing(route), stand.running(route.settings()) as system:
            load = replace(self.load, domain=route.domain)
            transfer(system, load, route, warm_up, before=0)
            with CostMeter(system, stand.place) as cost:
                figures = transfer(system, load, route, messages, before=warm_up)
        if self.load.size >= MIB // 10:
            figures["MiB/s"] = next(iter(figures.values())) * self.load.size / MIB
        return figures | cost.figures(messages)

    def limit(self, effort: Effort) -> float:
        """Return messages a second from the sender straight into a receiver."""
        sink = peers.Sink(self.load)
        messages = effort.count(self.share)
        with contextlib.closing(sink):
            seconds, _ = peers.send(self.load, sink.port, messages, LONGEST_RUN)
            return messages / seconds


def transfer(system: System, load: Load, route: Route, messages: int, before: int) -> Figures:
    """Send and wait until all has come out; *before* have come out already."""
    started = time.monotonic()
    accepted_in, sender_cpu = peers.send(load, system.port, messages, LONGEST_RUN)
    ended = route.wait_for(before + messages)
    route.settle(system)
    return {
        route.rate: messages / (ended - started),
        "accepted/s": messages / accepted_in,
        "CPU s of the sender per 1,000": 1000 * sender_cpu / messages,
    }
