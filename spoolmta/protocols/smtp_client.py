"""The client's side of SMTP and LMTP without I/O: capabilities, and one mail transaction.

A Transaction says which bytes to send, takes the replies in their order, and knows in the end what
the server said to each recipient. With PIPELINING everything up to DATA goes out at once, and
what was sent too early is put right: when no recipient was taken and DATA was, the message that
follows is empty and its reply counts for nothing.

    while (phase := transaction.phase) is not None:
        write(transaction.commands())
        if phase is Phase.CONTENT:
            ... send the content, then transaction.content_sent()
        else:
            transaction.receive(<the next reply>)

Most replies are the same bytes each time ("250 2.1.0 Ok"): what they mean is looked up.

RFC:      5321, 2033 (LMTP), 2920 (PIPELINING), 1870 (SIZE), 6152 (8BITMIME), 6531 (SMTPUTF8),
          3461 (DSN)
Postfix:  smtp(8)
Must not: decide what a reply means for a message (agents/smtp/trouble.py)
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from enum import IntEnum, StrEnum, auto
from functools import lru_cache

import msgspec

from spoolmta.address.quoting import quote
from spoolmta.errors import LocalProtocolError, RemoteProtocolError
from spoolmta.message.envelope import Notify
from spoolmta.message.outcome import Delivery, DeliveryRecipient
from spoolmta.protocols.smtp_content import END_OF_DATA
from spoolmta.protocols.smtp_syntax import Reply, encode_xtext, format_notify, parse_reply

LONGEST_REPLY_TEXT = 2048
LONGEST_REPLY_BYTES = 1 << 16
PIPELINE_BYTES = 1 << 14

_REPLIES_KNOWN = 256
_LONGEST_KNOWN = 128


class Phase(IntEnum):
    """Where a conversation stands: what the client waits for."""

    GREETING = auto()
    EHLO = auto()
    HELO = auto()
    LHLO = auto()
    RSET = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    CONTENT = auto()
    END_OF_DATA = auto()
    QUIT = auto()


class Service(StrEnum):
    """The optional services (EHLO keywords) that a client makes use of."""

    PIPELINING = "PIPELINING"
    SIZE = "SIZE"
    EIGHT_BIT_MIME = "8BITMIME"
    DSN = "DSN"
    SMTPUTF8 = "SMTPUTF8"
    STARTTLS = "STARTTLS"
    AUTH = "AUTH"


class ServerReply(msgspec.Struct, frozen=True):
    """A reply, its code, and the bytes that it came as."""

    code: int
    reply: Reply
    raw: bytes

    @property
    def text(self) -> str:
        """What came, codes and all, its lines joined by a blank, fit for a log line."""
        return _printable(self.raw)

    @property
    def dsn(self) -> str:
        """The enhanced status code; made of the code if there is none of the same class."""
        status = self.reply.dsn
        first = str(self.reply.code)[0]
        return status if status[:1] == first else f"{first}.0.0"


class Capabilities(msgspec.Struct, frozen=True):
    """What a server said to EHLO or LHLO; *size_limit* 0 means that it named none."""

    services: frozenset[Service] = frozenset()
    size_limit: int = 0
    name: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What the server said to one recipient in the end, and in reply to what."""

    phase: Phase
    reply: ServerReply

    @property
    def is_success(self) -> bool:
        """True if the server has taken the message for the recipient, or would take it."""
        return self.phase in (Phase.END_OF_DATA, Phase.RCPT) and self.reply.code // 100 == 2


