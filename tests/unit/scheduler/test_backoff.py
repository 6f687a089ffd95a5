"""When deferred mail is tried again."""

import pytest

from spoolmta.scheduler.backoff import retry_at


@pytest.mark.parametrize(
    ("age", "pause"),
    [(0, 300), (200, 300), (300, 300), (1000, 1000), (4000, 4000), (90_000, 4000), (-3600, 300)],
)
def test_the_pause_is_the_age_within_bounds(age: float, pause: float) -> None:
    now = 1_000_000.0
    assert retry_at(now, now - age, 300, 4000) == now + pause
