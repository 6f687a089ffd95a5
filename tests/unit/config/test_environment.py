from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.config import catalogue
from spoolmta.config.environment import let_through
from spoolmta.errors import ConfigError

ENVIRONMENT = {"A": "1", "B": "2 3", "EMPTY": "", "TZ": "Europe/Berlin", "HOME": "/root"}


def through(value: str) -> dict[str, str]:
    return let_through("import_environment", value, ENVIRONMENT)


@pytest.mark.parametrize(
    ("value", "variables"),
    [
        ("", {}),
        ("A, B", {"A": "1", "B": "2 3"}),
        ("EMPTY NOPE", {"EMPTY": ""}),
        ("A=5,B=6", {"A": "5", "B": "6"}),
        ("A= B", {"A": "", "B": "2 3"}),
        ("{ A = 5, 6 } B", {"A": "5, 6", "B": "2 3"}),
        ("{ A }, { }", {"A": "1"}),
        ("A={b c}d e", {"A": "{b c}d"}),
        ("A={b c", {"A": "{b c"}),
        ("A=7 A", {"A": "1"}),
        ("A==x", {"A": "=x"}),
    ],
)
def test_a_list_names_variables_or_sets_them(value: str, variables: dict[str, str]) -> None:
    assert through(value) == variables


def test_the_default_lets_the_time_zone_through_and_sets_the_language() -> None:
    assert through(catalogue.known()["import_environment"]) == {
        "TZ": "Europe/Berlin",
        "LANG": "C",
    }


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("{ A=5", "import_environment: missing '}' in \"{ A=5\""),
        ("{ A=5 }x", "import_environment: syntax error after '}' in \"{ A=5 }x\""),
        ("=x", "import_environment: missing attribute name in: =x"),
        ("A = 5", "import_environment: missing attribute name in: ="),
    ],
)
def test_a_list_that_breaks_the_syntax_is_refused_in_postfix_s_words(
    value: str, complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        through(value)
    assert str(caught.value).startswith(complaint)


@given(st.text("AB={} ,\t\nx$\\é"))
def test_any_list_is_understood_or_refused(value: str) -> None:
    with suppress(ConfigError):
        assert "" not in through(value)
