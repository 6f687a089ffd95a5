"""The language of public/submit: how a local user hands in a message without touching the spool.

Each frame is a letter, the length of the rest (four bytes, network order), and the rest:

    server   H                            go on; before it, nothing can have been taken
    client   E  name NUL value NUL ...     who sends it and how (see Submission)
             T  the same, and a report is wanted: a server that cannot give one refuses it
             R  address NUL ...            recipients; as many frames as it takes, perhaps none
             C  bytes                      content, CRLF line ends, whole line ends in each frame
             Z                             that was all
    server   A  queue id                   it is on the disk
             X  status NUL text            it is not taken; an exit status of sysexits, and why

in the order E or T, R* C* Z. Who cannot be served now gets X at once. The client says nothing of
who it is: the kernel does.

Postfix:  postdrop(1)
RFC:      3461 4.3, 4.4 (RET, ENVID, NOTIFY)
Must not: believe a length before it is looked at
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from spoolmta.errors import RemoteProtocolError

# sendmail(1) imports this module and must start fast: named tuples are quicker made than
# dataclasses, and what the server alone needs is imported in the functions.
if TYPE_CHECKING:
    from spoolmta.message.envelope import Envelope
    from spoolmta.message.submitter import Submitter

CONTENT_BYTES = 128 * 1024
RECIPIENTS_BYTES = 64 * 1024
ENVELOPE_BYTES = 8 * 1024
REPLY_BYTES = 4 * 1024
ADDRESS_BYTES = 2048
RECIPIENTS = 100_000

GREETING = b"H" + bytes(4)

_HEAD = 5
_RET = ("", "FULL", "HDRS")
_ENCODINGS = ("", "7bit", "8bit")
_TRACES = ("", "verify", "report")
_NOTIFY = frozenset((0, 1, *range(2, 15, 2)))  # NEVER (1) stands alone
_ENVID_BYTES = 100


class Submission(NamedTuple):
    """What a user says of a message.

    *sender* None means the user, "" is the null sender. *full_name* None means the account's.
    *extract*: those whom the message's headers name are recipients, too (sendmail -t). *notify* is
    RFC 3461's NOTIFY as the number that Notify has for it, *trace* the report that is wanted (see
    Trace).
    """

    sender: str | None = None
    full_name: str | None = None
    extract: bool = False
    envid: str = ""
    ret: str = ""
    encoding: str = ""
    smtputf8: bool = False
    notify: int = 0
    trace: str = ""

    def envelope(self, submitter: "Submitter", recipients: Iterable[str]) -> "Envelope":
        """Return the envelope of the message when *submitter* hands it in."""
        from spoolmta.message.envelope import Envelope, Notify, Recipient, Trace

        notify = Notify(self.notify)
        return Envelope(
            sender=submitter.name if self.sender is None else self.sender,
            recipients=tuple(Recipient(address, address, notify=notify) for address in recipients),
            origin="sendmail",
            uid=submitter.uid,
            envid=self.envid,
            ret=self.ret,
            encoding=self.encoding,
            smtputf8=self.smtputf8,
            full_name=submitter.full_name if self.full_name is None else self.full_name,
            trace=Trace(self.trace),
        )


class Begun(NamedTuple):
    """Envelope and recipients are complete; content or the end comes next."""

    submission: Submission
    recipients: tuple[str, ...]


class Content(NamedTuple):
    """The next bytes of content."""

    data: bytes


class Ended(NamedTuple):
    """The message is complete."""


class Answer(NamedTuple):
    """What the server said: a queue id, or an exit status (sysexits) and the reason."""

    queue_id: str = ""
    status: int = 0
    text: str = ""


Event = Begun | Content | Ended


_BEGINNING, _RECIPIENTS, _CONTENT, _OVER = "beginning", "recipients", "content", "over"
_ALLOWED = {
    _BEGINNING: {b"E": ENVELOPE_BYTES, b"T": ENVELOPE_BYTES},
    _RECIPIENTS: {b"R": RECIPIENTS_BYTES, b"C": CONTENT_BYTES, b"Z": 0},
    _CONTENT: {b"C": CONTENT_BYTES, b"Z": 0},
    _OVER: {},
}


class SubmissionReader:
    """The server's side: bytes become events."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._phase = _BEGINNING
        self._submission = Submission()
        self._recipients: list[str] = []
        self._whole_lines = True

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take bytes and yield what they mean.

        Raises RemoteProtocolError: refuse the message; the text says why.
        """
        self._buffer += data
        while len(self._buffer) >= _HEAD:
            kind = bytes(self._buffer[:1])
            size = int.from_bytes(self._buffer[1:_HEAD])
            limit = _ALLOWED[self._phase].get(kind)
            if limit is None:
                raise RemoteProtocolError(f"unexpected frame {kind!r}")
            if size > limit:
                raise RemoteProtocolError(f"frame {kind!r} of {size} bytes; {limit} are allowed")
            if len(self._buffer) < _HEAD + size:
                return
            payload = bytes(self._buffer[_HEAD : _HEAD + size])
            del self._buffer[: _HEAD + size]
            yield from self._take(kind, payload)

    def _take(self, kind: bytes, payload: bytes) -> Iterator[Event]:
        if kind in (b"E", b"T"):
            self._submission = _parse_submission(payload, traced=kind == b"T")
            self._phase = _RECIPIENTS
            return
        if kind == b"R":
            self._add_recipients(payload)
            return
        if self._phase == _RECIPIENTS:
            if not self._recipients and not self._submission.extract:
                raise RemoteProtocolError("no recipients")
            yield Begun(self._submission, tuple(self._recipients))
            self._phase = _CONTENT
        if kind == b"C":
            yield self._content(payload)
            return
        if not self._whole_lines:
            raise RemoteProtocolError("the content does not end in a line end")
        self._phase = _OVER
        yield Ended()

    def _add_recipients(self, payload: bytes) -> None:
        addresses = _strings(payload)
        if len(self._recipients) + len(addresses) > RECIPIENTS:
            raise RemoteProtocolError(f"more than {RECIPIENTS} recipients")
        for address in addresses:
            _check_address(address)
        self._recipients += addresses

    def _content(self, data: bytes) -> Content:
        # What is stored must hold no line end but CRLF, whoever wrote it: other servers may take
        # one for the end of a message.
        ends = data.count(b"\r\n")
        if data.count(b"\n") != ends or data.count(b"\r") != ends:
            raise RemoteProtocolError("the content has line ends that are not CRLF")
        if data:
            self._whole_lines = data.endswith(b"\r\n")
        return Content(data)


class AnswerReader:
    """The client's side: bytes become the one answer; *greeted* tells that we may go on."""

    def __init__(self) -> None:
        self.greeted = False
        self._buffer = b""

    def feed(self, data: bytes) -> Answer | None:
        """Take bytes; return the answer once it is complete.

        Raises RemoteProtocolError: that is not the language of this server.
        """
        self._buffer += data
        if not self.greeted and self._buffer.startswith(GREETING):
            self.greeted = True
            self._buffer = self._buffer[len(GREETING) :]
        if len(self._buffer) < _HEAD:
            return None
        kind, size = self._buffer[:1], int.from_bytes(self._buffer[1:_HEAD])
        if kind not in (b"A", b"X") or size > REPLY_BYTES:
            raise RemoteProtocolError("the answer is not understood")
        if len(self._buffer) < _HEAD + size:
            return None
        text = self._buffer[_HEAD : _HEAD + size].decode("utf-8", "replace")
        if kind == b"A":
            return Answer(queue_id=text)
        status, _, reason = text.partition("\0")
        if not (status.isascii() and status.isdigit()):
            raise RemoteProtocolError("the answer is not understood")
        return Answer(status=int(status), text=reason)


