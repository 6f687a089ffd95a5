"""What a mailbox, file or command gets: line ends, and the envelope's headers in front.

Postfix:    global/mail_copy.c; local(8), virtual(8), pipe(8)
RFC:        4155 (mbox); 5322 3.6.7 (Return-Path)
Limits:     mboxo: lines that begin with "From " get a ">", lines with ">From " do not
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from spoolmta.address.quoting import quote
from spoolmta.message.dates import mailbox_date
from spoolmta.message.trace_headers import delivered_to, original_to, return_path

_HOLD = len(b"\r\nFrom")


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses that are printed in front of a message.

    *original* and *delivered_to* are left out if they are "".
    """

    sender: str
    original: str
    delivered_to: str


def envelope_headers(addresses: Addresses) -> bytes:
    """Return Return-Path, X-Original-To and Delivered-To, with LF line ends."""
    lines = return_path(addresses.sender)
    if addresses.original:
        lines += original_to(addresses.original)
    if addresses.delivered_to:
        lines += delivered_to(addresses.delivered_to)
    return lines.replace(b"\r\n", b"\n")


def separator(sender: str, now: float) -> bytes:
    """Return the line that begins a message in an mbox file; *now* is printed in local time."""
    name = quote(sender) if sender else "MAILER-DAEMON"
    return f"From {name}  {mailbox_date(now)}\n".encode("utf-8", "surrogateescape")


class Style(NamedTuple):
    """How lines are written.

    *quote_from*: a ">" goes before those that begin with "From "; *double_dots*: a "." before those
    that begin with one.
    """

    quote_from: bool = False
    double_dots: bool = False
    line_end: bytes = b"\n"


PLAIN = Style()
MBOX = Style(quote_from=True)


class MailboxText:
    """Content as the spool has it, its lines made into those of *style*, piece by piece."""

    def __init__(self, style: Style = PLAIN) -> None:
        self._style = style
        self._held = b""
        self._at_start = True

    def feed(self, data: bytes) -> bytes:
        """Return what can be said of the content so far; *data* may be cut anywhere."""
        if self._held:
            data = self._held + data
        # A line end, and what may become "From ", is held back until it is known what follows.
        cut = data.rfind(b"\r", max(0, len(data) - _HOLD))
        if cut >= 0:
            data, self._held = data[:cut], data[cut:]
        else:
            self._held = b""
        if self._at_start and len(data) < _HOLD:
            data, self._held = b"", data + self._held
        return self._convert(data)

    def end(self) -> bytes:
        """Return the rest."""
        data, self._held = self._held, b""
        return self._convert(data)

    def _convert(self, data: bytes) -> bytes:
        if not data:
            return b""
        if self._style.quote_from:
            data = self._mark(data, b"From ", b">From ")
        if self._style.double_dots:
            data = self._mark(data, b".", b"..")
        self._at_start = False
        if self._style.line_end == b"\r\n":
            return data
        return data.replace(b"\r\n", self._style.line_end)

    def _mark(self, data: bytes, beginning: bytes, marked: bytes) -> bytes:
        if self._at_start and data.startswith(beginning):
            data = marked + data[len(beginning) :]
        return data.replace(b"\r\n" + beginning, b"\r\n" + marked)


def convert(pieces: Iterable[bytes], style: Style = PLAIN) -> Iterator[bytes]:
    """Yield whole content, given in pieces, with the lines of *style*."""
    text = MailboxText(style)
    for piece in pieces:
        yield text.feed(piece)
    yield text.end()
