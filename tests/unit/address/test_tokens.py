import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoolmta.address.tokens import (
    ATOM,
    COMMENT,
    LITERAL,
    QUOTED,
    Token,
    external,
    find,
    find_last,
    internal,
    scan,
    written,
)
from tests.support.hostile_texts import HOSTILE, HOSTILE_TEXTS, milliseconds


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("a.b@c", [(ATOM, "a"), (".", "."), (ATOM, "b"), ("@", "@"), (ATOM, "c")]),
        ('"a \\"b" c', [(QUOTED, 'a "b'), (ATOM, "c")]),
        ("(a (b) c) d", [(COMMENT, "(a (b) c)"), (ATOM, "d")]),
        ("[1.2.3.4]", [(LITERAL, "[1.2.3.4]")]),
        ("a\\@b", [(QUOTED, "a@b")]),
        ("a\\b", [(ATOM, "ab")]),
        ("a\x01", [(QUOTED, "a\x01")]),
        ("a\xa0b", [(ATOM, "a\xa0b")]),
        ("[a\\]b]", [(LITERAL, "[a]b]")]),
        ("(two\r\n\tlines)", [(COMMENT, "(two \tlines)")]),
        ('"tab\t"', [(QUOTED, "tab ")]),
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
    assert [token.text for token in scan("a b c d", 2)] == ["a", "b"]


def test_an_address_is_quoted_in_external_form_where_it_need_be() -> None:
    assert external(scan('"a b"@c')) == '"a b"@c'
    assert external(scan('"ab"@c')) == "ab@c"


@given(st.text() | st.text(alphabet='ab@<>,;:()[]"\\ .!%\x01'))
def test_a_written_token_is_scanned_as_itself(text: str) -> None:
    for token in scan(text):
        if token.kind != COMMENT and "]" not in token.text[1:-1]:
            again = scan(written(token))
            assert again == [token] or not token.text


@pytest.mark.alone
@pytest.mark.parametrize("text", HOSTILE)
def test_64_kilobytes_are_scanned_at_once(text: str) -> None:
    assert milliseconds(lambda: scan(text), 50) < 50


@pytest.mark.alone
@settings(max_examples=15, deadline=None)
@given(HOSTILE_TEXTS)
def test_whatever_is_repeated_is_scanned_at_once(text: str) -> None:
    assert milliseconds(lambda: external(scan(text)), 50) < 50


@given(st.text(alphabet='a()\\" \r\n', max_size=30))
def test_comments_end_where_their_brackets_do(text: str) -> None:
    tokens = scan("(" + text)
    assert tokens[0].kind == COMMENT
    depth, at = 1, 0
    while at < len(text) and depth:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 2 if text[at] == "\\" else 1
    assert tokens[0].text == "(" + re.sub("\r?\n", " ", text[:at])
    assert tokens[1:] == scan(text[at:])
