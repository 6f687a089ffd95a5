import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.address.tokens import (
    ATOM,
    COMMENT,
    LITERAL,
    QUOTED,
    Token,
    find,
    find_last,
    internal,
    scan,
    scan_spans,
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a.b@c", [(ATOM, "a"), (".", "."), (ATOM, "b"), ("@", "@"), (ATOM, "c")]),
        ('"a \\"b" c', [(QUOTED, 'a "b'), (ATOM, "c")]),
        ("(a (b) c) d", [(COMMENT, "(a (b) c)"), (ATOM, "d")]),
        ("[1.2.3.4]", [(LITERAL, "[1.2.3.4]")]),
        ("a\\@b", [(ATOM, "a@b")]),
        ('"open', [(QUOTED, "open")]),
        ("[open", [(LITERAL, "[open]")]),
        ("(open", [(COMMENT, "(open")]),
        ("\\", [(ATOM, "")]),
        ("a\\", [(ATOM, "a")]),
        (" \t\r\n", []),
        ('"two\r\n lines"', [(QUOTED, "two  lines")]),
    ],
)
def test_text_becomes_tokens(text: str, tokens: list[tuple[str, str]]) -> None:
    assert scan(text) == [Token(*token) for token in tokens]


@pytest.mark.parametrize(
    ("text", "spelt"),
    [
        ("a b@c", "a b@c"),
        ("a . b @ c", "a.b@c"),
        ("a,b", "a, b"),
        ("a(c)@b", "a (c)@b"),
        ("a<b>", "a <b>"),
        ('"a b"@c', "a b@c"),
    ],
)
def test_tokens_are_spelt_in_internal_form(text: str, spelt: str) -> None:
    assert internal(scan(text)) == spelt


def test_tokens_are_found_by_their_kind() -> None:
    tokens = scan('a@b@"@"')
    assert (find(tokens, "@"), find_last(tokens, "@"), find(tokens, "!")) == (1, 3, -1)


def test_no_more_tokens_are_read_than_wanted() -> None:
    assert [span.token.text for span in scan_spans("a b c d", 2)] == ["a", "b"]


@given(st.text() | st.text(alphabet='ab@<>,;:()[]"\\ .!%'))
def test_spans_are_in_order_and_within_the_text(text: str) -> None:
    at = 0
    for span in scan_spans(text):
        assert at <= span.start < span.end <= len(text)
        at = span.end


@pytest.mark.parametrize("part", ["(", '"', "\\", "[", "<", "a@", ",", "((a)", '"\\', " \r\n"])
def test_a_long_text_is_read_in_linear_time(part: str) -> None:
    started = time.process_time()
    scan(part * (65536 // len(part)))
    assert time.process_time() - started < 2
