"""The server's side of an SMTP session: what comes next in the input, and which verb when.

`ServerInput` cuts the byte stream into command lines and message content, whatever pieces it
comes in. `Progress` is how far a transaction has come, and `out_of_order` the table of the verbs
that are allowed there. `must_end_batch` says after which command a client has to wait.

RFC:      5321 4.1.4 (order of commands), 2920 (pipelining), 3030 (BDAT)
Postfix:  smtpd(8), postconf(5) smtpd_forbid_unauth_pipelining
Must not: know a parameter, a recipient or a policy; answer anything but a breach of the order
"""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import NamedTuple

from spoolmta.protocols.smtp_data import ChunkDecoder, DataDecoder
from spoolmta.protocols.smtp_syntax import Reply


class Chunks(Enum):
    """The BDAT commands of a transaction so far."""

    NONE = "none"
    TAKEN = "taken"
    FAILED = "failed"  # whatever comes until the last one is thrown away


class Progress(NamedTuple):
    """How far a session has come, as the order of commands sees it.

    *greeted*: HELO or EHLO has been said, or need not be. *recipients* counts those accepted.
    """

    greeted: bool
    in_mail: bool = False
    recipients: int = 0
    chunks: Chunks = Chunks.NONE


class ServerInput:
    """The bytes of one client that have not been acted on; *is_empty*: there are none.

    A command line longer than *line_length_limit* loses its excess, as in Postfix. *in_content* is
    true while message content is being read.
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_decoder",
        "_kept",
        "_limit",
        "_remaining",
        "bare_newline",
        "in_content",
        "is_empty",
    )

    def __init__(self, line_length_limit: int) -> None:
        self._limit = line_length_limit
        self._buffer = b""
        self._at = 0
        self._kept: bytes | None = None
        self._decoder: DataDecoder | ChunkDecoder | None = None
        self._remaining = 0
        self.bare_newline = False
        self.in_content = False
        self.is_empty = True

    def receive(self, data: bytes) -> None:
        """Take bytes from the client."""
        if not self.is_empty:
            data = self._buffer[self._at :] + data
        self._buffer = data
        self._at = 0
        self.is_empty = not data

    @property
    def waiting(self) -> bytes:
        """The bytes that wait to be acted on."""
        return self._buffer[self._at :]

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait."""
        return len(self._buffer) - self._at

    def next_line(self) -> bytes | None:
        """Return the next command line without its line end, None if it is not complete.

        *bare_newline* then tells whether it ended in LF alone.
        """
        buffer, start = self._buffer, self._at
        end = buffer.find(b"\n", start)
        if end < 0:
            self._shorten()
            return None
        self._go_to(end + 1)
        self.bare_newline = end == start or buffer[end - 1] != _CR
        line = buffer[start : end if self.bare_newline else end - 1]
        if self._kept is not None:
            line, self._kept = self._kept, None
        return line[: self._limit]

    def begin_data(self) -> None:
        """Read message content from here on, up to CRLF.CRLF."""
        self._decoder = DataDecoder()
        self.in_content = True

    def begin_chunk(self, size: int, decoder: ChunkDecoder) -> None:
        """Read *size* bytes of message content from here on."""
        self._decoder = decoder
        self._remaining = size
        self.in_content = True

    @property
    def has_content(self) -> bool:
        """True if next_content has something to do: bytes wait, or the chunk is empty."""
        return not self.is_empty or (
            isinstance(self._decoder, ChunkDecoder) and not self._remaining
        )

    def next_content(self) -> bytes:
        """Return the content that is ready; *in_content* becomes false at its end."""
        decoder = self._decoder
        if isinstance(decoder, ChunkDecoder):
            data = self._buffer[self._at : self._at + self._remaining]
            self._go_to(self._at + len(data))
            self._remaining -= len(data)
            if not self._remaining:
                self._end_content()
            content = decoder.feed(data)
            self.bare_newline = decoder.bare_newline
            return content
        if decoder is None:
            return b""
        content = decoder.feed(self._buffer[self._at :])
        self.bare_newline = decoder.bare_newline
        self._buffer = decoder.rest
        self._go_to(0)
        if decoder.finished:
            self._end_content()
        return content

    def _go_to(self, at: int) -> None:
        self._at = at
        self.is_empty = at >= len(self._buffer)

    def _end_content(self) -> None:
        self._decoder = None
        self.in_content = False

    def _shorten(self) -> None:
        """Keep the first bytes of a line that is too long, and forget the rest as it comes."""
        if self._kept is not None:
            self._go_to(len(self._buffer))
        elif len(self._buffer) - self._at > self._limit + 1:
            self._kept = self._buffer[self._at : self._at + self._limit]
            self._go_to(len(self._buffer))