def format_begin(submission: Submission, recipients: Sequence[str]) -> bytes:
    """Return the frames of an envelope and its recipients."""
    attributes = {
        "sender": submission.sender,
        "full_name": submission.full_name,
        "extract": "1" if submission.extract else "0",
        "envid": submission.envid,
        "ret": submission.ret,
        "encoding": submission.encoding,
        "smtputf8": "1" if submission.smtputf8 else "0",
        "notify": str(submission.notify),
        "trace": submission.trace or None,
    }
    words = [w for name, value in attributes.items() if value is not None for w in (name, value)]
    frames = [_frame(b"T" if submission.trace else b"E", _joined(words))]
    some: list[str] = []
    size = 0
    for address in recipients:
        length = len(address.encode()) + 1
        if some and size + length > RECIPIENTS_BYTES:
            frames.append(_frame(b"R", _joined(some)))
            some, size = [], 0
        some.append(address)
        size += length
    if some:
        frames.append(_frame(b"R", _joined(some)))
    return b"".join(frames)


def format_content(data: bytes) -> Iterator[bytes]:
    """Yield the frames of content; no CRLF is cut in two."""
    start = 0
    while start < len(data):
        end = min(start + CONTENT_BYTES, len(data))
        if end < len(data) and data[end - 1] == ord("\r"):
            end -= 1
        yield _frame(b"C", data[start:end])
        start = end


