import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.errors import ConfigError
from spoolmta.maps import open_map
from spoolmta.maps.keys import KeyRules
from spoolmta.maps.text import Line, decode, encode, logical_lines, records, split_key_value


def test_lines_are_joined_and_comments_left_out() -> None:
    text = "# head\nkey value\n# inside\n\n   more\n\nnext  one  \n  \t# no\nlast x"
    assert list(logical_lines(text)) == [
        Line(2, "key value   more"),
        Line(7, "next  one"),
        Line(9, "last x"),
    ]


def test_a_continuation_of_nothing_is_left_out_and_told() -> None:
    told: list[str] = []
    text = "  key value\n# comment\n  more\nx y\n"
    assert list(logical_lines(text, "table", told.append)) == [Line(4, "x y")]
    assert told == ['table: logical line must not start with whitespace: "  key value  more"']


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ("key value", ("key", "value")),
        ("key\tvalue  here", ("key", "value  here")),
        ('"a b"@x.org  q', ('"a b"@x.org', "q")),
        ("a\\ b c", ("a\\ b", "c")),
        ("key", ("key", "")),
        ("", ("", "")),
    ],
)
def test_a_line_is_a_key_and_a_value(line: str, pair: tuple[str, str]) -> None:
    assert split_key_value(line) == pair


def test_a_quote_that_is_not_closed_is_an_error() -> None:
    with pytest.raises(ConfigError, match="unbalanced '\"' in '\"open key'"):
        split_key_value('"open key')


def test_texthash_keeps_the_first_of_two_keys(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("Key one\nkey two\nnovalue\n")
    table = open_map(f"texthash:{tmp_path}/t")
    assert asyncio.run(table.lookup("KEY")) == "one"
    assert asyncio.run(table.lookup("novalue")) is None


def test_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"key v\xe4lue\n")
    table = open_map(f"texthash:{tmp_path}/t", rules=KeyRules(utf8=False))
    value = asyncio.run(table.lookup("key"))
    assert encode(value or "") == b"v\xe4lue"


@given(st.binary())
def test_any_source_can_be_read(data: bytes) -> None:
    text = decode(data)
    assert encode(text) == data
    told: list[str] = []
    for record in records(logical_lines(text, "t", told.append), "t", told.append, utf8=True):
        assert record.key
        assert record.value
    assert all(line.startswith(("t, line ", "t: logical line")) for line in told)
