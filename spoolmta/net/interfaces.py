"""The addresses of this machine: which of them receive mail, and the networks they are in.

Postfix:    postconf(5) inet_interfaces, proxy_interfaces, mynetworks_style
Parameters: inet_interfaces, proxy_interfaces, inet_protocols (their texts are handed in)
Limits:     host names in inet_interfaces are looked up with the system's resolver when a process
            starts, and the list stays as it is until the process ends
"""

import ipaddress
import socket

import psutil

from spoolmta.errors import ConfigError
from spoolmta.net.network import Address, Network, parse_address

_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}


def enabled_families(inet_protocols: str) -> tuple[socket.AddressFamily, ...]:
    """Return the address families that inet_protocols allows, IPv4 first.

    Raises ConfigError: a word is none of all, ipv4, ipv6.
    """
    words = inet_protocols.replace(",", " ").lower().split()
    for word in words:
        if word != "all" and word not in _FAMILIES:
            raise ConfigError(f'bad inet_protocols value "{word}": expected all, ipv4 or ipv6')
    return tuple(family for word, family in _FAMILIES.items() if "all" in words or word in words)


def machine_networks() -> tuple[tuple[Address, Network], ...]:
    """Return each address of an interface of this machine with the network around it."""
    found = []
    for addresses in psutil.net_if_addrs().values():
        for entry in addresses:
            if entry.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            address = ipaddress.ip_address(entry.address.partition("%")[0])
            found.append((address, _network(address, entry.netmask)))
    return tuple(found)


def own_addresses(
    inet_interfaces: str, families: tuple[socket.AddressFamily, ...]
) -> frozenset[Address]:
    """Return the addresses on which this mail system receives mail.

    Raises ConfigError: a host name in inet_interfaces has no address.
    """
    addresses: set[Address] = set()
    for word in inet_interfaces.replace(",", " ").split():
        if word == "all":
            addresses.update(address for address, _ in machine_networks())
        elif word == "loopback-only":
            addresses.update(a for a, _ in machine_networks() if a.is_loopback)
        else:
            addresses.update(_addresses_of(word, "inet_interfaces"))
    versions = {4 if family == socket.AF_INET else 6 for family in families}
    return frozenset(address for address in addresses if address.version in versions)


def proxy_addresses(proxy_interfaces: str) -> frozenset[Address]:
    """Return the addresses on which a proxy or address translator receives mail for us.

    Raises ConfigError: a host name in proxy_interfaces has no address.
    """
    words = proxy_interfaces.replace(",", " ").split()
    return frozenset(a for word in words for a in _addresses_of(word, "proxy_interfaces"))


def _addresses_of(word: str, parameter: str) -> set[Address]:
    address = parse_address(word)
    if address is not None:
        return {address}
    try:
        answers = socket.getaddrinfo(word, None, type=socket.SOCK_STREAM)
    except OSError:
        raise ConfigError(f"config variable {parameter}: host not found: {word}") from None
    return {ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers}


def _network(address: Address, netmask: str | None) -> Network:
    if not netmask:
        return ipaddress.ip_network(address)
    mask = ipaddress.ip_address(netmask.partition("/")[0])
    return ipaddress.ip_network((address, int(mask).bit_count()), strict=False)
