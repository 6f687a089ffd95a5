"""A frame of the live screen, as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.cli.questions.frame import SORTS, Look, frame, ordered
from spoolmta.cli.questions.overview import BUCKETS, Overview, Shape, bucket
from spoolmta.spool.questions.gauges import Aged, Rates
from spoolmta.spool.questions.inspect import StateSummary

NOW = 1_800_000_000.0


def overview(*waiting: tuple[str, float, str], part: float = 1.0) -> Overview:
    """Return an overview of recipients given as (domain, age in minutes, reason)."""
    shape = Shape(part=part)
    shape.add([Aged(NOW - 60 * age, f"b@{name}", "4.2.1", why) for name, age, why in waiting], NOW)
    states = [StateSummary("active", 3, NOW - 60), StateSummary("deferred", 1234567, NOW - 7200)]
    rates = Rates(30.0, {"accepted": 60, "sent": 45})
    return Overview(NOW, states, rates, shape, {"dead.example": NOW + 300}, {"busy.example": 4})


@pytest.mark.parametrize(
    ("minutes", "column"), [(0, 0), (4.9, 0), (5, 1), (79, 4), (80, 5), (1279, 8), (99999, 9)]
)
def test_ages_stand_in_the_columns_of_qshape(minutes: float, column: int) -> None:
    assert bucket(minutes * 60) == column


def test_states_and_rates_are_on_top() -> None:
    lines = frame(overview(), "title", Look())
    assert lines[0].startswith("title  ")
    assert lines[1] == "active 3 (1m)  deferred 1,234,567 (2h)"
    assert lines[2] == "in 2.0/s  sent 1.5/s  put off 0.0/s  bounced 0.0/s  (last 30s)"


def test_each_destination_has_its_ages_and_what_is_known_of_it() -> None:
    told = overview(("dead.example", 3, ""), ("dead.example", 2000, ""), ("busy.example", 6, ""))
    lines = frame(told, "", Look())
    assert lines[4].split()[:3] == ["WAITING", "FOR,", "BY"]
    assert lines[5].split() == ["dead.example", "2", "1", *"........", "1", "dead", "for", "5m"]
    assert lines[6].split() == ["busy.example", "1", ".", "1", *"........", "4", "under", "way"]


def test_a_part_of_a_look_says_so() -> None:
    assert frame(overview(part=0.25), "", Look(200))[4].endswith("(25% of the queue looked at)")


def test_destinations_are_sorted_by_number_by_age_or_by_name() -> None:
    told = overview(("b.example", 1, ""), ("b.example", 1, ""), ("c.example", 2000, ""),
                    ("a.example", 10, ""))  # fmt: skip
    names = [[row.name[0] for row in ordered(told, sort)] for sort in SORTS]
    assert names == [["b", "a", "c"], ["c", "a", "b"], ["a", "b", "c"]]


def test_reasons_are_counted_by_what_they_have_in_common() -> None:
    told = overview(("a.example", 1, "mailbox 1 is busy"), ("a.example", 1, "mailbox 22 is busy"))
    assert frame(told, "", Look())[-1].split(maxsplit=2) == ["2", "4.2.1", "mailbox <n> is busy"]


def test_the_more_the_redder() -> None:
    told = overview(*[("a.example", 1, "")] * 9, ("b.example", 1, ""))
    rows = frame(told, "", Look(colours=True))[5:7]
    assert "48;5;196m     9\033[0m" in rows[0]
    assert "48;5;230m     1\033[0m" in rows[1]


def test_what_a_stranger_sent_does_not_reach_the_terminal() -> None:
    told = overview(("evil\033[2J.example", 1, "x\033]0;y\007"))
    assert all(line.isprintable() for line in frame(told, "", Look()))


@given(st.integers(10, 60), st.integers(0, 200), st.integers(0, 40))
def test_a_frame_fits_its_terminal(height: int, domains: int, reasons: int) -> None:
    waiting = [(f"d{n}.example", 7.0, "word " * (n % max(1, reasons))) for n in range(domains)]
    lines = frame(overview(*waiting), "title", Look(80, height))
    assert len(lines) <= height
    assert all(len(line) <= 80 for line in lines)


def test_there_is_a_column_for_each_age_and_one_more() -> None:
    assert len(ordered(overview(("a.example", 1, "")), "name")[0].ages) == len(BUCKETS) + 1
