"""Headers: splitting, finding, unfolding; the addresses in them.

A header is kept as the bytes that arrived, continuation lines and CRLF included, so that one that
nobody changes leaves as it came.

Postfix:    cleanup(8), header_opts(3), sendmail(1) -t
RFC:        5322 2.2, 3.4, 3.6
Parameters: header_address_token_limit (its value is handed in)
Must not:   look anything up
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from spoolmta.address.address_list import parse_address_list

_RECIPIENT_HEADERS = frozenset({b"to", b"cc", b"bcc", b"resent-to", b"resent-cc", b"resent-bcc"})
_RESENT = b"resent-"
_NAME_BYTES = bytes(code for code in range(33, 127) if code != ord(":"))
_BLANKS = b" \t"


@dataclass(frozen=True, slots=True)
class Header:
    """One logical header. *key* is its name in lower case; *raw* is all of it, CRLF at its end."""

    key: bytes
    raw: bytes

    @property
    def body(self) -> bytes:
        """What follows the colon, as it is."""
        return self.raw[self.raw.index(b":") + 1 :]

    @property
    def text(self) -> str:
        """What follows the colon, unfolded, without white space at its ends."""
        return unfold(self.body).decode("utf-8", "surrogateescape")


def split_headers(block: bytes) -> list[Header]:
    """Return the headers of a block of CRLF lines, up to an empty line or one that is no header.

    The last line may lack its line end. A continuation line at the beginning belongs to nothing
    and ends the block.
    """
    headers: list[Header] = []
    size = len(block)
    start = 0
    while start < size:
        end = _header_end(block, start)
        key = _key(block, start, end)
        if key is None:
            break
        raw = block[start:end]
        headers.append(Header(key, raw if raw.endswith(b"\r\n") else raw + b"\r\n"))
        start = end
    return headers


def find_headers(headers: Iterable[Header], name: bytes) -> list[Header]:
    """Return the headers of a name, whatever its case."""
    key = name.lower()
    return [header for header in headers if header.key == key]


def has_header(headers: Iterable[Header], name: bytes) -> bool:
    """Return whether there is a header of a name, whatever its case."""
    key = name.lower()
    return any(header.key == key for header in headers)


def unfold(body: bytes) -> bytes:
    """Return a header's body as one line, without white space at its ends."""
    if b"\r" in body or b"\n" in body:
        body = body.replace(b"\r\n", b"\n").replace(b"\n", b"")
    return body.strip(b" \t\r")


def header_addresses(header: Header, *, token_limit: int = sys.maxsize) -> list[str]:
    """Return the addresses of a header in internal form, as they are written; <> is left out."""
    body = header.body[:-2].decode("utf-8", "surrogateescape")
    found = parse_address_list(body, token_limit=token_limit)
    known = {listed: listed.internal for listed in set(found)}
    return [address for listed in found if (address := known[listed])]


def message_recipients(headers: Iterable[Header], *, token_limit: int = sys.maxsize) -> list[str]:
    """Return whom the headers name as recipients: what sendmail -t sends to.

    Where there is a Resent-To, -Cc or -Bcc, the message was sent again: only these count.
    """
    named = [header for header in headers if header.key in _RECIPIENT_HEADERS]
    resent = [header for header in named if header.key.startswith(_RESENT)]
    return [
        address
        for header in resent or named
        for address in header_addresses(header, token_limit=token_limit)
    ]


def _header_end(block: bytes, start: int) -> int:
    at = start
    while True:
        end = block.find(b"\r\n", at)
        if end < 0:
            return len(block)
        at = end + 2
        if block[at : at + 1] not in (b" ", b"\t"):
            return at


def _key(block: bytes, start: int, end: int) -> bytes | None:
    colon = block.find(b":", start, end)
    name = block[start:colon].rstrip(_BLANKS) if colon > start else b""
    if not name or name.translate(None, _NAME_BYTES):
        return None
    return name.lower()
