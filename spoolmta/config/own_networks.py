"""The networks that this machine is in: what mynetworks is if nobody says.

Postfix:    postconf(5) mynetworks, mynetworks_style, inet_interfaces, inet_protocols
Reads:      the machine's network interfaces
Limits:     mynetworks_style = class means the classes of old: /8, /16 or /24 by first octet;
            an address in inet_interfaces that no interface has is left out, so that the
            configuration of another machine can be looked at
"""

import ipaddress
import socket
from collections.abc import Iterable, Sequence

from spoolmta.errors import ConfigError

_LOOPBACK = ("127.0.0.1", "::1")
_IPV6_SCOPE = "%"
_SETS = ("all", "loopback-only")


def own_networks(style: str, interfaces: Iterable[str], families: Sequence[str]) -> str:
    """Return the networks of this machine that *interfaces* are in, as the *style* divides them.

    Raises ConfigError: a host name in *interfaces* has no address.
    """
    chosen = frozenset(address for word in interfaces for address in _addresses_of(word))
    networks: dict[str, None] = {}
    for address, mask in _interfaces():
        if not _is_chosen(address, chosen, families):
            continue
        networks[_pattern(address, mask, style)] = None
    return " ".join(networks)


def _interfaces() -> list[tuple[str, str]]:
    """Return address and netmask of each interface, IPv4 first, loopback first."""
    import psutil

    found: list[tuple[str, str]] = []
    families = {socket.AF_INET: 0, socket.AF_INET6: 1}
    entries = [
        (families[entry.family], entry.address.partition(_IPV6_SCOPE)[0], entry.netmask or "")
        for interface in psutil.net_if_addrs().values()
        for entry in interface
        if entry.family in families
    ]
    for _, address, mask in sorted(entries, key=lambda e: (e[0], e[1] not in _LOOPBACK)):
        found.append((address, mask))
    return found


def _addresses_of(word: str) -> set[str]:
    """Return the addresses that a word of inet_interfaces means; "all" means itself."""
    address = word.strip("[]")
    if address in _SETS or _is_address(address):
        return {address}
    try:
        answers = socket.getaddrinfo(word, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        raise ConfigError(f"config variable inet_interfaces: host not found: {word}") from None
    return {str(answer[4][0]).partition(_IPV6_SCOPE)[0] for answer in answers}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_chosen(address: str, chosen: frozenset[str], families: Sequence[str]) -> bool:
    family = "ipv6" if ":" in address else "ipv4"
    if "all" not in families and family not in families:
        return False
    if "all" in chosen:
        return True
    if "loopback-only" in chosen:
        return ipaddress.ip_address(address).is_loopback
    return address in chosen


def _pattern(address: str, mask: str, style: str) -> str:
    length = _prefix_length(address, mask, style)
    network = ipaddress.ip_network(f"{address}/{length}", strict=False)
    if network.version == 6:
        return f"[{network.network_address}]/{length}"
    return str(network)


def _prefix_length(address: str, mask: str, style: str) -> int:
    if ":" in address:
        return 128 if style == "host" or not mask else _ones(ipaddress.IPv6Address(mask).packed)
    if style == "host":
        return 32
    if style == "class":
        first = int(address.split(".")[0])
        return 8 if first < 128 else 16 if first < 192 else 24
    return _ones(ipaddress.IPv4Address(mask).packed) if mask else 32


def _ones(mask: bytes) -> int:
    return int.from_bytes(mask).bit_count()
