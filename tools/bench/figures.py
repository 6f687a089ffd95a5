"""Figures of one run: a name for people and a value. The first is the one that counts."""

import statistics
from collections.abc import Sequence

Figures = dict[str, float]

MILLISECONDS = 1000


def latencies(what: str, seconds: Sequence[float]) -> Figures:
    """Return the median and the 99th percentile of *seconds* in milliseconds."""
    percentiles = statistics.quantiles(seconds, n=100, method="inclusive")
    return {
        f"{what}, p50 ms": percentiles[49] * MILLISECONDS,
        f"{what}, p99 ms": percentiles[98] * MILLISECONDS,
    }
