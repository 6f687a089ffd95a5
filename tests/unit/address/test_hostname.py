import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.address.hostname import is_ascii_in_dns, is_hostname, literal_address


@pytest.mark.parametrize(
    "name", ["a", "example.com", "a-b.c", "b_c", "_x", "1.2.3.x", "a" * 63, "münchen.de", "xn--a"]
)
def test_names_that_may_be_hosts(name: str) -> None:
    assert is_hostname(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "a.", ".a", "a..b", "-a", "a-", "1.2.3.4", "12", "a b", "a@b", "a" * 64),
        *("a\n", "ab." * 100, "ü..a", "a!ü", "-ü", "ü\udc80", "[a]"),
    ],
)
def test_names_that_may_not(name: str) -> None:
    assert not is_hostname(name)


@pytest.mark.parametrize(
    ("domain", "address"),
    [
        ("[192.0.2.1]", "192.0.2.1"),
        ("[IPv6:2001:db8::1]", "2001:db8::1"),
        ("[ipv6:::1]", "::1"),
        ("[::1]", None),
        ("[IPv6:192.0.2.1]", None),
        ("[300.1.1.1]", None),
        ("[]", None),
        ("192.0.2.1", None),
        ("", None),
    ],
)
def test_literals_are_addresses_in_the_notation_of_smtp(domain: str, address: str | None) -> None:
    found = literal_address(domain)
    assert (None if found is None else str(found)) == address


@given(st.text())
def test_any_text_is_decided(name: str) -> None:
    assert is_hostname(name) in (True, False)
    literal_address(name)


def test_a_label_that_looks_encoded_is_none_if_it_is_not() -> None:
    assert not is_hostname("xn--\u00fc.example")


def test_some_names_are_ascii_however_they_are_written() -> None:
    written = ("stra\u00dfe.example", "\ufb00.example", "b\u00fccher.example", "\u00ad.example")
    assert [is_ascii_in_dns(name) for name in written] == [True, True, False, False]
