"""Defaults that the machine or the process decides: myhostname, mydomain, mynetworks, ...

Postfix:    postconf(5) myhostname, mydomain, mynetworks, mynetworks_style, process_name
Reads:      the machine's name and network interfaces
Limits:     mynetworks_style = class means the classes of old: /8, /16 or /24 by first octet;
            an address in inet_interfaces that no interface has is left out, so that the
            configuration of another machine can be looked at
"""

import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from spoolmta.errors import ConfigError

Value = Callable[[str], str]
Explicit = Callable[[str], str | None]
Maker = Callable[[Value, Explicit], str]

UNKNOWN = "localdomain"

_LOOPBACK = ("127.0.0.1", "::1")
_IPV6_SCOPE = "%"
_SETS = ("all", "loopback-only")


def default_myhostname(value: Value, explicit: Explicit) -> str:
    """Return the machine's name; one without a dot is completed with mydomain."""
    domain = value("mydomain") if explicit("mydomain") is not None else UNKNOWN
    return machine_name(domain)


def machine_name(domain: str = UNKNOWN) -> str:
    """Return the name the machine gives itself, completed with *domain* if it has no dot."""
    name = socket.gethostname() or "localhost"
    return name if "." in name else f"{name}.{domain}"


def default_mydomain(value: Value, explicit: Explicit) -> str:
    """Return myhostname without its first label; "localdomain" if nothing is left."""
    name = explicit("myhostname")
    if name is None or "$mydomain" in name or "mydomain}" in name or "mydomain)" in name:
        name = socket.gethostname()
    else:
        name = value("myhostname")
    return name.partition(".")[2] or UNKNOWN


def default_mynetworks(value: Value, explicit: Explicit) -> str:  # noqa: ARG001
    """Return the networks of this machine's interfaces, as mynetworks_style says.

    Raises ConfigError: a host name in inet_interfaces has no address.
    """
    style = value("mynetworks_style").lower()
    words = value("inet_interfaces").replace(",", " ").split()
    chosen = frozenset(address for word in words for address in _addresses_of(word))
    families = value("inet_protocols").replace(",", " ").split()
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


def _is_chosen(address: str, chosen: frozenset[str], families: list[str]) -> bool:
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


def _process_name(value: Value, explicit: Explicit) -> str:  # noqa: ARG001
    return Path(sys.argv[0]).name


def _process_id(value: Value, explicit: Explicit) -> str:  # noqa: ARG001
    return str(os.getpid())


COMPUTED: Mapping[str, Maker] = {
    "myhostname": default_myhostname,
    "mydomain": default_mydomain,
    "mynetworks": default_mynetworks,
    "process_name": _process_name,
    "process_id": _process_id,
}
"""By name: what makes the default, from the other values and from what main.cf says itself."""
