"""What replies have in common: a reply without the numbers, addresses, hosts and ids in it.

Two replies with one fingerprint have one cause. The reply code and the enhanced status code stay:
they are the cause.

RFC:      5321, 3463 (status codes)
Must not: take longer than the text is long
"""

import re
from functools import lru_cache

_LONGEST = 1000
_PARTS = re.compile(
    r"""
    (?P<url>   https?://[^\s<>"')\]]+ )
  | (?P<address> <?[^\s<>()"'=:,;]{1,200}@[\w.\[\]:-]{1,255}>? )
  | (?P<ip>    \[?\b(?:\d{1,3}\.){3}\d{1,3}\b\]?(?::\d{1,5})?
             | \[(?:IPv6:)?[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,45}\](?::\d{1,5})?
             | \b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){2,7}\b )
  | (?P<keep>  (?<![\w.])[245]\.\d{1,3}\.\d{1,3}(?![\w.])
             | (?:^|(?<=:\s)|(?<=\n))[245]\d\d(?=[\s-]) )
  | (?P<host>  \b[A-Za-z0-9_](?:[\w-]{0,62}\.)+[A-Za-z][A-Za-z0-9-]{1,62}\b(?:\[[^\]\s]{1,60}\])?
               (?::\d{1,5})? )
  | (?P<id>    \b(?=\w*\d)(?=\w*[A-Za-z])[\w-]{6,200}(?:[.=][\w-]{1,200})* )
  | (?P<number> \b(?=[0-9A-Fa-f]*\d)[0-9A-Fa-f]+\b | \d+ )
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=50_000)
def fingerprint(reply: str) -> str:
    """Return *reply* with <address>, <ip>, <host>, <url>, <id> and <n> where these stood."""
    return " ".join(_PARTS.sub(_placeholder, reply[:_LONGEST]).split())


def _placeholder(found: re.Match[str]) -> str:
    kind = found.lastgroup
    if kind == "keep":
        return found[0]
    return "<n>" if kind == "number" else f"<{kind}>"
