"""The header block of a message as it arrives: where it ends, and which headers matter.

One pass over the bytes, resumed with each piece. Most header lines cost a search for the line end,
one for the colon, and one look into a dictionary of names seen before; what a name means is
worked out once.

Postfix:    cleanup(8), header_opts(3), smtpd(8) (X-Mailbox-Line)
RFC:        5322 2.2, 3.6
Must not:   know what is done with a header
Limits:     a block that grows beyond BLOCK_BYTES and two of the largest headers is `oversize`
"""

import re
from collections.abc import Iterable, Mapping

from spoolmta.message.address_header import RECIPIENT_HEADERS, SENDER_HEADERS

DROP = 1 << 0  # in message_drop_headers
HOP = 1 << 1  # Received: what loops are told by
SENDERS = 1 << 2  # a list of addresses, of those who send it
RECIPIENTS = 1 << 12  # a list of addresses, of those who get it
VISIBLE = 1 << 3  # To, Cc: the recipients are told
RESENT = 1 << 4  # any Resent- header
FROM = 1 << 5
DATE = 1 << 6
MESSAGE_ID = 1 << 7
RESENT_FROM = 1 << 8
RESENT_DATE = 1 << 9
RESENT_MESSAGE_ID = 1 << 10
SPACED = 1 << 11  # white space before the colon

BLOCK_BYTES = 1024 * 1024

_NO_HEADER = -1
_NAME_BYTES = bytes(code for code in range(33, 127) if code != ord(":"))
_REMEMBERED_NAMES = 2000
_LONGEST_REMEMBERED = 64
_SPACE, _TAB = b" \t"
_FROM_LINE = re.compile(rb">*From ")

_KINDS: Mapping[bytes, int] = {
    b"received": HOP,
    b"from": FROM,
    b"to": VISIBLE,
    b"cc": VISIBLE,
    b"date": DATE,
    b"message-id": MESSAGE_ID,
    b"resent-from": RESENT | RESENT_FROM,
    b"resent-sender": RESENT,
    b"resent-reply-to": RESENT,
    b"resent-to": RESENT | VISIBLE,
    b"resent-cc": RESENT | VISIBLE,
    b"resent-bcc": RESENT,
    b"resent-date": RESENT | RESENT_DATE,
    b"resent-message-id": RESENT | RESENT_MESSAGE_ID,
}
_KINDS_OF_ADDRESSES = ((SENDERS, SENDER_HEADERS), (RECIPIENTS, RECIPIENT_HEADERS))


class HeaderNames:
    """What the names of headers mean; one per process, for it remembers the names it has met."""

    def __init__(self, drop: Iterable[str]) -> None:
        """*drop* are the names of message_drop_headers."""
        self.remembered: dict[bytes, int] = {}
        self._table = dict(_KINDS)
        for kind, names in _KINDS_OF_ADDRESSES:
            for key in names:
                self._table[key] = self._table.get(key, 0) | kind
        for name in drop:
            key = name.lower().encode()
            self._table[key] = self._table.get(key, 0) | DROP

    def kind(self, written: bytes) -> int:
        """Return the kind of a header; *written* is what stands before the colon. -1: no header."""
        name = written.rstrip(b" \t")
        if not name or name.translate(None, _NAME_BYTES):
            return _NO_HEADER
        kind = self._table.get(name.lower(), 0)
        if len(name) != len(written):
            kind |= SPACED
        if len(written) <= _LONGEST_REMEMBERED and len(self.remembered) < _REMEMBERED_NAMES:
            self.remembered[written] = kind
        return kind


class HeaderBlock:
    """The header block of one message.

    When it has ended, *block* holds its lines, *found* tells (kind, start, colon) of headers that
    matter, as offsets in *block*, and *blank* whether an empty line ended it. *text_ended* is true
    if a line that is no header did: the empty line is then to be made up. *mailbox_line* is true if
    the first line is one of mbox format ("From "), *oversize* if the block is too large to hold.
    """

    __slots__ = (
        "_begun",
        "_done",
        "_done_bytes",
        "_limit",
        "_names",
        "_tail",
        "blank",
        "block",
        "ended",
        "found",
        "mailbox_line",
        "oversize",
        "text_ended",
    )

    def __init__(self, names: HeaderNames, *, header_size_limit: int) -> None:
        self.found: list[tuple[int, int, int]] = []
        self.block = b""
        self.blank = False
        self.text_ended = False
        self.mailbox_line = False
        self.oversize = False
        self.ended = False
        self._names = names
        self._limit = BLOCK_BYTES + 2 * header_size_limit
        self._begun = False
        self._done: list[bytes] = []
        self._done_bytes = 0
        self._tail = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return what of them is body, b"" while the block lasts."""
        buffer = self._tail + data if self._tail else data
        position, body = self._scan(buffer)
        if body >= 0:
            self._end(buffer[:position])
            return buffer[body:]
        self._done.append(buffer[:position])
        self._done_bytes += position
        self._tail = buffer[position:]
        self.oversize = self._done_bytes + len(self._tail) > self._limit
        if self.oversize:
            self._done.clear()
            self._end(b"")
        return b""

    def end(self) -> bytes:
        """Tell that there is no more content; return what of it is body."""
        if self.ended:
            return b""
        body = self.feed(b"\r\n") if self._tail else b""
        if not self.ended:
            self._end(b"")
        return body

    @property
    def kinds(self) -> int:
        """All kinds of headers that the block has."""
        kinds = 0
        for kind, _, _ in self.found:
            kinds |= kind
        return kinds

    def count(self, kind: int) -> int:
        """Return how many headers of a kind the block has."""
        hits = 0
        for found, _, _ in self.found:
            if found & kind:
                hits += 1
        return hits

    def header_end(self, start: int) -> int:
        """Return where the header that begins at *start* ends, continuation lines included."""
        block = self.block
        end = block.find(b"\r\n", start) + 2
        while end < len(block) and block[end] in (_SPACE, _TAB):
            end = block.find(b"\r\n", end) + 2
        return end

    def _scan(self, buffer: bytes) -> tuple[int, int]:
        """Read whole lines; return where the block and the body begin, -1 if not in *buffer*."""
        find = buffer.find
        known = self._names.remembered.get
        base = self._done_bytes
        begun = self._begun
        position = 0
        while (end := find(b"\r\n", position)) >= 0:
            if end == position:
                self.blank = True
                return position, position + 2
            first = buffer[position]
            if first in (_SPACE, _TAB):
                if not begun:
                    break
                position = end + 2
                continue
            colon = find(b":", position, end)
            written = buffer[position:colon] if colon >= 0 else b""
            kind = known(written)
            if kind is None:
                kind = self._names.kind(written)
                if kind < 0 and not begun and _FROM_LINE.match(buffer, position):
                    self.mailbox_line = True
                    kind = 0
            if kind:
                if kind < 0:
                    break
                self.found.append((kind, base + position, base + colon))
            begun = True
            position = end + 2
        self._begun = begun
        if end < 0:
            return position, -1
        self.text_ended = True
        return position, position

    def _end(self, last: bytes) -> None:
        self.ended = True
        self.block = b"".join((*self._done, last)) if self._done else last
        self._done.clear()
        self._tail = b""
