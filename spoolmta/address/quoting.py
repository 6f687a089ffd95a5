"""Internal form ("a b@example.com") and external form ('"a b"@example.com') of an address.

Envelopes, maps and log lines' reasons carry the internal form; SMTP, headers and log lines the
external one. For every text, unquote(quote(text)) == text.

Postfix: quote_822_local(3), unquote_822_local(3)
RFC:     5321 4.1.2, 5322 3.4.1
"""

import re

from spoolmta.maps.keys import quote, quote_local

__all__ = ["quote", "quote_local", "unquote"]

_QUOTE_OR_ESCAPE = re.compile(r'"|\\(.?)', re.DOTALL)


def unquote(address: str) -> str:
    """Return the internal form of an address in external form.

    Quotes and backslashes are dropped wherever they are in the local part.
    """
    if '"' not in address and "\\" not in address:
        return address
    start = address.index(":") + 1 if address[:1] == "@" and ":" in address else 0
    at = address.rfind("@", start)
    if at < 0:
        at = len(address)
    local = _QUOTE_OR_ESCAPE.sub(lambda match: match[1] or "", address[start:at])
    return address[:start] + local + address[at:]
