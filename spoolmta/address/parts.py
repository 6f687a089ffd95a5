"""An address in its parts: local part and domain, user and extension.

Addresses are in internal form: the last @ is the one before the domain.

Postfix:    split_addr(3)
Parameters: recipient_delimiter
"""

from spoolmta.maps.keys import Delimiter, split_extension

__all__ = ["Delimiter", "domain_of", "split_address", "split_extension"]


def split_address(address: str) -> tuple[str, str]:
    """Return (local part, domain); the domain is "" if there is none."""
    at = address.rfind("@")
    if at < 0:
        return address, ""
    return address[:at], address[at + 1 :]


def domain_of(address: str) -> str:
    """Return what follows the last @, or ""."""
    return address[address.rfind("@") + 1 :] if "@" in address else ""
