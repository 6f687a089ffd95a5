"""Addresses, as mail writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.net.network import parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("[IPv6:2001:db8::1]", "2001:db8::1"),
        ("ipv6:::1", "::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_an_address_in_any_notation(text: str, address: str) -> None:
    assert str(parse_address(text)) == address


@pytest.mark.parametrize("text", ["", "mx.example", "192.0.2", "[192.0.2.1", "1.2.3.4.5"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert parse_address(text) is None


@given(st.ip_addresses())
def test_every_address_is_read_back(address: object) -> None:
    parsed = parse_address(str(address))
    assert parsed == address or getattr(address, "ipv4_mapped", None) == parsed
