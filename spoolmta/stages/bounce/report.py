"""A report as RFC 3464 wants it: words for people, fields for programs, the message or its headers.

Postfix:    bounce/bounce_notify_util.c
RFC:        3461 6, 3462, 3464, 3834 (Auto-Submitted), 6533 (addresses in UTF-8)
Parameters: mail_name, myhostname, myorigin, header_from_format, enable_threaded_bounces (their
            values are handed in)
Must not:   touch the spool; let a line end of a reply or address begin a header
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from spoolmta.address.quoting import quote
from spoolmta.message.dates import mail_date
from spoolmta.message.envelope import Envelope
from spoolmta.message.folding import fold
from spoolmta.message.header import find_headers, split_headers
from spoolmta.message.trace_headers import return_path
from spoolmta.spool.notices import Kind
from spoolmta.stages.bounce.recipients import Concerned, Letter

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9-]+")
_GLOBAL = {
    "message/rfc822": "message/global",
    "text/rfc822-headers": "message/global-headers",
}
_PREAMBLE = "This is a MIME-encapsulated message: a report in several parts."


class Returned(StrEnum):
    """How much of the message comes back with the report."""

    MESSAGE = "message"
    HEADERS = "headers"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports: the values of myhostname and mail_name, and the From header's text."""

    myhostname: str
    mail_name: str
    from_header: str


@dataclass(frozen=True, slots=True)
class Original:
    """The message that is reported on.

    *sender* is printed for it (that of the envelope, but never empty); *until* is the end of its
    life in the queue, *header* its header block.
    """

    queue_id: str
    envelope: Envelope
    sender: str
    arrived_at: float
    until: float
    header: bytes


@dataclass(frozen=True, slots=True)
class Wording:
    """What people read: *lines* are the words for a human sender, none for a postmaster."""

    subject: str
    lines: tuple[str, ...]
    charset: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a report is made of; *message_id* and *now* (seconds) are its own."""

    letter: Letter
    original: Original
    reporter: Reporter
    wording: Wording
    message_id: str
    now: float
    returned: Returned
    threaded: bool = False

    @property
    def boundary(self) -> str:
        """The line between its parts."""
        return f"{self.original.queue_id}.{int(self.now)}/{self.reporter.myhostname}"


@dataclass(frozen=True, slots=True)
class Frame:
    """A report but for what it returns of the message: *head*, the returned text, *tail*."""

    head: bytes
    tail: bytes


def frame(report: Report) -> Frame:
    """Return a report around what it returns of the message."""
    is_global = report.original.envelope.smtputf8
    line = f"--{report.boundary}"
    text = _text(report)
    encoding = "7bit"
    if report.original.envelope.encoding != "7bit" or not "".join(text).isascii():
        encoding = "8bit"
    lines = [
        *_header(report, encoding),
        "",
        _PREAMBLE,
        "",
        line,
        "Content-Description: Notification",
        f"Content-Type: text/plain; charset={report.wording.charset}",
        f"Content-Transfer-Encoding: {encoding}",
        "",
        *text,
        "",
        line,
        "Content-Description: Delivery report",
        f"Content-Type: message/{'global-' if is_global else ''}delivery-status",
        *(["Content-Transfer-Encoding: 8bit"] if is_global else []),
        "",
        *_fields(report),
        "",
    ]
    if report.returned is Returned.NOTHING:
        return Frame(_encode(lines), _encode([f"{line}--"]))
    lines += [line, *_returned(report, encoding), ""]
    head = _encode(lines) + return_path(report.original.sender)
    return Frame(head, _encode(["", f"{line}--"]))


def header_of(block: bytes) -> bytes:
    """Return the header block that content begins with, without the empty line."""
    if block.startswith(b"\r\n"):
        return b""
    end = block.find(b"\r\n\r\n")
    return block if end < 0 else block[: end + 2]


def product(mail_name: str) -> str:
    """Return mail_name as it may stand in a header's name: X-Postfix."""
    return f"X-{_NOT_A_NAME.sub('-', mail_name)}"


def _header(report: Report, encoding: str) -> Iterator[str]:
    letter = report.letter
    yield f"Date: {mail_date(report.now)}"
    yield f"From: {report.reporter.from_header}"
    yield f"Subject: {report.wording.subject}"
    yield f"To: {_clean(quote(letter.recipient))}"
    if report.threaded:
        yield from _thread(report.original.header)
    yield f"Auto-Submitted: {'auto-generated' if letter.to_postmaster else 'auto-replied'}"
    yield "MIME-Version: 1.0"
    yield "Content-Type: multipart/report; report-type=delivery-status;"
    yield f'\tboundary="{report.boundary}"'
    yield f"Content-Transfer-Encoding: {encoding}"
    yield f"Message-Id: {report.message_id}"


