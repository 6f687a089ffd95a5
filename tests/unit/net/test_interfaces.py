"""The addresses of this machine."""

import socket

import pytest

from spoolmta.errors import ConfigError
from spoolmta.net.interfaces import (
    enabled_families,
    machine_networks,
    own_addresses,
    proxy_addresses,
)
from spoolmta.net.network import parse_address

BOTH = (socket.AF_INET, socket.AF_INET6)


@pytest.mark.parametrize(
    ("text", "families"),
    [
        ("all", BOTH),
        ("ipv4", (socket.AF_INET,)),
        ("ipv6, ipv4", BOTH),
        ("IPv6", (socket.AF_INET6,)),
        ("", ()),
    ],
)
def test_inet_protocols_names_families(text: str, families: tuple[int, ...]) -> None:
    assert enabled_families(text) == families


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(ConfigError):
        enabled_families("ipv5")


def test_the_loopback_address_is_ours_and_in_its_network() -> None:
    networks = {str(address): str(network) for address, network in machine_networks()}
    assert networks["127.0.0.1"] == "127.0.0.0/8"


def test_all_and_loopback_only() -> None:
    loopback = own_addresses("loopback-only", BOTH)
    assert parse_address("127.0.0.1") in loopback
    assert all(address.is_loopback for address in loopback)
    assert loopback <= own_addresses("all", BOTH)


def test_addresses_and_names_may_be_listed() -> None:
    own = own_addresses("192.0.2.7, localhost", (socket.AF_INET,))
    assert {str(address) for address in own} == {"192.0.2.7", "127.0.0.1"}
    assert {str(address) for address in proxy_addresses("203.0.113.5")} == {"203.0.113.5"}


def test_an_interface_that_is_not_found_is_refused() -> None:
    with pytest.raises(ConfigError):
        own_addresses("no such host", BOTH)
