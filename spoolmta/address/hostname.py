"""What may stand behind the @ of a deliverable address.

Postfix: valid_hostname(3), valid_mailhost_addr(3)
RFC:     1123 2.1, 5321 4.1.3, 5890
"""

import re
from encodings.idna import nameprep
from encodings.punycode import punycode_encode
from functools import lru_cache

from spoolmta.net.network import Address, parse_address

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_LABELS = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_FORBIDDEN = re.compile(r"[\x00-,/:-@\[-^`{-\x7f\ud800-\udfff]|^-|-$|^$")
_LENGTH_LIMIT = 255


@lru_cache(maxsize=4096)
def is_hostname(name: str) -> bool:
    """Return whether *name* is a host or domain name; one of digits and dots alone is none."""
    if not name.isascii():
        name = _to_ascii(name)
    if len(name) > _LENGTH_LIMIT:
        return False
    return _LABELS.fullmatch(name) is not None and not name.replace(".", "").isdecimal()


def literal_address(domain: str) -> Address | None:
    """Return the IP address of "[192.0.2.1]" or "[IPv6:2001:db8::1]", or None if it is none."""
    if len(domain) < 3 or domain[0] != "[" or domain[-1] != "]":
        return None
    text = domain[1:-1]
    is_version_6 = text[:5].lower() == "ipv6:"
    if is_version_6:
        text = text[5:]
    return parse_address(text) if is_version_6 == (":" in text) else None


def is_ascii_in_dns(name: str) -> bool:
    """Return whether a name is looked up in ASCII, with no label encoded, however it is written."""
    labels = [nameprep(label) for label in name.split(".")] if len(name) <= _LENGTH_LIMIT else []
    return bool(labels) and all(label and label.isascii() for label in labels)


def _to_ascii(name: str) -> str:
    """Return the name with its labels as in DNS, or "" if one cannot be; their case is kept."""
    if len(name) > _LENGTH_LIMIT:
        return ""
    labels = []
    for label in name.split("."):
        if _FORBIDDEN.search(label):
            return ""
        if not label.isascii():
            if label[2:4] == "--":
                return ""  # what looks encoded must be
            label = "xn--" + punycode_encode(label).decode("ascii")
        labels.append(label)
    return ".".join(labels)
