"""Headers that hold addresses: which these are, and how one is written back with others in it.

A header whose addresses stay keeps its bytes. One that changes is written as Postfix writes it:
display names, comments and groups stay, each in one form, and lines are folded afresh.

Postfix:    cleanup(8), header_opts(3), tok822_parse(3)
RFC:        5322 3.4, 3.6.2, 3.6.3, 3.6.6; 6854
Parameters: header_address_token_limit (its value is handed in)
Must not:   look anything up
Limits:     of a header that changes, what is beyond the token limit is lost
"""

import re
from collections.abc import Awaitable, Callable

from spoolmta.address.address_list import (
    ListedAddress,
    ListItem,
    format_list_items,
    parse_list_items,
    read_address,
)
from spoolmta.address.quoting import quote_local
from spoolmta.message.turn import Turn

SENDER_HEADERS = frozenset(
    {
        b"disposition-notification-to",
        b"errors-to",
        b"from",
        b"mail-followup-to",
        b"reply-to",
        b"resent-from",
        b"resent-sender",
        b"return-path",
        b"return-receipt-to",
        b"sender",
    }
)
RECIPIENT_HEADERS = frozenset(
    {
        b"apparently-to",
        b"bcc",
        b"cc",
        b"resent-bcc",
        b"resent-cc",
        b"resent-reply-to",
        b"resent-to",
        b"to",
    }
)

# One address, with or without a name before it: nearly all headers. A quoted name is written back
# as it is written; between words, blanks may move.
_ATOM = rb"[A-Za-z0-9!#$&'*+/=?^_`{}~-]++"
_ADDRESS = rb"%s(?:\.%s)*+(?:@%s(?:\.%s)*+)?" % (_ATOM, _ATOM, _ATOM, _ATOM)
_NAME = rb"""[A-Za-z0-9!#$&'*+/=?^_`{}~. \t-]*+|"[^"\\\x00-\x1f\x7f]*+" """
_NAMED = rb"(%s)<(%s)>" % (_NAME, _ADDRESS)
_PLAIN = re.compile(rb"[ \t]*+(?:%s|(%s))" % (_NAMED, _ADDRESS))
_PLAIN_TEXT = re.compile(_ADDRESS.decode())
# Quoted, perhaps without need, in a domain; "@a:" in front would be read as a route.
_QUOTED_TEXT = re.compile(
    r'"(?!@)((?:[^"\\\t-\r]|\\["\\])*+)"@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+'
)
_SIGN_IN_NAME = re.compile(rb"[ \t]*+([.!])[ \t]*+")

Change = Callable[[str], Awaitable[str]]
"""Takes an address as it is written (external form) and returns it changed, or as it was."""


async def change_addresses(
    raw: bytes, change: Change, *, token_limit: int, turn: Turn
) -> bytes | None:
    """Return a header, CRLF at its end, with its addresses changed; None: that changes nothing.

    *turn* is that of the message, and ends between two addresses if it has been long.

    Raises what *change* raises.
    """
    if turn.is_over:
        await turn.give_way()
    colon = raw.index(b":")
    plain = _PLAIN.fullmatch(raw, colon + 1, len(raw) - 2)
    if plain is None or len(raw) >= token_limit:
        return await _change_list(raw, colon, change, token_limit, turn)
    name, bracketed, bare = plain.groups()
    before = (bracketed or bare).decode("ascii")
    after = await change(before)
    if after == before:
        return None
    header = raw[:colon].rstrip(b" \t")
    address = _written(after).encode("utf-8", "surrogateescape")
    if bare:
        return b"%s: %s\r\n" % (header, address)
    return b"%s: %s<%s>\r\n" % (header, _spaced(name), address)


async def _change_list(
    raw: bytes, colon: int, change: Change, token_limit: int, turn: Turn
) -> bytes | None:
    # The line end stays out of it, for an open quote would swallow it.
    body = raw[colon + 1 : -2].decode("utf-8", "surrogateescape")
    items = parse_list_items(body, token_limit=token_limit)
    # What each address becomes, as it is written then; "" where it stays.
    written: dict[str, str] = {}
    changed: list[ListItem | str] = [*items]
    for at, item in enumerate(items):
        if not isinstance(item, ListedAddress) or not item:
            continue
        before = item.external
        if before not in written:
            if turn.is_over:
                await turn.give_way()
            after = await change(before)
            written[before] = _written(after) if after != before else ""
        changed[at] = written[before] or item
    if not any(written.values()):
        return None
    name = raw[:colon].rstrip(b" \t")
    text = format_list_items(changed, width=len(name) + 2)
    return b"%s: %s\r\n" % (name, text.encode("utf-8", "surrogateescape"))


def _spaced(name: bytes) -> bytes:
    """Return a display name, no blanks around the signs between its words, as Postfix writes it."""
    if name[:1] == b'"':
        return name
    if b"." in name or b"!" in name:
        name = b"".join(_SIGN_IN_NAME.split(name))
    return b" ".join([*name.split(), b""])


def _written(address: str) -> str:
    """Return a changed address as Postfix writes it: it is read once more."""
    if _PLAIN_TEXT.fullmatch(address):
        return address
    match = _QUOTED_TEXT.fullmatch(address)
    if match is not None and quote_local(match[1]) != match[1]:
        return address
    return format_list_items([read_address(address)])
