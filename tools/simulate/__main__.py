"""The command: python -m tools.simulate [--messages N] [--days N] [--kind KIND ...] [-c FOLDER].

Without -c the parameters are Postfix's defaults; with it, those of FOLDER's main.cf and master.cf.
"""

import argparse
import random
import sys
import time

from spoolmta.config import loader
from spoolmta.config.loader import Configuration
from spoolmta.config.parameters.qmgr import QueueManagerParameters
from spoolmta.errors import ConfigError
from spoolmta.scheduler.completion import Lifetimes
from spoolmta.scheduler.limits import transport_limits
from tools.simulate.destination import KINDS, make
from tools.simulate.report import by_kind, duration, table, unevenness
from tools.simulate.simulation import TRANSPORT, Message, Rules, Simulation

_DAY = 86400.0
_PROGRESS_SECONDS = 2.0


def main() -> int:
    """Run a simulation and print what came of it."""
    options = _options()
    try:
        configuration = loader.load(options.config) if options.config else _stock()
        rules = rules_of(configuration)
    except ConfigError as error:
        print(f"simulate: {error}", file=sys.stderr)
        return 1
    messages = queue(options.messages, options.kind or KINDS, options.destinations, options.seed)
    simulation = Simulation(rules, messages)
    began = told = time.monotonic()
    for now in simulation.run(options.days * _DAY):
        if time.monotonic() - told > _PROGRESS_SECONDS:
            told = time.monotonic()
            print(f"simulate: {duration(now)} of {options.days:g} days", file=sys.stderr)
    print(table(by_kind(simulation)))
    print(
        f"fairness among fast destinations: {unevenness(simulation):.2f} (1 is even);"
        f" active at most: {simulation.peak_active};"
        f" {duration(simulation.now)} simulated in {time.monotonic() - began:.1f} s"
    )
    return 0


def rules_of(configuration: Configuration) -> Rules:
    """Return the parameters of a configuration's smtp transport and queue manager."""
    parameters = configuration.section(QueueManagerParameters)
    lifetimes = Lifetimes(
        parameters.minimal_backoff_time,
        parameters.maximal_backoff_time,
        parameters.maximal_queue_lifetime,
        parameters.bounce_queue_lifetime,
    )
    limits = transport_limits(configuration, TRANSPORT, lambda text: print(text, file=sys.stderr))
    return Rules(limits, lifetimes, parameters.qmgr_message_active_limit)


def queue(
    count: int, kinds: tuple[str, ...] | list[str], destinations: int, seed: int
) -> dict[int, Message]:
    """Return *count* messages that are in the queue at time 0, spread over kinds."""
    chance = random.Random(seed)
    models = [make(kinds[number % len(kinds)], number, chance) for number in range(destinations)]
    return {
        message_id: Message(message_id, chance.choice(models), 0.0)
        for message_id in range(1, count + 1)
    }


def _stock() -> Configuration:
    return loader.from_text("compatibility_level = 3.11\n", "smtp unix - - n - - smtp\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.simulate", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000, help="in the queue at the start")
    parser.add_argument("--days", type=float, default=5.0, help="how long at most")
    parser.add_argument("--destinations", type=int, default=1_000, help="they are spread over")
    parser.add_argument("--kind", action="append", choices=KINDS, help="may be repeated")
    parser.add_argument("--seed", type=int, default=1, help="another one gives another queue")
    parser.add_argument("-c", dest="config", metavar="FOLDER", help="with main.cf and master.cf")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
