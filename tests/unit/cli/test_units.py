"""Numbers as people read and write them."""

import pytest

from spoolmta.cli.units import format_age, format_size, parse_age, plural
from spoolmta.errors import UsageError


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-5, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (65, "1m 5s"),
        (3600, "1h"),
        (7320, "2h 2m"),
        (86400 * 3 + 4 * 3600 + 59, "3d 4h"),
    ],
)
def test_an_age_has_two_units_at_most(seconds: float, text: str) -> None:
    assert format_age(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 kB"),
        (150 * 1024, "150 kB"),
        (10_240_000, "9.8 MB"),
        (3 * 1024**4, "3.0 TB"),
        (5000 * 1024**4, "5000 TB"),
    ],
)
def test_a_size_is_short(count: int, text: str) -> None:
    assert format_size(count) == text


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("5m", 300), ("2h", 7200), ("1w", 604800)]
)
def test_an_age_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_age(text) == seconds


@pytest.mark.parametrize("text", ["", "h", "2 h", "-1h", "1y", "\u0661h"])
def test_what_is_no_age_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="an age is a number"):
        parse_age(text)


def test_one_is_no_plural() -> None:
    assert [plural(1, "message"), plural(2, "message")] == ["1 message", "2 messages"]
