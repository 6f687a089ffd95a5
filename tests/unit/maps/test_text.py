import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.maps import open_map
from spoolmta.maps.text import Line, decode, encode, logical_lines, split_key_value


def test_lines_are_joined_and_comments_left_out() -> None:
    text = "# head\nkey value\n# inside\n\n   more\n\nnext  one  \n  \t# no\nlast x"
    assert list(logical_lines(text)) == [
        Line(2, "key value   more"),
        Line(7, "next  one"),
        Line(9, "last x"),
    ]


def test_a_continuation_of_nothing_is_a_line_of_its_own() -> None:
    assert list(logical_lines("  key value\n  more\n")) == [Line(1, "key value  more")]


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        ("key value", ("key", "value")),
        ("key\tvalue  here ", ("key", "value  here")),
        ('"a b"@x.org  q', ('"a b"@x.org', "q")),
        ("a\\ b c", ("a\\ b", "c")),
        ("key", ("key", "")),
        ('"open key', ('"open key', "")),
        ("", ("", "")),
    ],
)
def test_a_line_is_a_key_and_a_value(line: str, pair: tuple[str, str]) -> None:
    assert split_key_value(line) == pair


def test_texthash_keeps_the_first_of_two_keys(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("Key one\nkey two\nnovalue\n")
    table = open_map(f"texthash:{tmp_path}/t")
    assert asyncio.run(table.lookup("KEY")) == "one"
    assert asyncio.run(table.lookup("novalue")) is None


def test_bytes_that_are_no_utf8_survive(tmp_path: Path) -> None:
    (tmp_path / "t").write_bytes(b"key v\xe4lue\n")
    value = asyncio.run(open_map(f"texthash:{tmp_path}/t").lookup("key"))
    assert encode(value or "") == b"v\xe4lue"


@given(st.binary())
def test_any_source_can_be_read(data: bytes) -> None:
    text = decode(data)
    assert encode(text) == data
    for line in logical_lines(text):
        key, value = split_key_value(line.text)
        assert len(key) + len(value) <= len(line.text)