def format_end() -> bytes:
    """Return the frame that ends a message."""
    return _frame(b"Z", b"")


def format_accepted(queue_id: str) -> bytes:
    """Return the answer that a message is safe."""
    return _frame(b"A", queue_id.encode())


def format_refused(status: int, text: str) -> bytes:
    """Return the answer that a message is not taken, with an exit status and the reason."""
    return _frame(b"X", f"{status}\0{text}".encode("utf-8", "replace")[:REPLY_BYTES])


def check(submission: Submission, recipients: Iterable[str]) -> None:
    """Raise RemoteProtocolError if this cannot be handed in; the text says why."""
    if submission.ret not in _RET or submission.encoding not in _ENCODINGS:
        raise RemoteProtocolError("RET or the encoding has a value that is not allowed")
    if submission.notify not in _NOTIFY:
        raise RemoteProtocolError("NOTIFY=NEVER excludes other values")
    if submission.trace not in _TRACES:
        raise RemoteProtocolError("there is no such report")
    envid = submission.envid
    if len(envid) > _ENVID_BYTES or not (envid.isascii() and envid.isprintable()):
        raise RemoteProtocolError("the envelope id is longer than 100 characters or not printable")
    for address in (submission.sender or "", *recipients):
        _check_address(address)


def extract_recipients(content: bytes) -> list[str]:
    """Return whom the headers at the beginning of *content* name as recipients.

    Raises RemoteProtocolError: one of them cannot be an address.
    """
    from spoolmta.message.header import message_recipients, split_headers

    addresses = message_recipients(split_headers(content))
    for address in addresses:
        _check_address(address)
    return addresses


def _frame(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4) + payload


def _joined(words: Iterable[str]) -> bytes:
    return b"".join(word.encode() + b"\0" for word in words)


def _strings(payload: bytes) -> list[str]:
    if payload and not payload.endswith(b"\0"):
        raise RemoteProtocolError("a frame ends in the middle of a text")
    try:
        return payload.decode().split("\0")[:-1]
    except UnicodeDecodeError:
        raise RemoteProtocolError("a text is not UTF-8") from None


def _parse_submission(payload: bytes, *, traced: bool) -> Submission:
    words = _strings(payload)
    values = dict(zip(words[::2], words[1::2], strict=False))
    notify = values.get("notify", "0")
    if not (notify.isascii() and notify.isdigit()):
        raise RemoteProtocolError("NOTIFY is not understood")
    submission = Submission(
        sender=values.get("sender"),
        full_name=values.get("full_name"),
        extract=values.get("extract") == "1",
        envid=values.get("envid", ""),
        ret=values.get("ret", ""),
        encoding=values.get("encoding", ""),
        smtputf8=values.get("smtputf8") == "1",
        notify=int(notify[:3]),
        trace=values.get("trace", "") if traced else "",
    )
    check(submission, ())
    return submission


def _check_address(address: str) -> None:
    try:
        size = len(address.encode())
    except UnicodeEncodeError:
        raise RemoteProtocolError("an address is not UTF-8") from None
    if size > ADDRESS_BYTES:
        raise RemoteProtocolError(f"an address is longer than {ADDRESS_BYTES} bytes")
    if any(character < " " or character == "\x7f" for character in address):
        raise RemoteProtocolError("an address has control characters in it")
