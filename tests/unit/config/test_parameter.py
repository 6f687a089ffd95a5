from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.config.loader import from_text
from spoolmta.config.parameter import Section, choice, number, parse_seconds, seconds, text, yes_no
from spoolmta.config.parameters import sections
from spoolmta.errors import ConfigError


class Sample(Section):
    sample_text: str = text("$other_text/x")
    other_text: str = text("o", empty_allowed=False)
    sample_number: int = number("7", min=1, max=10)
    sample_time: float = seconds("2h", unit="h", min=1, max=1209600)
    sample_limit: int = number("0")
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
        ("sample_time = soon", "parameter sample_time: bad time value or unit: soon"),
        ("sample_time = 1y", "parameter sample_time: bad time value or unit: 1y (expected"),
        ("sample_time = 1 m", "parameter sample_time: bad time value or unit: 1 m"),
        ("sample_time = 10M", "parameter sample_time: bad time value or unit: 10M"),
        ("sample_time = 99999999999s", "parameter sample_time: bad time value or unit: 999"),
        ("sample_time = 0", "invalid sample_time: 0 (min 1)"),
        ("sample_flag = 1", "bad boolean configuration: sample_flag = 1 (expected yes or no)"),
        ("sample_time = 3w", "invalid sample_time: 1814400 (max 1209600)"),
        ("sample_choice = 3", 'invalid setting: "sample_choice = 3" (expected one of: one, two)'),
        ("sample_choice =", "bad string length 0 < 1: sample_choice = (expected a value)"),
        ("other_text =", "bad string length 0 < 1: other_text ="),
    ],
)
def test_a_value_out_of_range_is_told_with_its_place(line: str, complaint: str) -> None:
    configuration = from_text("# comment\n" + line)
    with pytest.raises(ConfigError) as caught:
        configuration.section(Sample)
    assert str(caught.value).startswith("main.cf, line 2: " + complaint)


@pytest.mark.parametrize(
    ("text_", "value"),
    [("5min", 300), ("1h30m", 3600), ("+7s", 7), ("010", 36000), ("1d2", 86400), (" 2", 7200)],
)
def test_a_time_is_read_as_far_as_its_unit(text_: str, value: float) -> None:
    assert from_text(f"sample_time = ${{none:{text_}}}").section(Sample).sample_time == value


@pytest.mark.parametrize("value", ["-1", "-2147483648", "0", "+0"])
def test_less_than_zero_means_zero_where_zero_is_the_smallest(value: str) -> None:
    assert from_text(f"sample_limit = {value}").section(Sample).sample_limit == 0


def test_a_number_that_c_has_no_room_for_is_none() -> None:
    for value in ("2147483648", "-2147483649", "9" * 5000):
        with pytest.raises(ConfigError, match="bad numerical configuration: sample_limit = "):
            _ = from_text(f"sample_limit = {value}").section(Sample)


def test_a_bad_override_is_told_as_one() -> None:
    with pytest.raises(ConfigError, match=r"^master\.cf, -o sample_flag=x: bad boolean"):
        from_text("").section(Sample, {"sample_flag": "x"})


@pytest.mark.parametrize(
    ("content", "value"),
    [("0", 0), ("10", 10), ("10s", 10), ("2m", 120), ("1h", 3600), ("1d", 86400), ("1w", 604800)],
)
def test_times_are_seconds(content: str, value: float) -> None:
    assert parse_seconds(content) == value


TYPED = [(section, p.name) for section in sections() for p in section.parameters.values()]
TEXTS = st.one_of(
    st.text(max_size=12),
    st.text("0123456789+- smhdwyesno$}{.", max_size=12),
    st.integers().map(str),
    st.builds("{}{}".format, st.integers(), st.sampled_from("smhdwx")),
)


@given(st.sampled_from(TYPED), TEXTS)
def test_whatever_a_parameter_is_set_to_its_section_is_made_or_refused(
    typed: tuple[type[Section], str], value: str
) -> None:
    section, name = typed
    with suppress(ConfigError):
        from_text("").with_settings({name: value}).section(section)


@given(st.text(max_size=8))
def test_any_text_is_a_time_or_none(content: str) -> None:
    value = parse_seconds(content)
    assert value is None or value >= 0
