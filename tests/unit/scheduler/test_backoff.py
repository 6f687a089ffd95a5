"""When deferred mail is tried again."""

import pytest

from spoolmta.scheduler.backoff import retry_at, spread


@pytest.mark.parametrize(
    ("age", "pause"),
    [(0, 300), (200, 300), (300, 300), (1000, 1000), (4000, 4000), (90_000, 4000), (-3600, 300)],
)
def test_the_pause_is_the_age_within_bounds(age: float, pause: float) -> None:
    now = 1_000_000.0
    assert retry_at(now, now - age, 300, 4000) == now + pause


def test_messages_that_were_tried_together_are_not_all_tried_together_again() -> None:
    times = [spread(1300.0, 1000.0, message_id) for message_id in range(1000)]
    assert min(times) >= 1300.0
    assert max(times) < 1330.0
    seconds = [int(time) for time in times]
    assert max(seconds.count(second) for second in set(seconds)) < 60
