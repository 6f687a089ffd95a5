import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.address.address_list import parse_address_list, rewrite_address_list
from spoolmta.address.rewrite import RewriteRules

RULES = RewriteRules(myorigin="example.com", mydomain="example.com")


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
        ('"a b"@c', ["a b@c"]),
        ("a . b @ c . d", ["a.b@c.d"]),
        ("<a@b", ["a@b"]),
        ("<a@b, c@d", ["a@b", "c@d"]),
        ("a@b>", ["a@b"]),
        ("<<a@b>>", ["a@b"]),
        ("A <a@b> B <c@d>", ["a@b", "c@d"]),
        ("user@[192.0.2.1]", ["user@[192.0.2.1]"]),
        ("", []),
        ("(only a comment)", []),
        ("name:", []),
        ("@r:a@b", ["@r:a@b"]),
        ("a@b\r\n\t, c@d", ["a@b", "c@d"]),
    ],
)
def test_the_addresses_of_a_list_are_found(text: str, addresses: list[str]) -> None:
    assert [address.internal for address in parse_address_list(text)] == addresses


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("joe", "joe@example.com"),
        (
            " joe, Jane <jane> (x),\r\n\tbob@x.org ",
            " joe@example.com, Jane <jane@example.com> (x),\r\n\tbob@x.org ",
        ),
        ("joe (Joe Doe)", "joe@example.com (Joe Doe)"),
        ("group: joe, a@b;", "group: joe@example.com, a@b;"),
        ('"a b"', '"a b"@example.com'),
        ("<@r:joe@x>", "<joe@x>"),
        ("joe(c)@x.", "joe@x (c)"),
        ("joe@x.org, <>", None),
        ("Joe Doe <joe@x.org>", None),
        ("", None),
    ],
)
def test_only_addresses_that_change_are_touched(text: str, rewritten: str | None) -> None:
    assert rewrite_address_list(text, RULES) == rewritten


def test_tokens_beyond_the_limit_are_not_read() -> None:
    assert len(parse_address_list("a@b," * 100, token_limit=40)) == 10


TEXTS = st.text() | st.text(alphabet='ab@<>,;:()[]"\\ .\r\n')


@given(TEXTS)
def test_any_list_can_be_read_and_rewritten(text: str) -> None:
    for address in parse_address_list(text):
        assert 0 <= address.start <= address.end <= len(text)
    rewritten = rewrite_address_list(text, RULES)
    assert rewritten is None or "\n" not in rewritten.replace(text, "") or "\n" in text


@pytest.mark.parametrize("part", ["<", ">", ",", ":", "a@b,", "<a@b>", "(", '"', "a:", "<@a:", ";"])
def test_a_long_list_is_read_in_linear_time(part: str) -> None:
    started = time.process_time()
    rewrite_address_list(part * (65536 // len(part)), RULES)
    assert time.process_time() - started < 3
