import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.config.main_cf import logical_lines, parse_main, read_text
from spoolmta.errors import ConfigError


def test_a_value_goes_on_in_lines_that_start_with_space() -> None:
    assert parse_main("a = 1\n   2\n\t3\nb = x\n", "main.cf").values == {"a": "1   2\t3", "b": "x"}


def test_comments_and_empty_lines_do_not_end_a_value() -> None:
    text = "a =\n# one\n   1,\n\n  # two\n   \n   2\n#three\n"
    assert parse_main(text, "main.cf").values == {"a": "1,   2"}


def test_there_is_no_comment_behind_a_value() -> None:
    assert parse_main("a = 1 # one", "main.cf").values == {"a": "1 # one"}


def test_space_around_name_and_value_is_dropped() -> None:
    assert parse_main("a=1\nb\t=  2  \nc =\nd = 3\r\n", "main.cf").values == {
        "a": "1", "b": "2", "c": "", "d": "3",
    }  # fmt: skip


def test_the_last_definition_wins_with_a_warning() -> None:
    main = parse_main("a = 1\nb = 2\na = 3\n", "/etc/x/main.cf")
    assert main.values["a"] == "3"
    assert main.lines == {"a": 3, "b": 2}
    assert main.warnings == ("/etc/x/main.cf, line 3: overriding earlier entry: a=1",)


def test_a_first_line_that_starts_with_space_is_ignored_with_a_warning() -> None:
    main = parse_main("  a = 1\nb = 2\n", "main.cf")
    assert main.values == {"b": "2"}
    assert main.warnings == (
        'main.cf: logical line must not start with whitespace: "  a = 1" (line 1 is ignored)',
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# one\n\nfoo\n", "main.cf, line 3: missing '=' after attribute name: \"foo\""),
        ("a b = c", "main.cf, line 1: missing '=' after attribute name: \"a b = c\""),
        ("= c", 'main.cf, line 1: missing attribute name: "= c"'),
    ],
)
def test_errors_name_file_and_line_and_what_was_expected(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_main(text, "main.cf")
    assert str(caught.value) == complaint


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^open .*main\.cf: No such file or directory$"):
        read_text(tmp_path / "main.cf")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_bytes(b"a = 1\nb = \0\n")
    with pytest.raises(ConfigError, match=r"main\.cf, line 2: null byte found"):
        read_text(tmp_path / "main.cf")


def test_bytes_that_are_not_utf8_survive(tmp_path: Path) -> None:
    (tmp_path / "main.cf").write_bytes(b"a = \xff\n")
    values = parse_main(read_text(tmp_path / "main.cf"), "main.cf").values
    assert values["a"].encode("utf-8", "surrogateescape") == b"\xff"


@given(st.text(alphabet="ab =#\t\n\r$", max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse_main(text, "main.cf")
    for line in logical_lines(text):
        assert 1 <= line.number <= text.count("\n") + 1
