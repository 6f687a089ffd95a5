"""One run of a profile on one system; pairs of runs in turns, so that drift hits both alike."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.mail_system import wait_for
from tools.bench import peers
from tools.bench.processors import CpuMeter
from tools.bench.profiles import Profile
from tools.bench.systems import System, settings_for

LONGEST_RUN = 600.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave. Rates in messages a second, CPU in seconds for 1,000 messages."""

    system: str
    messages: int
    accepted_rate: float
    relayed_rate: float
    cpu: dict[str, float]
    sender_cpu: float
    sink_cpu: float
    commits: int | None

    @property
    def cpu_total(self) -> float:
        """CPU of all services."""
        return sum(self.cpu.values())

    @property
    def messages_per_commit(self) -> float | None:
        """Messages for each commit of the spool, of whatever stage."""
        return self.messages / self.commits if self.commits else None


Factory = Callable[[Path, dict[str, str]], System]


def run_once(factory: Factory, profile: Profile, messages: int, warm_up: int, root: Path) -> Run:
    """Start a fresh system below *root*, warm it up, measure *messages*, stop it."""
    sink = peers.Sink()
    system = factory(root, settings_for(profile, sink.port))
    system.start()
    try:
        _send(system, profile, sink, warm_up)
        return _measure(system, profile, sink, messages)
    finally:
        system.stop()
        sink.close()


def direct_rate(profile: Profile, messages: int) -> float:
    """Return messages a second from the sender straight into the sink: the limit of the peers."""
    sink = peers.Sink()
    try:
        seconds, _ = peers.send(profile, sink.port, messages, LONGEST_RUN)
        return messages / seconds
    finally:
        sink.close()


def _measure(system: System, profile: Profile, sink: peers.Sink, messages: int) -> Run:
    meter = CpuMeter(system.master(), system.service)
    commits = system.commits()
    sink_cpu = sink.cpu_seconds()
    started = time.monotonic()
    with meter:
        accepted_in, sender_cpu = _send(system, profile, sink, messages)
        relayed_in = time.monotonic() - started
    per_thousand = 1000 / messages
    after = system.commits()
    return Run(
        system=system.name,
        messages=messages,
        accepted_rate=messages / accepted_in,
        relayed_rate=messages / relayed_in,
        cpu={name: used * per_thousand for name, used in meter.seconds().items()},
        sender_cpu=sender_cpu * per_thousand,
        sink_cpu=(sink.cpu_seconds() - sink_cpu) * per_thousand,
        commits=None if commits is None or after is None else (after - commits) % (1 << 32),
    )


def _send(system: System, profile: Profile, sink: peers.Sink, messages: int) -> tuple[float, float]:
    """Send and wait until all has come out at the other end; return the sender's seconds."""
    wanted = sink.count + messages
    used = peers.send(profile, system.port, messages, LONGEST_RUN)
    if profile.relays:
        sink.wait_for_count(wanted, LONGEST_RUN)
    wait_for(system.is_empty, LONGEST_RUN, f"an empty queue of {system.name}")
    return used
