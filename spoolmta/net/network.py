"""Addresses in the notations that mail uses.

An address may stand in [] and IPv6 may carry the prefix "IPv6:" of SMTP's address literals. An
IPv6 address that only wraps an IPv4 one ("::ffff:192.0.2.1") is that IPv4 address.

RFC:        4291, 5321 4.1.3
Must not:   look a name up
"""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LITERAL_PREFIX = "ipv6:"


def parse_address(text: str) -> Address | None:
    """Return the address that *text* is, or None if it is none (a host name, for one)."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    if text[:5].lower() == _LITERAL_PREFIX:
        text = text[5:]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if address.version == 6 and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
