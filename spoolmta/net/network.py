"""Addresses and address ranges in the notations that mail uses.

An address may stand in [] and IPv6 may carry the prefix "IPv6:" of SMTP's address literals. An
IPv6 address that only wraps an IPv4 one ("::ffff:192.0.2.1") is that IPv4 address.

RFC:        4291, 4632, 5321 4.1.3
Must not:   look a name up
"""

import ipaddress

from spoolmta.errors import ConfigError

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


def parse_network(text: str) -> Network:
    """Return the range that *text* is: an address, address/length, [address]/length.

    Raises ConfigError: it is neither, or bits are set beyond the length.
    """
    base, mark, length = text.partition("/")
    address = parse_address(base)
    if address is None:
        raise ConfigError(f'bad network address "{text}": expected address or address/length')
    if not mark:
        return ipaddress.ip_network(address)
    bits = _prefix_length(length, base, address)
    if bits is None:
        raise ConfigError(f'bad network length in "{text}": expected 0 to {address.max_prefixlen}')
    try:
        return ipaddress.ip_network((address, bits))
    except ValueError:
        right = ipaddress.ip_network((address, bits), strict=False)
        raise ConfigError(
            f'bad net/mask pattern "{text}": bits are set beyond the length; use "{right}"'
        ) from None


def _prefix_length(text: str, base: str, address: Address) -> int | None:
    if not (text.isascii() and text.isdigit()):
        return None
    bits = int(text)
    if address.version == 4 and "." in base and ":" in base:
        bits -= 96
    return bits if 0 <= bits <= address.max_prefixlen else None
