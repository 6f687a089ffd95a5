"""What came of a simulation, as a table: a line for each kind of destination."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tools.simulate.simulation import Message, Simulation

_HEADINGS = (
    "kind", "messages", "delivered", "returned", "left", "attempts", "most", "concurrency",
    "p50", "p99", "drained",
)  # fmt: skip


class KindReport(NamedTuple):
    """The fate of the mail for one kind of destination; times are seconds.

    *attempts* is the mean for a message, *most* the largest number. *p50* and *p99* are how long
    mail waited for its delivery, *drained* is when the last of it was gone, None if some is left.
    """

    kind: str
    messages: int
    delivered: int
    returned: int
    left: int
    attempts: float
    most: int
    concurrency: int
    p50: float
    p99: float
    drained: float | None


def by_kind(simulation: Simulation) -> list[KindReport]:
    """Return the fate of all mail by kind of destination."""
    kinds: defaultdict[str, list[Message]] = defaultdict(list)
    for message in simulation.messages.values():
        kinds[message.destination.kind].append(message)
    return [_of_kind(kind, messages) for kind, messages in kinds.items()]


def unevenness(simulation: Simulation, kind: str = "fast") -> float:
    """Return how much longer the unluckiest destination of a kind waits than the typical one.

    1 is perfect fairness: the ratio of the largest to the median of the destinations' mean waits.
    """
    waits: defaultdict[str, list[float]] = defaultdict(list)
    for message in simulation.messages.values():
        if message.destination.kind == kind and message.delivered_at is not None:
            waits[message.destination.name].append(message.delivered_at - message.arrived_at)
    means = sorted(sum(times) / len(times) for times in waits.values())
    return means[-1] / max(means[len(means) // 2], 1e-9) if means else 1.0


def table(reports: Iterable[KindReport]) -> str:
    """Return the reports as aligned text."""
    rows: list[Sequence[str]] = [_HEADINGS]
    rows += [_row(report) for report in reports]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )


def duration(seconds: float) -> str:
    """Return a time as people say it: 45s, 12m, 3.5h, 2.1d."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("m", 60.0)):
        if seconds >= size * 2:
            return f"{seconds / size:.1f}{unit}"
    return f"{seconds:.1f}s"


def _of_kind(kind: str, messages: Sequence[Message]) -> KindReport:
    waits = sorted(m.delivered_at - m.arrived_at for m in messages if m.delivered_at is not None)
    ends = [m.delivered_at or m.returned_at for m in messages]
    left = sum(end is None for end in ends)
    return KindReport(
        kind=kind,
        messages=len(messages),
        delivered=len(waits),
        returned=len(messages) - len(waits) - left,
        left=left,
        attempts=sum(m.attempts for m in messages) / len(messages),
        most=max(m.attempts for m in messages),
        concurrency=max(m.destination.peak for m in messages),
        p50=_quantile(waits, 0.5),
        p99=_quantile(waits, 0.99),
        drained=None if left else max((end for end in ends if end is not None), default=0.0),
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def _row(report: KindReport) -> Sequence[str]:
    return (
        report.kind,
        str(report.messages),
        str(report.delivered),
        str(report.returned),
        str(report.left),
        f"{report.attempts:.1f}",
        str(report.most),
        str(report.concurrency),
        duration(report.p50),
        duration(report.p99),
        "-" if report.drained is None else duration(report.drained),
    )
