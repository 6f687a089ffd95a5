"""The runs of one profile: pairs of runs in turns, so that drift of the machine hits both alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tools.bench.disk import Disk
from tools.bench.figures import Figures
from tools.bench.profiles import Profile
from tools.bench.stand import Effort, Factory, Stand
from tools.bench.throughput import Throughput

# Told of each figure that counts as soon as it is there.
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Run:
    """What one run gave."""

    system: str
    pair: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs of one profile; *limit* is the rate of sender and receiver alone, if it matters."""

    profile: Profile
    limit: float | None
    runs: tuple[Run, ...]


def compare(
    profile: Profile,
    systems: Mapping[str, Factory],
    disk: Disk,
    effort: Effort,
    pairs: int,
    tell: Tell,
) -> Comparison:
    """Measure *profile* on the systems that it is for."""
    names = [name for name in systems if name in profile.systems]
    runs = []
    for pair in range(pairs):
        for name in _turn(names, pair):
            tell(f"{profile.name}: {name}, {pair + 1} of {pairs} ...")
            with disk.place() as place:
                figures = profile.measure(Stand(systems[name], place, effort))
            runs.append(Run(name, pair, figures))
            title, value = next(iter(figures.items()))
            tell(f"{profile.name}: {name} {value:,.4g} {title}")
    limit = profile.limit(effort) if isinstance(profile, Throughput) else None
    return Comparison(profile, limit, tuple(runs))


def _turn(names: Sequence[str], pair: int) -> Sequence[str]:
    """Return who comes first in a pair; the order changes with each."""
    return names if pair % 2 == 0 else names[::-1]
