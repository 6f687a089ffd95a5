"""The figures of all runs, as a table for people and as JSON for programs: medians and spread.

A ratio is spoolmta's figure by Postfix's, taken within each pair of runs.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tools.bench.measure import Comparison

# A sender or receiver that is not twice as fast as what is measured may be what is measured.
ROOM_OF_THE_PEERS = 2.0
NAMES = 32
COLUMN = 26


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some values, the least and the most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """Return the spread of *values*, None if there are none."""
        if not values:
            return None
        return cls(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        text = _shown(self.median)
        if self.least == self.most:
            return text
        return f"{text} ({_shown(self.least)} - {_shown(self.most)})"


def table(comparison: Comparison) -> str:
    """Return the figures of one profile as text."""
    profile = comparison.profile
    systems = _systems(comparison)
    columns = [*systems, "ratio"] if len(systems) > 1 else systems
    lines = [f"{profile.name}: {profile.meaning}; median (least - most)", _line("", columns)]
    for name in _names(comparison):
        spreads = [spread(comparison, name, system) for system in systems]
        if len(systems) > 1:
            spreads.append(ratio(comparison, name))
        lines.append(_line(name, ["" if value is None else str(value) for value in spreads]))
    return "\n".join([*lines, *_limit_line(comparison)])


def as_json(comparisons: Sequence[Comparison], about: dict[str, Any]) -> dict[str, Any]:
    """Return everything as plain values."""
    return {
        "about": about,
        "profiles": {
            comparison.profile.name: {
                "meaning": comparison.profile.meaning,
                "limit": comparison.limit,
                "enough": has_room(comparison),
                "figures": {name: _plain(comparison, name) for name in _names(comparison)},
                "runs": [asdict(run) for run in comparison.runs],
            }
            for comparison in comparisons
        },
    }


def spread(comparison: Comparison, name: str, system: str) -> Spread | None:
    """Return the spread of one figure of one system."""
    return Spread.of(list(_values(comparison, name, system).values()))


def ratio(comparison: Comparison, name: str) -> Spread | None:
    """Return the spread of spoolmta's figure by Postfix's, of the pairs that have both."""
    ours = _values(comparison, name, "spoolmta")
    theirs = _values(comparison, name, "postfix")
    return Spread.of([ours[pair] / theirs[pair] for pair in ours if theirs.get(pair)])


def has_room(comparison: Comparison) -> bool | None:
    """Tell whether sender and receiver are fast enough, None if it does not matter."""
    if comparison.limit is None:
        return None
    name = _names(comparison)[0]
    fastest = max(run.figures[name] for run in comparison.runs)
    return comparison.limit >= ROOM_OF_THE_PEERS * fastest


def _limit_line(comparison: Comparison) -> list[str]:
    room = has_room(comparison)
    if room is None or comparison.limit is None:
        return []
    verdict = "enough" if room else "TOO LITTLE"
    return [_line("sender straight into receiver", [f"{_shown(comparison.limit)}/s  {verdict}"])]


def _plain(comparison: Comparison, name: str) -> dict[str, Any]:
    """Return one figure of both systems, and the ratio."""
    spreads = {system: spread(comparison, name, system) for system in _systems(comparison)}
    spreads["ratio"] = ratio(comparison, name)
    return {title: asdict(value) for title, value in spreads.items() if value is not None}


def _systems(comparison: Comparison) -> list[str]:
    return [
        system
        for system in comparison.profile.systems
        if any(run.system == system for run in comparison.runs)
    ]


def _names(comparison: Comparison) -> list[str]:
    """Return the names of all figures, in the order in which the runs give them."""
    return list(dict.fromkeys(name for run in comparison.runs for name in run.figures))


def _values(comparison: Comparison, name: str, system: str) -> dict[int, float]:
    return {
        run.pair: run.figures[name]
        for run in comparison.runs
        if run.system == system and name in run.figures
    }


def _line(title: str, columns: Sequence[str]) -> str:
    return (f"{title:{NAMES}}" + "".join(f"{text:>{COLUMN}}" for text in columns)).rstrip()


def _shown(value: float) -> str:
    """Return a figure with as many places as say something."""
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{places}f}"