def out_of_order(verb: bytes, progress: Progress) -> Reply | None:
    """Return the reply to a verb that must not come now, None if it may."""
    check = _ORDER.get(verb)
    return None if check is None else check(progress)


def must_end_batch(verb: bytes, *, extended: bool) -> bool:
    """Return whether a client must wait for the reply to *verb* before it sends more.

    *extended*: the client said EHLO, so that it may pipeline at all. What follows BDAT in the
    input is its chunk, which nothing forbids.
    """
    return verb in _LAST_OF_BATCH or (not extended and verb in _ORDER and verb != b"BDAT")


_CR = 13
# RFC 2920 3.1, as Postfix has it; a verb that is not of the group must not reveal what follows.
_LAST_OF_BATCH = frozenset((b"HELO", b"EHLO", b"DATA", b"VRFY", b"NOOP"))

_SEND_HELLO = Reply(503, "5.5.1", "Error: send HELO/EHLO first")
_NESTED_MAIL = Reply(503, "5.5.1", "Error: nested MAIL command")
_MAIL_AFTER_BDAT = Reply(503, "5.5.1", "Error: MAIL after BDAT")
_NEED_MAIL = Reply(503, "5.5.1", "Error: need MAIL command")
_RCPT_AFTER_BDAT = Reply(503, "5.5.1", "Error: RCPT after BDAT")
_DATA_AFTER_BDAT = Reply(503, "5.5.1", "Error: DATA after BDAT")
_NEED_RCPT = Reply(503, "5.5.1", "Error: need RCPT command")
_NO_VALID_RCPT = Reply(554, "5.5.1", "Error: no valid recipients")
_ETRN_SEND_HELLO = Reply(503, "", "Error: send HELO/EHLO first")
_ETRN_IN_MAIL = Reply(503, "", "Error: MAIL transaction in progress")


def _mail(progress: Progress) -> Reply | None:
    if not progress.greeted:
        return _SEND_HELLO
    if progress.in_mail:
        return _NESTED_MAIL
    return None if progress.chunks is Chunks.NONE else _MAIL_AFTER_BDAT


def _rcpt(progress: Progress) -> Reply | None:
    if not progress.in_mail:
        return _NEED_MAIL
    return None if progress.chunks is Chunks.NONE else _RCPT_AFTER_BDAT


def _data(progress: Progress) -> Reply | None:
    if progress.chunks is not Chunks.NONE:
        return _DATA_AFTER_BDAT
    return _recipients(progress)


def _recipients(progress: Progress) -> Reply | None:
    if progress.recipients:
        return None
    return _NO_VALID_RCPT if progress.in_mail else _NEED_RCPT


def _etrn(progress: Progress) -> Reply | None:
    if not progress.greeted:
        return _ETRN_SEND_HELLO
    return _ETRN_IN_MAIL if progress.in_mail else None


def _anytime(progress: Progress) -> Reply | None:  # noqa: ARG001
    return None


_ORDER: Mapping[bytes, Callable[[Progress], Reply | None]] = {
    b"HELO": _anytime,
    b"EHLO": _anytime,
    b"MAIL": _mail,
    b"RCPT": _rcpt,
    b"DATA": _data,
    b"BDAT": _recipients,
    b"RSET": _anytime,
    b"NOOP": _anytime,
    b"VRFY": _anytime,
    b"ETRN": _etrn,
    b"HELP": _anytime,
    b"QUIT": _anytime,
}
