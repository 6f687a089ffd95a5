"""What an operator feels with a very deep queue: fresh mail, questions, and surgery on a tenth.

spoolmta is given a million messages for ten thousand destinations; Postfix, for comparison, as many
as a queue of files is filled with in reasonable time, all for one.
"""

import contextlib
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psutil

from tests.support.mail_system import wait_for
from tools.bench import peers, processes
from tools.bench.backlog import Backlog
from tools.bench.figures import MILLISECONDS, Figures
from tools.bench.load import LONGEST_RUN, Load
from tools.bench.operator import OPERATORS
from tools.bench.routes import OTHER_DOMAIN, BesideDead, Route
from tools.bench.stand import Stand
from tools.bench.systems import BOTH, Spoolmta, System
from tools.bench.throughput import transfer

MIB = 1 << 20
# Of a full run: a million for one of ten thousand; what Postfix is given; the fresh mail.
DEPTH = 100.0
DEPTH_OF_FILES = 2.0
FRESH = 0.5
PARTS = 10
ATTEMPTS = 3
SCHEDULER = "qmgr"


@dataclass(frozen=True, slots=True)
class Million:
    """Fresh mail with an empty queue and with a deep one, and what the operator's commands take."""

    name: str
    meaning: str
    systems: tuple[str, ...] = BOTH

    def measure(self, stand: Stand) -> Figures:
        """Return rates, times of commands, the time to the 220 and the scheduler's memory."""
        route = BesideDead(stand.place.root)
        with contextlib.closing(route), stand.running(route.settings()) as system:
            relay = Relay(system, route, stand.effort.count(FRESH))
            relay.measured()
            empty = relay.measured()
            waiting = self._fill(stand, system)
            began = time.monotonic()
            system.start()
            figures = {"s to the 220": time.monotonic() - began}
            relay.measured()
            deep = relay.measured()
            memory = processes.memory_bytes(_scheduler(system))
            return {
                "deep : empty, rate": deep / empty,
                "messages that wait": waiting,
                "empty, relayed/s": empty,
                "deep, relayed/s": deep,
                "MiB of the scheduler": memory / MIB,
                **figures,
                **_commands(system, waiting // PARTS),
            }

    def _fill(self, stand: Stand, system: System) -> int:
        """Fill the queue and leave the system stopped; return how many messages wait."""
        if isinstance(system, Spoolmta):
            waiting = stand.effort.count(DEPTH)
            system.stop()
            Backlog(waiting, senders=PARTS).fill(system.spool)
        else:
            waiting = stand.effort.count(DEPTH_OF_FILES)
            peers.send(Load(domain=OTHER_DOMAIN), system.port, waiting, LONGEST_RUN)
            wait_for(lambda: system.count("deferred") >= waiting, LONGEST_RUN, "deferred messages")
            system.stop()
        return waiting


class Relay:
    """Fresh mail through *system*, again and again."""

    def __init__(self, system: System, route: Route, messages: int) -> None:
        self._system = system
        self._route = route
        self._messages = messages
        self._sent = 0

    def measured(self) -> float:
        """Send, wait until all has come out, return messages a second."""
        before = self._sent
        self._sent += self._messages
        figures = transfer(self._system, Load(), self._route, self._messages, before)
        return figures[self._route.rate]


def _commands(system: System, part: int) -> Figures:
    """Return how long each question takes, the quickest of some, and surgery on *part* of it."""
    operator = OPERATORS[system.name](system)
    figures = {}
    for name, command in operator.questions().items():
        taken = [_run(command, operator.environment) for _ in range(ATTEMPTS)]
        figures[f"{name}, first line, ms"] = MILLISECONDS * min(first for first, _ in taken)
        figures[f"{name}, s"] = min(whole for _, whole in taken)
    for name, command in operator.surgery(part).items():
        _, figures[f"{name} a tenth, s"] = _run(command, operator.environment)
    return figures


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Run a command; return the seconds to its first byte and to its end."""
    began = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        first = time.monotonic() - began
        process.stdout.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit status {process.returncode}")
    return first, time.monotonic() - began


def _scheduler(system: System) -> psutil.Process:
    (found,) = (p for p in processes.tree(system.master()) if system.service(p) == SCHEDULER)
    return found
