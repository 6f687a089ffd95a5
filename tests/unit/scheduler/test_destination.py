"""Concurrency windows."""

from hypothesis import given
from hypothesis import strategies as st

from spoolmta.scheduler.destination import Destination, WindowLimits
from spoolmta.scheduler.feedback import ConcurrencyFeedback

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


def test_negative_feedback_narrows_the_window_as_postfix_narrows_it() -> None:
    """The windows are those that Postfix 3.7 logs with destination_concurrency_feedback_debug."""
    target = destination(WindowLimits(initial=10, limit=20, failed_cohorts=100))
    windows = [(target.failed(9.0, "4.4.1", "refused"), target.window)[1] for _ in range(3)]
    assert windows == [8, 7, 6]
    quarter = ConcurrencyFeedback(0.25)
    target = destination(WindowLimits(10, 20, 100, negative=quarter))
    windows = [(target.failed(9.0, "4.4.1", "refused"), target.window)[1] for _ in range(5)]
    assert windows == [9, 9, 9, 8, 8]


def test_positive_feedback_shared_by_the_window_widens_it_once_a_cohort() -> None:
    target = destination(WindowLimits(5, 20, 1, positive=ConcurrencyFeedback(1.0, shared=True)))
    target.busy = 20
    windows = []
    for _ in range(11):
        target.succeeded()
        windows.append(target.window)
    assert windows == [5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 7]


def test_what_was_learnt_is_taken_up_after_a_restart_inside_new_limits() -> None:
    target = destination()
    target.busy = 9
    for _ in range(9):
        target.succeeded()
    learnt = target.state
    assert learnt is not None
    assert learnt.window == 14
    again = destination(WindowLimits(initial=5, limit=10, failed_cohorts=1))
    again.recall(learnt)
    assert again.window == 10


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
    assert (target.is_dead, target.window) == (False, 3)


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
