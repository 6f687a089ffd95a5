import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.config.loader import from_text
from spoolmta.config.parameter import Section, choice, number, parse_seconds, seconds, text, yes_no
from spoolmta.errors import ConfigError


class Sample(Section):
    sample_text: str = text("$other_text/x")
    other_text: str = text("o", empty_allowed=False)
    sample_number: int = number("7", min=1, max=10)
    sample_time: float = seconds("2h", unit="h", min=1)
    sample_flag: bool = yes_no("no")
    sample_choice: str = choice("one", ("one", "two"))
    odd_name: str = text("odd", name="2sample")


class Heir(Sample):
    heir_number: int = number("$sample_number")


def test_defaults_are_typed_and_may_refer_to_others() -> None:
    sample = from_text("other_text = p").section(Sample)
    assert sample.sample_text == "p/x"
    assert (sample.sample_number, sample.sample_time) == (7, 7200.0)
    assert (sample.sample_flag, sample.sample_choice, sample.odd_name) == (False, "one", "odd")


def test_values_of_main_cf_are_typed() -> None:
    sample = from_text(
        "sample_number = 10\nsample_time = 1d\nsample_flag = YES\nsample_choice = Two\n2sample = x"
    ).section(Sample)
    assert (sample.sample_number, sample.sample_time) == (10, 86400.0)
    assert (sample.sample_flag, sample.sample_choice, sample.odd_name) == (True, "two", "x")


def test_a_section_has_the_parameters_of_the_one_it_inherits() -> None:
    heir = from_text("sample_number = 3").section(Heir)
    assert (heir.heir_number, heir.sample_number) == (3, 3)
    assert next(iter(Heir.parameters)) == "sample_text"


def test_a_section_is_frozen() -> None:
    sample = from_text("").section(Sample)
    with pytest.raises(AttributeError, match="Sample is frozen: sample_number"):
        sample.sample_number = 3


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (
            "sample_number = x",
            "bad numerical configuration: sample_number = x (expected a number from 1 to 10)",
        ),
        ("sample_number =", "bad numerical configuration: sample_number = "),
        ("sample_number = 1e3", "bad numerical configuration: sample_number = 1e3"),
        ("sample_number = 0", "invalid sample_number parameter value 0 < 1"),
        ("sample_number = 11", "invalid sample_number parameter value 11 > 10"),
        ("sample_number = -1", "invalid sample_number parameter value -1 < 1"),
        ("sample_time = 1y", "parameter sample_time: bad time value or unit: 1y (expected"),
        ("sample_time = 1 m", "parameter sample_time: bad time value or unit: 1 m"),
        ("sample_time = 10M", "parameter sample_time: bad time value or unit: 10M"),
        ("sample_time = 99999999999s", "parameter sample_time: bad time value or unit: 999"),
        ("sample_time = 0", "invalid sample_time: 0 (min 1)"),
        ("sample_flag = 1", "bad boolean configuration: sample_flag = 1 (expected yes or no)"),
        ("sample_choice = 3", "unknown sample_choice value: 3 (expected one of: one, two)"),
        ("other_text =", "bad string length 0 < 1: other_text ="),
    ],
)
def test_a_value_out_of_range_is_told_with_its_place(line: str, complaint: str) -> None:
    configuration = from_text("# comment\n" + line)
    with pytest.raises(ConfigError) as caught:
        configuration.section(Sample)
    assert str(caught.value).startswith("main.cf, line 2: " + complaint)


def test_a_bad_override_is_told_as_one() -> None:
    with pytest.raises(ConfigError, match=r"^master\.cf, -o sample_flag=x: bad boolean"):
        from_text("").section(Sample, {"sample_flag": "x"})


@pytest.mark.parametrize(
    ("content", "value"),
    [("0", 0), ("10", 10), ("10s", 10), ("2m", 120), ("1h", 3600), ("1d", 86400), ("1w", 604800)],
)
def test_times_are_seconds(content: str, value: float) -> None:
    assert parse_seconds(content) == value


@given(st.text(max_size=8))
def test_any_text_is_a_time_or_none(content: str) -> None:
    value = parse_seconds(content)
    assert value is None or value >= 0
