"""The figures, as a table for people and as JSON for programs: medians and their spread."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tools.bench.measure import Run
from tools.bench.profiles import Profile

# A sender or receiver that is not twice as fast as what is measured may be what is measured.
ROOM_OF_THE_PEERS = 2.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """All runs of one profile; *direct* is the peers' own rate, with no mail system between."""

    profile: Profile
    direct: float
    runs: tuple[Run, ...]

    def of(self, system: str) -> list[Run]:
        """Return the runs of one system."""
        return [run for run in self.runs if run.system == system]

    @property
    def ratio(self) -> float | None:
        """Relayed messages a second, spoolmta to Postfix; None without Postfix."""
        ours, theirs = self.of("spoolmta"), self.of("postfix")
        if not ours or not theirs:
            return None
        return _median(ours, _relayed) / _median(theirs, _relayed)


def table(comparison: Comparison) -> str:
    """Return the figures of one profile as text."""
    profile = comparison.profile
    lines = [
        f"{profile.name}: {profile.meaning}; {profile.size:,} bytes, {profile.sessions} sessions",
        f"{'':34}{'median':>10}  {'least - most':>20}",
    ]
    for system in dict.fromkeys(run.system for run in comparison.runs):
        lines += _system_lines(system, comparison.of(system))
    if comparison.ratio is not None:
        lines.append(f"{'spoolmta : postfix, relayed':34}{comparison.ratio:>10.2f}")
    fastest = max(run.relayed_rate for run in comparison.runs)
    enough = "enough" if comparison.direct >= ROOM_OF_THE_PEERS * fastest else "TOO LITTLE"
    lines.append(f"{'sender straight into receiver':34}{comparison.direct:>10,.0f}  {enough}")
    return "\n".join(lines)


def as_json(comparisons: Sequence[Comparison], about: dict[str, Any]) -> dict[str, Any]:
    """Return everything as plain values."""
    return {
        "about": about,
        "profiles": [
            {
                "profile": comparison.profile.name,
                "ratio": comparison.ratio,
                "direct_rate": comparison.direct,
                "runs": [asdict(run) for run in comparison.runs],
            }
            for comparison in comparisons
        ],
    }


def _system_lines(system: str, runs: list[Run]) -> list[str]:
    rows: list[tuple[str, Callable[[Run], float | None], str]] = [
        ("accepted/s", lambda run: run.accepted_rate, ",.0f"),
        ("relayed/s", _relayed, ",.0f"),
        ("CPU s per 1,000", lambda run: run.cpu_total, ".3f"),
        ("messages per commit", lambda run: run.messages_per_commit, ".1f"),
        ("CPU of sender, per 1,000", lambda run: run.sender_cpu, ".3f"),
        ("CPU of receiver, per 1,000", lambda run: run.sink_cpu, ".3f"),
    ]
    services = sorted({name for run in runs for name in run.cpu})
    lines = []
    for title, value, form in rows:
        lines += _row(f"{system} {title}", [value(run) for run in runs], form)
        if title.startswith("CPU s"):
            for name in services:
                lines += _row(f"  {name}", [run.cpu.get(name, 0.0) for run in runs], ".3f")
    return lines


def _row(title: str, values: Sequence[float | None], form: str) -> list[str]:
    known = [value for value in values if value is not None]
    if not known:
        return []
    spread = f"{min(known):{form}} - {max(known):{form}}"
    return [f"{title:34}{statistics.median(known):>10{form}}  {spread:>20}"]


def _relayed(run: Run) -> float:
    return run.relayed_rate


def _median(runs: list[Run], value: Callable[[Run], float]) -> float:
    return statistics.median(value(run) for run in runs)
