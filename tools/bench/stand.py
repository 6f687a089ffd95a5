"""The stand of one run: a fresh place on the disk, and the system that is set up there."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.bench.disk import Place
from tools.bench.systems import SETTINGS, System

# The fewest messages that a rate is taken of.
SMALLEST_RUN = 20

Factory = Callable[[Path, Mapping[str, str]], System]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is done: messages of a full run, and whether a look is all that is wanted."""

    messages: int
    quick: bool = False

    def count(self, share: float, least: int = SMALLEST_RUN) -> int:
        """Return how many messages a profile sends whose messages weigh *share* of a full run."""
        return max(least, int(self.messages * share))

    def seconds(self, full: float) -> float:
        """Return how long something is watched."""
        return full / 10 if self.quick else full


@dataclass(frozen=True, slots=True)
class Stand:
    """One system on one place."""

    make: Factory
    place: Place
    effort: Effort

    @contextlib.contextmanager
    def running(self, settings: Mapping[str, str]) -> Iterator[System]:
        """Yield the system, started with these settings beside those of all profiles."""
        system = self.make(self.place.root, {**SETTINGS, **settings})
        system.start()
        try:
            yield system
        finally:
            system.stop()
