"""A fast destination while another takes no mail: dead (it refuses connections) or hanging."""

import contextlib
from dataclasses import dataclass

from tests.support.mail_system import wait_for
from tools.bench import peers
from tools.bench.cost import CPU, CostMeter
from tools.bench.figures import Figures
from tools.bench.load import LONGEST_RUN, Load
from tools.bench.routes import OTHER_DOMAIN, BesideDead, BesideHanging
from tools.bench.stand import Stand
from tools.bench.systems import BOTH, System
from tools.bench.throughput import transfer

# Mail for the other destination. Its first tries are over when the fast one is measured beside it,
# and its next ones fall into the measurement.
OTHER_MESSAGES = 200
RETRIES = {
    "queue_run_delay": "2s",
    "minimal_backoff_time": "2s",
    "maximal_backoff_time": "4s",
}


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The rate of the fast destination alone, and then beside the other in the same system."""

    name: str
    meaning: str
    hangs: bool
    share: float = 0.5
    systems: tuple[str, ...] = BOTH

    def measure(self, stand: Stand) -> Figures:
        """Return the ratio of the two rates, and the rates."""
        messages = stand.effort.count(self.share)
        route = (BesideHanging if self.hangs else BesideDead)(stand.place.root)
        with (
            contextlib.closing(route),
            stand.running({**route.settings(), **RETRIES}) as system,
        ):
            transfer(system, Load(), route, messages, before=0)
            with CostMeter(system, stand.place) as cost_alone:
                alone = transfer(system, Load(), route, messages, before=messages)
            peers.send(Load(domain=OTHER_DOMAIN), system.port, OTHER_MESSAGES, LONGEST_RUN)
            if not self.hangs:
                _wait_until_deferred(system)
            with CostMeter(system, stand.place) as cost_beside:
                beside = transfer(system, Load(), route, messages, before=2 * messages)
        return {
            "beside : alone": beside[route.rate] / alone[route.rate],
            "alone, relayed/s": alone[route.rate],
            "beside, relayed/s": beside[route.rate],
            f"alone, {CPU}": cost_alone.figures(messages)[CPU],
            f"beside, {CPU}": cost_beside.figures(messages)[CPU],
        }


def _wait_until_deferred(system: System) -> None:
    wait_for(
        lambda: system.count("deferred") >= OTHER_MESSAGES // 2,
        LONGEST_RUN,
        f"deferred mail of {system.name}",
    )
