"""What all tests share: those that need root are collected for root only."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from spoolmta.message import dates

# A busy machine is no fault of what is tested.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests marked `root` where a user runs them; the rest must all run.

    Each of xdist's processes is given an equal part of them, one after the other, and takes of
    another's end when it is done. So the slow ones begin each part: no process is left alone with
    one at the end.
    """
    if os.geteuid() != 0:
        left_out = [item for item in items if item.get_closest_marker("root")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
    count = getattr(config, "workerinput", {"workercount": 1})["workercount"]
    short = [item for item in items if not _seconds_allowed(item)]
    size = len(items) // count
    ordered: list[pytest.Item] = []
    for number, part in enumerate(_shared_out(items, count), 1):
        left = max(0, number * size - len(ordered) - len(part))
        ordered += part + short[:left]
        del short[:left]
    items[:] = ordered + short


def _shared_out(items: list[pytest.Item], count: int) -> list[list[pytest.Item]]:
    """Return the slow ones of *items* in so many parts, those of a module in the same."""
    modules: dict[Path, list[pytest.Item]] = {}
    for item in filter(_seconds_allowed, items):
        modules.setdefault(item.path, []).append(item)

    def seconds(some: list[pytest.Item]) -> float:
        return sum(map(_seconds_allowed, some))

    parts: list[list[pytest.Item]] = [[] for _ in range(count)]
    for module in sorted(modules.values(), key=seconds, reverse=True):
        min(parts, key=seconds).extend(module)
    return parts


def _seconds_allowed(item: pytest.Item) -> float:
    """Return how long a slow test may take; 0 of a quick one."""
    if not item.get_closest_marker("slow"):
        return 0
    allowed = item.get_closest_marker("timeout")
    return float(allowed.args[0] if allowed else item.config.getini("timeout"))


@pytest.fixture
def set_time_zone() -> Iterator[Callable[[str], None]]:
    """Return what sets the local time zone for one test; no other test is left in it."""
    before = os.environ.get("TZ")

    def change(zone: str | None) -> None:
        if zone is None:
            os.environ.pop("TZ", None)
        else:
            os.environ["TZ"] = zone
        time.tzset()
        dates._mail_date.cache_clear()

    yield change
    change(before)


@pytest.fixture
def utc(set_time_zone: Callable[[str], None]) -> None:
    """Let local time be UTC."""
    set_time_zone("UTC")
