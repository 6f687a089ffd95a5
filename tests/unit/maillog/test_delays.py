import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.maillog import format_delay, format_delays


@pytest.mark.parametrize(
    ("delay", "text"),
    [
        (0, "0"), (0.004, "0"), (0.006, "0.01"), (0.01, "0.01"), (0.1, "0.1"), (0.123, "0.12"),
        (0.097, "0.1"), (0.999, "1"), (1, "1"), (1.04, "1"), (1.24, "1.2"), (9.94, "9.9"),
        (9.96, "10"), (12.3, "12"), (12.6, "13"), (123.4, "123"), (100000, "100000"),
    ],
)  # fmt: skip
def test_delays_have_two_significant_digits(delay: float, text: str) -> None:
    assert format_delay(delay) == text


@pytest.mark.parametrize(
    ("delay", "resolution", "text"),
    [
        (0.0123, 3, "0.012"), (0.00123, 3, "0.001"), (0.123, 6, "0.12"), (0.000123, 6, "0.00012"),
        (0.12, 1, "0.1"), (1.26, 0, "1"), (0.6, 0, "1"), (0.4, 0, "0"), (0.0000004, 6, "0"),
    ],
)  # fmt: skip
def test_small_delays_have_no_more_decimals_than_the_resolution(
    delay: float, resolution: int, text: str
) -> None:
    assert format_delay(delay, resolution) == text


def test_the_four_delays_stand_between_slashes() -> None:
    assert format_delays((0.1, 0, 0.52, 12.4)) == "0.1/0/0.52/12"


@given(st.floats(min_value=0, max_value=1e7), st.integers(min_value=0, max_value=6))
def test_a_delay_is_near_its_text(delay: float, resolution: int) -> None:
    text = format_delay(delay, resolution)
    assert len(text.partition(".")[2]) <= resolution
    assert not (("." in text) and text.endswith("0"))
    tolerance = max(0.5 * 10**-resolution, 0.0501 * delay if delay < 9.95 else 0.5)
    assert abs(float(text) - delay) <= tolerance + 1e-9