def _thread(header: bytes) -> Iterator[str]:
    headers = split_headers(header)
    found = find_headers(headers, b"message-id")
    if not found:
        return
    message_id = _clean(found[0].text)
    earlier = find_headers(headers, b"references") or find_headers(headers, b"in-reply-to")
    words = [*(_clean(earlier[0].text).split() if earlier else ()), message_id]
    yield "References: " + "\r\n ".join(words)
    yield f"In-Reply-To: {message_id}"


def _text(report: Report) -> list[str]:
    lines = list(report.wording.lines)
    for one in report.letter.concerned:
        lines += ["", *_explanation(one)]
    return lines


def _explanation(one: Concerned) -> list[str]:
    recipient = one.recipient
    text = f"<{_clean(quote(recipient.address))}>"
    original = recipient.original
    if original and original.lower() != recipient.address.lower():
        text += f" (expanded from <{_clean(quote(original))}>)"
    return fold(f"{text}: {_clean(one.reason)}")


def _fields(report: Report) -> Iterator[str]:
    original = report.original
    envelope = original.envelope
    name = product(report.reporter.mail_name)
    yield f"Reporting-MTA: dns; {report.reporter.myhostname}"
    if envelope.envid:
        yield f"Original-Envelope-Id: {_ascii(envelope.envid)}"
    yield f"{name}-Queue-ID: {original.queue_id}"
    yield f"{name}-Sender: {_typed(original.sender, envelope)}"
    yield f"Arrival-Date: {mail_date(original.arrived_at)}"
    for one in report.letter.concerned:
        yield ""
        yield f"Final-Recipient: {_typed(one.recipient.address, envelope)}"
        yield f"Original-Recipient: {_original(one, envelope)}"
        yield f"Action: {one.action}"
        yield f"Status: {one.dsn}"
        if one.remote:
            yield f"Remote-MTA: dns; {_ascii(one.remote)}"
        yield from _diagnostic(one, name, envelope)
        if report.letter.kind is Kind.DELAY:
            yield f"Will-Retry-Until: {mail_date(original.until)}"


def _diagnostic(one: Concerned, name: str, envelope: Envelope) -> Iterator[str]:
    if one.remote and one.reply:
        text = f"smtp; {one.reply}"
    elif one.reply:
        text = f"x-unix; {one.reply}"
    else:
        text = f"{name}; {one.reason}"
    text = _clean(text) if envelope.smtputf8 else _ascii(text)
    yield from fold(f"Diagnostic-Code: {text}")


def _typed(address: str, envelope: Envelope, *, separator: str = "; ") -> str:
    """Return an address with its type; RFC 6533 has one for addresses in UTF-8."""
    printed = quote(address)
    if envelope.smtputf8 and not printed.isascii():
        return f"utf-8{separator}{_clean(printed)}"
    return f"rfc822{separator}{_ascii(printed)}"


def _original(one: Concerned, envelope: Envelope) -> str:
    recipient = one.recipient
    if not recipient.orcpt:
        return _typed(recipient.original or recipient.address, envelope, separator=";")
    return _clean(recipient.orcpt) if envelope.smtputf8 else _ascii(recipient.orcpt)


def _returned(report: Report, encoding: str) -> Iterator[str]:
    is_global = report.original.envelope.smtputf8
    if report.returned is Returned.MESSAGE:
        what, content_type = "Message", "message/rfc822"
    else:
        what, content_type = "Message Headers", "text/rfc822-headers"
    if is_global:
        content_type = _GLOBAL[content_type]
    if report.letter.kind not in (Kind.SUCCESS, Kind.TRACE):
        what = f"Undelivered {what}"
    yield f"Content-Description: {what}"
    yield f"Content-Type: {content_type}"
    yield f"Content-Transfer-Encoding: {encoding}"


def _clean(text: str) -> str:
    """Return text on one line: whatever is not printable is a question mark."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in text)


def _ascii(text: str) -> str:
    return _clean(text).encode("ascii", "replace").decode("ascii")


def _encode(lines: Sequence[str]) -> bytes:
    return "\r\n".join([*lines, ""]).encode("utf-8", "surrogateescape")
