import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoolmta.address.address_list import (
    ListedAddress,
    format_list_items,
    parse_address_list,
    parse_list_items,
    read_address,
)
from spoolmta.address.quoting import quote
from tests.support.hostile_texts import HOSTILE, HOSTILE_TEXTS, milliseconds


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a@b", ["a@b"]),
        ("a@b, c@d", ["a@b", "c@d"]),
        ("Jane Doe <jane@x.org>, joe", ["jane@x.org", "joe"]),
        ('"Doe, Jane" <jane@x.org>', ["jane@x.org"]),
        ("jane@x.org (Jane, (the) Doe)", ["jane@x.org"]),
        ("friends: a@b, c <d@e>;, f@g", ["a@b", "d@e", "f@g"]),
        ("undisclosed-recipients:;", []),
        ("<@a,@b:user@d>", ["@a, @b:user@d"]),
        ("<>", [""]),
        ("a@b,,c@d,", ["a@b", "c@d"]),
        ("a@b; c@d", ["a@b", "c@d"]),
        ("a b", ["a", "b"]),
        ("a@b c@d", ["a@b", "c@d"]),
        ("a <b> c", ["b", "c"]),
        ('"a b"@c', ["a b@c"]),
        ("a . b @ c . d", ["a.b@c.d"]),
        ("<a@b", ["<a@b"]),
        ("<a@b, c@d", ["<a@b", "c@d"]),
        ("a@b>", ["a@b"]),
        ("<<a@b>>", ["a@b>"]),
        ("A <a@b> B <c@d>", ["a@b", "c@d"]),
        ("user@[192.0.2.1]", ["user@[192.0.2.1]"]),
        ("", []),
        ("(only a comment)", []),
        ("<(only a comment)>", []),
        (">", []),
        ("name:", ["name:"]),
        ("name:;", []),
        ("a: b: c;", ["c"]),
        ("a, b: c;", ["a", "c"]),
        ("@r:a@b", ["@r:a@b"]),
        ("a@b\r\n\t, c@d", ["a@b", "c@d"]),
    ],
)
def test_the_addresses_of_a_list_are_found(text: str, addresses: list[str]) -> None:
    assert [address.internal for address in parse_address_list(text)] == addresses


def formatted(text: str, width: int = 0) -> str:
    return format_list_items(parse_list_items(text), width=width)


# As Postfix 3.7 writes lists back.
@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a,b,c@d", "a, b, c@d"),
        ("a b", "a, b"),
        ("A  B\t<c@d>", "A B <c@d>"),
        ("Joe<a@b>", "Joe <a@b>"),
        ("<a@b>(c)", "<a@b>(c)"),
        ("(x) a (y) @ (z) b", "a@b (x) (y) (z)"),
        ("<(x)a>", "<a (x)>"),
        ("g:a,b;", "g: a, b;"),
        ("g:;", "g: ;"),
        ("a:b", '"a:b"'),
        ("a;b", "a;, b"),
        (",a,", ", a, "),
        ('"a"@b, "a b"@c', 'a@b, "a b"@c'),
        ("joe.@x", '"joe."@x'),
        ("<>", "<>"),
        ("a <b", '"a <b"'),
        ("> a", ">, a"),
        ("J. Q. Doe <a@b>", "J.Q.Doe <a@b>"),
        ("[x] <a@b>", "[x] <a@b>"),
    ],
)
def test_a_list_is_written_in_one_form(text: str, written: str) -> None:
    assert formatted(text) == written


def test_a_list_is_folded_where_a_line_is_full() -> None:
    assert formatted("a@b," * 20, width=4) == (
        ", ".join(["a@b"] * 13) + ",\r\n\t" + ", ".join(["a@b"] * 7) + ", "
    )


def test_nobody_is_written_with_quotes() -> None:
    assert format_list_items([read_address("")]) == '""'


def test_tokens_beyond_the_limit_are_not_read() -> None:
    assert len(parse_address_list("a@b," * 100, token_limit=40)) == 10


TEXTS = st.text() | st.text(alphabet='ab@<>,;:()[]"\\ .\r\n')
LOCALS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1)
LABELS = st.text(string.ascii_lowercase, min_size=1, max_size=9)
DOMAINS = st.lists(LABELS, min_size=1, max_size=4).map(".".join)


@given(st.lists(st.tuples(LOCALS, DOMAINS), min_size=1))
def test_reading_undoes_writing(addresses: list[tuple[str, str]]) -> None:
    wanted = [f"{local}@{domain}" for local, domain in addresses]
    text = ", ".join(quote(address) for address in wanted)
    for written in (text, formatted(text)):
        read = [address.internal for address in parse_address_list(written)]
        assert [spaced(address) for address in read] == [spaced(address) for address in wanted]


def spaced(address: str) -> str:
    """White space is one blank, as it is in a quoted string."""
    return re.sub(r"[\t\v\f]", " ", address)


@given(TEXTS)
def test_any_list_can_be_read_and_written(text: str) -> None:
    items = parse_list_items(text)
    assert "\n" not in format_list_items(items).replace("\r\n\t", "")
    assert all(item for item in items if not isinstance(item, ListedAddress))


WORDS = st.text(string.ascii_letters, min_size=1, max_size=9)
NAMED = st.builds('"{}, {}" <{}@{}>'.format, WORDS, WORDS, WORDS, DOMAINS)
REMARKED = st.builds("{}@{} ({} ({}))".format, WORDS, DOMAINS, WORDS, WORDS)
ENTRIES = st.lists(
    NAMED | REMARKED | st.builds("{} {} <{}@{}>".format, WORDS, WORDS, WORDS, DOMAINS)
)


@given(st.lists(st.tuples(WORDS, ENTRIES, ENTRIES)))
def test_writing_undoes_reading(parts: list[tuple[str, list[str], list[str]]]) -> None:
    """Names, comments and groups stay, too, where a list is written as most are."""
    entries = [
        entry
        for title, group, others in parts
        for entry in (f"{title}: {', '.join(group)};", *others)
    ]
    text = ", ".join(entries)
    assert re.sub(r",\r\n\t", ", ", formatted(text)) == text


@pytest.mark.alone
@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_of_64_kilobytes_in_a_table_is_read_at_once(text: str) -> None:
    """No limit of tokens holds there: up to 22,000 addresses."""
    assert milliseconds(lambda: parse_address_list(text), 50) < 50


@pytest.mark.alone
@pytest.mark.parametrize("text", HOSTILE)
def test_a_header_of_64_kilobytes_is_read_and_written_at_once(text: str) -> None:
    assert milliseconds(lambda: written(text), 50) < 50


@pytest.mark.alone
@settings(max_examples=15, deadline=None)
@given(HOSTILE_TEXTS)
def test_whatever_is_repeated_is_read_and_written_at_once(text: str) -> None:
    assert milliseconds(lambda: written(text), 50) < 50


def written(text: str) -> str:
    return format_list_items(parse_list_items(text, token_limit=10240))
