"""The forms of concurrency feedback, as Postfix reads them."""

import pytest

from spoolmta.scheduler.feedback import ConcurrencyFeedback, parse_feedback


@pytest.mark.parametrize(
    ("text", "at_eight"),
    [
        ("1", 1.0),
        ("0", 0.0),
        ("0.3", 0.3),
        ("1/3", 1 / 3),
        ("1 / 4", 0.25),
        ("1/concurrency", 0.125),
        (" 0.5 / concurrency ", 0.0625),
    ],
)
def test_feedback_is_a_number_or_a_share_of_the_window(text: str, at_eight: float) -> None:
    found = parse_feedback(text)
    assert found is not None
    assert found.at(8) == pytest.approx(at_eight)


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", "1.5", "1/0", "1/-2", "2/concurrency", "1/sqrt_concurrency", "1/", "nan"],
)
def test_feedback_that_is_malformed_or_unreasonable_is_none(text: str) -> None:
    assert parse_feedback(text) is None


def test_a_share_of_the_window_adds_up_to_one_over_the_whole_window() -> None:
    feedback = ConcurrencyFeedback(1.0, shared=True)
    assert sum(feedback.at(7) for _ in range(7)) == pytest.approx(1.0)
