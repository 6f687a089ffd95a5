"""Any form of an address becomes user@fully.qualified.domain.

In this order: a source route is stripped; without a domain, site!user is swapped, or else the
last % becomes @, or else @myorigin is appended; .mydomain is appended to a domain without a dot;
a trailing dot is stripped. Quoted text is never taken apart.

Postfix:    trivial-rewrite(8), ADDRESS_REWRITING_README
Parameters: swap_bangpath, allow_percent_hack, append_at_myorigin, append_dot_mydomain, myorigin,
            mydomain, remote_header_rewrite_domain
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from spoolmta.address.quoting import quote
from spoolmta.address.tokens import (
    AT,
    DOT,
    LITERAL,
    NOBODY,
    Token,
    external,
    find,
    find_last,
    internal,
    scan,
)

_ATOM = r'[^\s\x00-\x1f\x7f()<>@,;:\\".\[\]!%|]+'
# Nearly all are of these; whether a character is among few is found out in half the time.
_USUAL_ATOM = r"[A-Za-z0-9#$&'*+/=?^_`{}~-]+"
PLAIN = re.compile(
    "|".join(rf"{atom}(?:\.{atom})*(?:@{atom}(?:\.{atom})*)?" for atom in (_USUAL_ATOM, _ATOM))
)
"""An address that is written as it reads: nothing of it is quoted, and nothing a route."""
# One quoted word; "@a:" at its beginning would be read as a route when it is written again.
_QUOTED = re.compile(rf'"(?!@)([^"\\\t-\r]++)"((?:@{_ATOM}(?:\.{_ATOM})*)?)')


@dataclass(frozen=True, slots=True)
class RewriteRules:
    """What rewrite() may do. An empty *myorigin* or *mydomain* is not appended."""

    myorigin: str
    mydomain: str
    swap_bangpath: bool = True
    allow_percent_hack: bool = True
    append_at_myorigin: bool = True
    append_dot_mydomain: bool = False


def rewrite(address: str, rules: RewriteRules) -> str:
    """Return an address in internal form, rewritten; "" stays as it is."""
    if PLAIN.fullmatch(address):
        return _rewrite_plain(address, rules)
    return rewrite_written(quote(address), rules) if address else address


def rewrite_written(address: str, rules: RewriteRules) -> str:
    """Return an address in external form, rewritten, in internal form."""
    if PLAIN.fullmatch(address):
        return _rewrite_plain(address, rules)
    if quoted := _QUOTED.fullmatch(address):
        return _complete(quoted[1], quoted[2], rules)
    return internal(rewrite_tokens(scan(address), rules))


def rewrite_external(address: str, rules: RewriteRules) -> str:
    """Return an address in external form, rewritten; it is quoted no more than it need be."""
    if PLAIN.fullmatch(address):
        return _rewrite_plain(address, rules)
    if quoted := _QUOTED.fullmatch(address):
        local, domain = quoted.groups()
        completed = _complete(local, domain, rules)
        return completed if local.isalnum() else quote(completed)
    tokens = rewrite_tokens(scan(address), rules)
    return external(tokens) if tokens else ""


def rewrite_tokens(tokens: list[Token], rules: RewriteRules) -> list[Token]:
    """Return the tokens of one address, rewritten."""
    if not tokens or tokens == [NOBODY]:
        return tokens
    if tokens == [AT]:
        return []
    tokens = _strip_route(tokens)
    if find_last(tokens, "@") < 0:
        tokens = _with_domain(tokens, rules)
    if rules.append_dot_mydomain and rules.mydomain:
        domain = tokens[find_last(tokens, "@") + 1 :] if AT in tokens else []
        if domain and find(domain, LITERAL) < 0 and DOT not in domain:
            tokens = [*tokens, DOT, *_domain(rules.mydomain)]
    return strip_trailing_dot(tokens)


def strip_trailing_dot(tokens: list[Token]) -> list[Token]:
    """Return the tokens without one dot at the end, unless it follows a dot or an @."""
    if len(tokens) > 1 and tokens[-1] is DOT and tokens[-2] not in (DOT, AT):
        return tokens[:-1]
    return tokens


def _rewrite_plain(address: str, rules: RewriteRules) -> str:
    at = address.find("@")
    if at < 0:
        return _complete(address, "", rules)
    if not rules.append_dot_mydomain:
        return address
    return _complete(address[:at], address[at:], rules)


def _complete(local: str, domain: str, rules: RewriteRules) -> str:
    """Return an address of a local part and "@domain" or "", with the domain that it lacks."""
    if not domain:
        if not rules.append_at_myorigin or not rules.myorigin:
            return local
        domain = f"@{rules.myorigin}"
    if rules.append_dot_mydomain and rules.mydomain and "." not in domain:
        domain += f".{rules.mydomain}"
    return local + domain


@lru_cache(maxsize=16)
def _domain(name: str) -> tuple[Token, ...]:
    """Return the tokens of a domain that is configured."""
    return tuple(scan(name))


def _strip_route(tokens: list[Token]) -> list[Token]:
    if tokens[0] is not AT:
        return tokens
    colon = find(tokens, ":")
    return tokens[colon + 1 :] if 0 < colon < len(tokens) - 1 else tokens


def _with_domain(tokens: list[Token], rules: RewriteRules) -> list[Token]:
    if rules.swap_bangpath and (bang := find(tokens, "!")) >= 0:
        return [*tokens[bang + 1 :], AT, *tokens[:bang]]
    if rules.allow_percent_hack and (percent := find_last(tokens, "%")) >= 0:
        return [*tokens[:percent], AT, *tokens[percent + 1 :]]
    if rules.append_at_myorigin and rules.myorigin:
        return [*tokens, AT, *_domain(rules.myorigin)]
    return tokens
