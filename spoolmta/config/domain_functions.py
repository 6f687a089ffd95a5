"""The functions that ${name{text}} may call: domain names in their two forms.

Postfix:    postconf(5) smtp_requiretls_policy (3.11)
RFC:        5890
"""

from collections.abc import Callable, Mapping


def _to_ascii(domain: str) -> str:
    import idna

    return domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")


def _to_utf8(domain: str) -> str:
    import idna

    return idna.decode(domain) if domain.isascii() and "xn--" in domain.lower() else domain


FUNCTIONS: Mapping[str, Callable[[str], str]] = {
    "domain_to_ascii": _to_ascii,
    "domain_to_utf8": _to_utf8,
}
"""By name. They raise ValueError for what is no domain name."""
