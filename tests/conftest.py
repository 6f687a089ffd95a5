"""What all tests share: those that need root are collected for root only."""

import os
import time
from collections.abc import Callable, Iterator

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

    The slow ones begin first, so that no process is left alone with one at the end.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if os.geteuid() == 0:
        return
    left_out = [item for item in items if item.get_closest_marker("root")]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


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
