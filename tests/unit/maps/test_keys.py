import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.maps.keys import Delimiter, quote, split_extension


@pytest.mark.parametrize(
    ("local", "delimiter", "parts"),
    [
        ("user+ext", "+", ("user", "ext")),
        ("user", "+", ("user", None)),
        ("user+", "+", ("user", "")),
        ("+ext", "+", ("+ext", None)),
        ("user-a+b", "+-", ("user", "a+b")),
        ("user+a", "", ("user+a", None)),
        ("mailer-daemon", "-", ("mailer-daemon", None)),
        ("MAILER-DAEMON", "-", ("MAILER-DAEMON", None)),
        ("double-bounce", "-", ("double-bounce", None)),
        ("owner-list", "-", ("owner-list", None)),
        ("list-request", "-", ("list-request", None)),
        ("-request", "-", ("-request", None)),
        ("owner+list", "+", ("owner", "list")),
    ],
)
def test_a_local_part_is_split_at_the_first_delimiter(
    local: str, delimiter: str, parts: tuple[str, str | None]
) -> None:
    assert split_extension(local, delimiter) == parts


def test_lists_are_split_if_owner_request_special_is_off() -> None:
    rule = Delimiter("-", owner_request_special=False)
    assert split_extension("list-request", rule) == ("list", "request")


@pytest.mark.parametrize(
    ("internal", "external"),
    [
        ("user@example.com", "user@example.com"),
        ("a b@example.com", '"a b"@example.com'),
        ("a@b@example.com", '"a@b"@example.com'),
        ("a.@example.com", '"a."@example.com'),
        ("a..b", '"a..b"'),
        ('a"b\\c@d', '"a\\"b\\\\c"@d'),
        ("@d", '""@d'),
        ("", '""'),
        ("@a,@b:user@d", "@a,@b:user@d"),
        ("ü@d", "ü@d"),
        ("a!b%c@d", "a!b%c@d"),
    ],
)
def test_only_what_is_no_dot_string_is_quoted(internal: str, external: str) -> None:
    assert quote(internal) == external


@given(st.text())
def test_quoting_touches_the_local_part_alone(address: str) -> None:
    _, at, domain = address.rpartition("@")
    assert quote(address).endswith(at + domain if at else "")
