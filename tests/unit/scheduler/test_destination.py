"""Concurrency windows."""

from hypothesis import given
from hypothesis import strategies as st

from spoolmta.scheduler.destination import Destination, WindowLimits

LIMITS = WindowLimits(initial=5, limit=20, failed_cohorts=1)


def destination(limits: WindowLimits = LIMITS) -> Destination:
    return Destination("smtp", "x.example", limits)


def test_a_fresh_destination_starts_with_the_initial_window() -> None:
    assert destination().window == 5


def test_the_initial_window_is_never_above_the_limit() -> None:
    assert destination(WindowLimits(initial=5, limit=2, failed_cohorts=1)).window == 2


def test_a_success_widens_the_window_by_one() -> None:
    target = destination()
    target.busy = 5
    target.succeeded()
    assert target.window == 6


def test_the_window_stops_at_the_limit() -> None:
    target = destination()
    target.busy = 20
    for _ in range(50):
        target.succeeded()
    assert target.window == 20


def test_a_window_that_is_not_used_does_not_grow_out_of_sight() -> None:
    target = destination()
    target.busy = 1
    for _ in range(50):
        target.succeeded()
    assert target.window == 6


def test_failures_of_a_whole_cohort_make_it_dead() -> None:
    target = destination(WindowLimits(initial=2, limit=20, failed_cohorts=1))
    assert not target.failed(100.0, "4.4.1", "refused")
    assert target.failed(100.0, "4.4.1", "refused")
    assert (target.is_dead, target.room, target.reason) == (True, 0, "refused")


def test_a_failed_cohort_limit_of_zero_never_makes_it_dead() -> None:
    target = destination(WindowLimits(initial=1, limit=20, failed_cohorts=0))
    assert not any(target.failed(100.0, "4.4.1", "refused") for _ in range(10))
    assert target.window == 1


def test_a_late_success_revives_a_dead_destination() -> None:
    target = destination()
    target.suspend(100.0, "4.4.1", "refused")
    target.busy = 3
    target.succeeded()
    assert (target.is_dead, target.window) == (False, 5)


@given(st.lists(st.booleans(), max_size=200))
def test_the_window_stays_between_one_and_the_limit(successes: list[bool]) -> None:
    target = destination()
    for success in successes:
        target.busy = min(target.window, 20)
        if success:
            target.succeeded()
        elif target.failed(1.0, "4.4.1", "refused"):
            target.revive()
        assert 1 <= target.window <= 20
