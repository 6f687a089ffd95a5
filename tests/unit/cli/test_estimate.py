"""When a queue will be empty: a range, or honestly none."""

from hypothesis import given
from hypothesis import strategies as st

from spoolmta.cli.questions.estimate import Flow, estimate

NOW = 1_000_000.0
RATES = st.integers(min_value=0, max_value=10_000)


def flow(sent: int, accepted: int = 0, seconds: float = 100.0) -> Flow:
    return Flow(seconds, sent, 0, accepted)


def test_the_range_spans_the_slow_and_the_fast_rate() -> None:
    found = estimate(NOW, 1000, [flow(100), flow(50)], [], 0.0)
    assert (found.earliest, found.latest) == (NOW + 1000, NOW + 2000)
    assert (found.not_before, found.because) == (NOW, "")


def test_what_comes_in_meanwhile_counts() -> None:
    assert estimate(NOW, 1000, [flow(100, accepted=50)], [], 0.0).earliest == NOW + 2000


def test_a_queue_that_grows_has_no_end_in_sight() -> None:
    found = estimate(NOW, 1000, [flow(100, accepted=100)], [], 0.0)
    assert (found.earliest, found.latest) == (None, None)


def test_the_last_of_deferred_mail_does_not_go_before_its_next_try() -> None:
    found = estimate(NOW, 10, [flow(1000)], [NOW + 60, NOW + 900], 0.0)
    assert found.earliest == found.not_before == NOW + 900
    assert found.because == "the last of it is not tried before"


def test_nothing_goes_before_a_dead_destination_is_tried() -> None:
    found = estimate(NOW, 10, [flow(1000)], [NOW + 60], NOW + 300)
    assert (found.earliest, found.because) == (NOW + 300, "the destination is not tried before")


@given(RATES, RATES, RATES, st.lists(st.floats(min_value=0, max_value=1e6), max_size=3))
def test_the_earliest_is_never_after_the_latest(
    waiting: int, sent: int, accepted: int, retries: list[float]
) -> None:
    flows = [flow(sent, accepted), flow(accepted, sent)]
    found = estimate(NOW, waiting, flows, [NOW + retry for retry in retries], 0.0)
    if found.earliest is not None:
        assert found.earliest >= max(NOW, found.not_before)
        assert found.latest is None or found.latest >= found.earliest