class ReplyReader:
    """Splits what a server sends into replies."""

    __slots__ = ("_buffer", "_start")

    def __init__(self) -> None:
        self._buffer = b""
        self._start = 0

    @property
    def is_empty(self) -> bool:
        """True if everything that was fed has been handed out."""
        return self._start == len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take bytes from the server."""
        self._buffer = data if self.is_empty else self._buffer[self._start :] + data
        self._start = 0

    def next(self) -> ServerReply | None:
        """Return the next reply, None if it is not complete.

        Raises RemoteProtocolError: what came is no reply; nobody knows what the server means.
        """
        buffer, start = self._buffer, self._start
        end = buffer.find(b"\n", start) + 1
        if end and buffer[start + 3 : start + 4] == b" " and end - start <= _LONGEST_KNOWN:
            self._start = end
            return _one_line(buffer[start:end])
        parsed = parse_reply(buffer, start) if end else None
        if parsed is None:
            if len(buffer) - start > LONGEST_REPLY_BYTES:
                raise RemoteProtocolError(f"reply longer than {LONGEST_REPLY_BYTES} bytes")
            return None
        reply, self._start = parsed
        return ServerReply(reply.code, reply, buffer[start : self._start])


@lru_cache(_REPLIES_KNOWN)
def _one_line(raw: bytes) -> ServerReply:
    """Return what a line says that is a reply of its own: a blank follows the code.

    Raises RemoteProtocolError: it is no reply.
    """
    parsed = parse_reply(raw)
    assert parsed is not None
    return ServerReply(parsed[0].code, parsed[0], raw)


def parse_capabilities(reply: Reply, discarded: Iterable[str] = ()) -> Capabilities:
    """Return what a server offers; keywords in *discarded* count as not offered."""
    name, *lines = reply.text.split("\n")
    ignored = {keyword.upper() for keyword in discarded}
    services = set()
    size_limit = 0
    for line in lines:
        keyword, _, argument = line.replace("=", " ", 1).partition(" ")
        service = _SERVICES.get(keyword.upper())
        if service is None or keyword.upper() in ignored:
            continue
        services.add(service)
        if service is Service.SIZE and argument.isascii() and argument.strip().isdigit():
            size_limit = int(argument)
    if Service.SMTPUTF8 in services:
        services.add(Service.EIGHT_BIT_MIME)
    return Capabilities(frozenset(services), size_limit, name.split(" ")[0])


def mail_command(
    delivery: Delivery, capabilities: Capabilities, *, converted: bool = False
) -> bytes:
    """Return MAIL for a delivery; *converted* content has another size, and is 7-bit."""
    services = capabilities.services
    command = f"MAIL FROM:<{_path(delivery.sender)}>"
    if Service.SIZE in services and not converted:
        command += f" SIZE={delivery.size}"
    if Service.EIGHT_BIT_MIME in services and delivery.encoding:
        command += " BODY=8BITMIME" if delivery.encoding == "8bit" else " BODY=7BIT"
    if Service.DSN in services:
        if delivery.envid:
            command += f" ENVID={encode_xtext(delivery.envid)}"
        if delivery.ret:
            command += f" RET={delivery.ret}"
    if delivery.smtputf8 and Service.SMTPUTF8 in services:
        command += " SMTPUTF8"
    return _line(command)


def rcpt_command(
    recipient: DeliveryRecipient, capabilities: Capabilities, *, smtputf8: bool
) -> bytes:
    """Return RCPT for one recipient of a delivery that did or did not ask for SMTPUTF8."""
    command = f"RCPT TO:<{_path(recipient.address)}>"
    if Service.DSN in capabilities.services:
        command += _dsn_options(
            recipient, unicode=smtputf8 and Service.SMTPUTF8 in capabilities.services
        )
    return _line(command)


def _dsn_options(recipient: DeliveryRecipient, *, unicode: bool) -> str:
    options = ""
    orcpt = recipient.orcpt
    if not orcpt and recipient.original:
        address = quote(recipient.original)
        orcpt = f"{'utf-8' if unicode and not address.isascii() else 'rfc822'};{address}"
    if orcpt:
        options += f" ORCPT={_encode_orcpt(orcpt)}"
    if recipient.notify:
        options += f" NOTIFY={format_notify(Notify(recipient.notify))}"
    return options


class Transaction:
    """One message to some recipients over an open session.

    *answers* holds, for each recipient, what the server said last; None if it has not decided.
    """

    __slots__ = (
        "_accepted",
        "_awaited",
        "_content_due",
        "_lmtp",
        "_mail_refused",
        "_next_rcpt",
        "_pipelining",
        "_probe",
        "_unsent",
        "answers",
        "closing",
        "confirmed",
        "needs_reset",
    )

    def __init__(
        self,
        mail: bytes,
        recipients: Sequence[bytes],
        *,
        pipelining: bool,
        lmtp: bool = False,
        reset: bool = False,
        probe: bool = False,
    ) -> None:
        """*mail* and *recipients* are command lines; *reset* puts RSET before them.

        A *probe* has no content: what the server says to recipients is its answer.
        """
        self.answers: list[Answer | None] = [None] * len(recipients)
        self.confirmed = False  # the server has answered MAIL: the connection is alive
        self.closing = False  # the server said 421: it is about to close the connection
        self.needs_reset = False  # the server may still be inside the transaction
        self._unsent: deque[tuple[Phase, bytes]] = deque()
        if reset:
            self._unsent.append((Phase.RSET, b"RSET\r\n"))
        self._unsent.append((_MAIL, mail))
        self._unsent.extend([(_RCPT, line) for line in recipients])
        if not probe:
            self._unsent.append((_DATA, b"DATA\r\n"))
        self._awaited: deque[Phase] = deque()
        self._accepted: list[int] = []
        self._next_rcpt = 0
        self._mail_refused = False
        self._content_due = False
        self._pipelining = pipelining
        self._lmtp = lmtp
        self._probe = probe

    @property
    def phase(self) -> Phase | None:
        """What the client waits for, or does next; None at the end."""
        if self._awaited:
            return self._awaited[0]
        if self._content_due:
            return Phase.CONTENT
        return self._unsent[0][0] if self._unsent else None

    def commands(self) -> bytes:
        """Return the bytes that can be sent now; b"" if a reply or the content comes first."""
        if self._awaited:
            return b""
        limit = PIPELINE_BYTES if self._pipelining else 1
        lines = []
        size = 0
        while self._unsent and size < limit:
            phase, line = self._unsent.popleft()
            self._awaited.append(phase)
            lines.append(line)
            size += len(line)
        return b"".join(lines)

    def receive(self, reply: ServerReply) -> None:
        """Take the reply that is due next.

        Raises LocalProtocolError: none is due.
        """
        if not self._awaited:
            raise LocalProtocolError("a reply was read that nobody waits for")
        phase = self._awaited.popleft()
        if reply.code == 421:
            self.closing = True
        if phase is _RCPT:
            self._take_rcpt(reply)
        elif phase is _MAIL:
            self._take_mail(reply)
        elif phase is _DATA:
            self._take_data(reply)
        elif phase is _END_OF_DATA:
            self._take_end_of_data(reply)
        elif reply.code // 100 != 2:
            self.closing = True  # it does not want to begin afresh

    def content_sent(self) -> None:
        """Note that the content and the end of data are on their way."""
        self._content_due = False
        replies = len(self._accepted) if self._lmtp else 1
        self._awaited.extend([Phase.END_OF_DATA] * replies)

    def _take_mail(self, reply: ServerReply) -> None:
        self.confirmed = True
        if reply.code // 100 == 2:
            self.needs_reset = True
            return
        self._mail_refused = True
        self._answer_all(Answer(Phase.MAIL, reply))
        self._unsent.clear()

    def _take_rcpt(self, reply: ServerReply) -> None:
        number = self._next_rcpt
        self._next_rcpt += 1
        if self._mail_refused:
            return
        if reply.code // 100 == 2 and not self._probe:
            self._accepted.append(number)
        else:
            self.answers[number] = Answer(Phase.RCPT, reply)
        last = self._next_rcpt == len(self.answers)
        if last and not self._accepted and _DATA not in self._awaited:
            self._unsent.clear()

    def _take_data(self, reply: ServerReply) -> None:
        if reply.code // 100 != 3:
            self._answer_accepted(Answer(Phase.DATA, reply))
        elif self._accepted:
            self._content_due = True
        else:
            self._unsent.append((Phase.END_OF_DATA, END_OF_DATA))

    def _take_end_of_data(self, reply: ServerReply) -> None:
        answer = Answer(_END_OF_DATA, reply)
        if self._lmtp and self._accepted:
            self.answers[self._accepted.pop(0)] = answer
        else:
            self._answer_accepted(answer)
        if not self._awaited:
            self.needs_reset = False

    def _answer_accepted(self, answer: Answer) -> None:
        for number in self._accepted:
            self.answers[number] = answer
        self._accepted.clear()

    def _answer_all(self, answer: Answer) -> None:
        self.answers = [answer] * len(self.answers)


_SERVICES = {service.value: service for service in Service}
_MAIL, _RCPT, _DATA, _END_OF_DATA = Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.END_OF_DATA
_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9.-]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\ud800-\udfff]")
_LINE_END = re.compile(rb"\r*\n")
_NOT_XTEXT8 = re.compile(r"[^\x21-\x7e]|[\\+=]")


def _printable(lines: bytes) -> str:
    """Return the lines of a reply joined by a blank, cut to what a log line can hold."""
    whole = lines[:LONGEST_REPLY_TEXT].rstrip(b"\r\n")
    text = _LINE_END.sub(b" ", whole).rstrip(b" ").decode("utf-8", "replace")
    return text if text.isprintable() else _UNPRINTABLE.sub("?", text)


def _path(address: str) -> str:
    """Return an address as it stands between <>."""
    return address if not address or _PLAIN_ADDRESS.fullmatch(address) else quote(address)


def _line(text: str) -> bytes:
    """Return a command line; a line end inside an address would be a command of its own."""
    line = text.encode("utf-8", "surrogateescape")
    if b"\n" in line or b"\r" in line:
        raise LocalProtocolError("line end in an address")
    return line + b"\r\n"


def _encode_orcpt(orcpt: str) -> str:
    kind, _, address = orcpt.partition(";")
    if kind.lower() != "utf-8":
        return f"{kind};{encode_xtext(address)}"
    return f"{kind};{_NOT_XTEXT8.sub(_escaped, address)}"


def _escaped(match: re.Match[str]) -> str:
    return f"\\x{{{ord(match[0]):X}}}"
