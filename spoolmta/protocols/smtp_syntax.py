"""The words of SMTP: commands, paths, ESMTP parameters, replies, xtext. Both directions.

Parsing is on bytes, once, and splits on exact bytes only. What real clients get wrong and Postfix
takes is taken: a space after the colon, an address without <>, any case, comments and source
routes in an address. Text that is not ASCII is UTF-8; bytes that are neither survive as
surrogates.

RFC:      5321 4.1 (commands), 4.2 (replies), 1870 (SIZE), 2034 (status codes), 3461 (DSN, xtext),
          6152 (8BITMIME), 6531 (SMTPUTF8)
Postfix:  smtpd(8), xtext(3)
Must not: know which verb is allowed when (smtp_server), or what a site permits
"""

import re
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from spoolmta.address.hostname import is_hostname, literal_address
from spoolmta.address.tokens import COMMENT, LITERAL, Token, find, find_last, internal, scan
from spoolmta.errors import RemoteProtocolError
from spoolmta.message.envelope import Notify

LARGEST_SIZE = 2**63 - 1  # what an off_t holds
LONGEST_REPLY_LINE = 510  # RFC 5321 4.5.3.1.5, without the line end


class Reply(NamedTuple):
    """An SMTP reply. *dsn* is the enhanced status code, "" if there is none.

    *text* is without codes; "\\n" stands between the lines of a reply of several.
    """

    code: int
    dsn: str
    text: str

    @property
    def is_success(self) -> bool:
        """True for 2xx."""
        return 200 <= self.code < 300

    @property
    def is_error(self) -> bool:
        """True for 4xx and 5xx."""
        return self.code >= 400

    @property
    def line(self) -> str:
        """The reply in one line, as logs and notices show it: each of its lines with the codes."""
        return " ".join(_lines(self))

    def encode(self) -> bytes:
        """Return the reply as it goes over the wire; control characters become "?"."""
        if "\n" in self.text:
            return b"".join(map(_wire, _lines(self)))
        return _wire(f"{self.code} {self.dsn} {self.text}" if self.dsn else _lines(self)[0])


class Refused(RemoteProtocolError):
    """A command cannot be understood; *reply* tells the client so."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.line)
        self.reply = reply


class Command(msgspec.Struct, frozen=True):
    """A command line. *verb* is in upper case, *argument* as it came, without outer blanks."""

    verb: bytes
    argument: bytes


_ENCODINGS = {"7BIT": "7bit", "8BITMIME": "8bit"}


@dataclass(frozen=True, slots=True)
class MailOptions:
    """ESMTP parameters of MAIL; *size* 0 and empty text mean that the client did not say."""

    size: int = 0
    body: str = ""
    ret: str = ""
    envid: str = ""
    smtputf8: bool = False

    @property
    def encoding(self) -> str:
        """What the client calls the content: "7bit", "8bit", or "" if it does not say."""
        return _ENCODINGS.get(self.body, "")


@dataclass(frozen=True, slots=True)
class RcptOptions:
    """ESMTP parameters of RCPT; *orcpt* is "type;address", decoded."""

    notify: Notify = Notify.ABSENT
    orcpt: str = ""


def parse_command(line: bytes) -> Command:
    """Return the command in a line without its line end; an empty line has the verb b""."""
    line = line.strip(_BLANKS)
    verb, _, argument = line.partition(b" ")
    if b"\t" in verb:
        verb, _, argument = line.partition(b"\t")
    return Command(verb.upper(), argument.lstrip(_BLANKS))


def parse_path(argument: bytes, keyword: bytes) -> tuple[bytes, list[bytes]] | None:
    """Return the path of "FROM:<path> parameters" as it stands, and the parameters.

    *keyword* is b"FROM:" or b"TO:". None: the argument is not of this form.
    """
    size = len(keyword)
    if argument[:size].upper() != keyword:
        return None
    words = split_words(argument[size:])
    return (words[0], words[1:]) if words else None


def split_words(text: bytes) -> list[bytes]:
    """Split an argument at blanks that are not inside <> or quotes."""
    match = _PLAIN_PATH.fullmatch(text)
    if match is not None:
        path, parameters = match.groups()
        if not parameters:
            return [path]
        return [path, *filter(None, parameters.replace(b"\t", b" ").split(b" "))]
    return [match[0] for match in _WORD.finditer(text)]


def parse_mailbox(path: bytes, *, numeric_domain: bool = False) -> str | None:
    """Return the address of a path in internal form, "" for <>; None if it is no address.

    Comments and a source route are dropped. A domain is a host name or [address], and one of
    digits and dots alone only with *numeric_domain*.
    """
    if _PLAIN_MAILBOX.fullmatch(path):
        address = path[1:-1].decode("ascii")
        at = address.find("@")
        return address if at < 0 or _is_domain(address[at + 1 :], numeric_domain) else None
    text = _text(path)
    if _CONTROL.search(text) or _ESCAPED.sub("", text).count('"') % 2:
        return None
    tokens = [token for token in scan(text) if token.kind != COMMENT]
    if tokens and tokens[-1].kind == ",":
        tokens.pop()
    start, end = 0, len(tokens)
    while start < end and tokens[start].kind == "<":
        if tokens[end - 1].kind != ">":
            return None
        start, end = start + 1, end - 1
    tokens = tokens[start:end]
    start = 0
    while start < len(tokens) and tokens[start].kind == "@":
        colon = find(tokens, ":", start)
        if colon < 0:
            break
        start = colon + 1
        if start == len(tokens):
            return None
    return _mailbox(tokens[start:], numeric_domain=numeric_domain)


def parse_mail_options(parameters: list[bytes]) -> MailOptions:
    """Return the parameters of MAIL.

    Raises Refused: one of them is unknown or malformed; the reply says which.
    """
    if not parameters:
        return _NO_MAIL_OPTIONS
    options: dict[str, object] = {}
    for parameter in parameters:
        name, value = _name_and_value(parameter)
        if name == "SIZE=":
            options["size"] = _size(value)
        elif name == "BODY=" and value.upper() in (b"7BIT", b"8BITMIME"):
            options["body"] = value.upper().decode("ascii")
        elif name == "SMTPUTF8":
            options["smtputf8"] = True
        elif name == "RET=":
            if "ret" in options or value.upper() not in (b"FULL", b"HDRS"):
                raise Refused(Reply(501, "5.5.4", "Bad RET parameter syntax"))
            options["ret"] = value.upper().decode("ascii")
        elif name == "ENVID=":
            envid = None if "envid" in options else decode_xtext(value)
            if not envid or _CONTROL.search(envid):
                raise Refused(Reply(501, "5.5.4", "Bad ENVID parameter syntax"))
            options["envid"] = envid
        else:
            raise _unsupported(parameter)
    return MailOptions(**options)  # type: ignore[arg-type]


def parse_rcpt_options(parameters: list[bytes]) -> RcptOptions:
    """Return the parameters of RCPT.

    Raises Refused: one of them is unknown or malformed; the reply says which.
    """
    if not parameters:
        return _NO_RCPT_OPTIONS
    notify, orcpt = Notify.ABSENT, ""
    for parameter in parameters:
        name, value = _name_and_value(parameter)
        if name == "NOTIFY=":
            flags = None if notify else parse_notify(value)
            if flags is None:
                raise Refused(Reply(501, "5.5.4", "Error: Bad NOTIFY parameter syntax"))
            notify = flags
        elif name == "ORCPT=":
            kind, _, encoded = value.partition(b";")
            address = None if orcpt else decode_xtext(encoded)
            if not address or _CONTROL.search(address) or not _ATOM.fullmatch(kind):
                raise Refused(Reply(501, "5.5.4", "Error: Bad ORCPT parameter syntax"))
            orcpt = f"{kind.decode('ascii')};{address}"
        else:
            raise _unsupported(parameter)
    return RcptOptions(notify, orcpt)


def parse_notify(value: bytes) -> Notify | None:
    """Return the flags of a NOTIFY value, or None if it is malformed."""
    flags = Notify.ABSENT
    for word in value.upper().split(b","):
        flag = _NOTIFY.get(word)
        if flag is None or (flags and Notify.NEVER in (flag, flags)):
            return None
        flags |= flag
    return flags


def format_notify(notify: Notify) -> str:
    """Return the value of NOTIFY=; "" if it is absent."""
    return ",".join(word.decode("ascii") for word, flag in _NOTIFY.items() if flag & notify)


def encode_xtext(text: str) -> str:
    """Return *text* in xtext: "+", "=" and what is not visible ASCII become +HH."""
    if _XCHARS.fullmatch(text):
        return text
    return "".join([_XTEXT[octet] for octet in _bytes(text)])


def decode_xtext(text: bytes) -> str | None:
    """Return what xtext stands for, or None if it is not xtext."""
    head, *rest = text.split(b"+")
    octets = bytearray(head)
    for part in rest:
        if _HEX_PAIR.match(part) is None:
            return None
        octets.append(int(part[:2], 16))
        octets += part[2:]
    return _text(bytes(octets))


def parse_reply(buffer: bytes, start: int = 0) -> tuple[Reply, int] | None:
    """Return the reply that begins at *start* and where it ends; None if it is not complete.

    The code is that of the last line, the status code that of the first line which has one.
    Raises RemoteProtocolError: the bytes are no reply.
    """
    lines: list[str] = []
    dsn = ""
    while True:
        end = buffer.find(b"\n", start)
        if end < 0:
            return None
        line = buffer[start:end].rstrip(b"\r")
        start = end + 1
        match = _REPLY_LINE.fullmatch(line)
        if match is None:
            raise RemoteProtocolError(f"not an SMTP reply: {_text(line[:_LONGEST_QUOTE])}")
        code, more, status, rest = match.groups(b"")
        dsn = dsn or status.decode("ascii")
        lines.append(_text(rest))
        if more != b"-":
            return Reply(int(code), dsn, "\n".join(lines)), start


_BLANKS = b" \t"
_LONGEST_QUOTE = 100
_NO_MAIL_OPTIONS = MailOptions()
_NO_RCPT_OPTIONS = RcptOptions()
_NOTIFY = {
    b"NEVER": Notify.NEVER,
    b"SUCCESS": Notify.SUCCESS,
    b"FAILURE": Notify.FAILURE,
    b"DELAY": Notify.DELAY,
}
_ADDRESS_OPERATORS = frozenset("@.:!%|")
_ATOM = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_PLAIN_PATH = re.compile(rb'[ \t]*(<[^<>"\\]*>)((?:[ \t]+[^ \t<>"\\]+)*)[ \t]*')
_PLAIN_MAILBOX = re.compile(
    rb"<(?:[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+(?:@[A-Za-z0-9_.-]+)?)?>", re.ASCII
)
# A word: quoted text and <...> are taken whole, a backslash protects what follows it.
_QUOTED = rb'"(?:[^"\\]|\\.)*(?:"|\\?\Z)'
_WORD = re.compile(
    rb"(?:" + _QUOTED + rb"|<(?:" + _QUOTED + rb'|\\.|[^>"\\])*(?:>|\\?\Z)|\\.|[^ \t"<])+',
    re.DOTALL,
)
_NUMERIC = re.compile(r"[0-9.]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_XCHARS = re.compile(r"[!-*,-<>-~]*")
_XTEXT = [
    chr(octet) if 33 <= octet <= 126 and octet not in b"+=" else f"+{octet:02X}"
    for octet in range(256)
]
_DIGITS = re.compile(rb"[0-9]+")
_HEX_PAIR = re.compile(rb"[0-9A-Fa-f]{2}")
_REPLY_LINE = re.compile(
    rb"([2-5][0-9][0-9])(?:([ -])(?:([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |\Z))?(.*))?", re.DOTALL
)


def _mailbox(tokens: list[Token], *, numeric_domain: bool) -> str | None:
    word_before = False
    for token in tokens:
        if token.is_operator and token.kind not in _ADDRESS_OPERATORS:
            return None
        if word_before and not token.is_operator:
            return None
        word_before = not token.is_operator
    at = find_last(tokens, "@")
    if at < 0:
        return internal(tokens)
    local, domain = internal(tokens[:at]), internal(tokens[at + 1 :])
    if find(tokens[at + 1 :], LITERAL) >= 0:
        valid = len(tokens) == at + 2 and literal_address(domain) is not None
    else:
        valid = _is_domain(domain, numeric_domain)
    return f"{local}@{domain}" if valid and local else None


def _is_domain(name: str, numeric_too: bool) -> bool:
    name = name.removesuffix(".")
    return is_hostname(name) or (numeric_too and _NUMERIC.fullmatch(name) is not None)


def _name_and_value(parameter: bytes) -> tuple[str, bytes]:
    """Return NAME and b"" of "name", NAME= and the value of "name=value"."""
    name, mark, value = parameter.partition(b"=")
    return _text(name + mark).upper(), value


def _size(value: bytes) -> int:
    if not _DIGITS.fullmatch(value):
        raise Refused(Reply(501, "5.5.4", "Bad message size syntax"))
    size = int(value) if len(value) <= len(str(LARGEST_SIZE)) else LARGEST_SIZE + 1
    if size > LARGEST_SIZE:
        raise Refused(Reply(552, "5.3.4", "Message size exceeds file system imposed limit"))
    return size


def _unsupported(parameter: bytes) -> Refused:
    return Refused(Reply(555, "5.5.4", f"Unsupported option: {_text(parameter)}"))


def _lines(reply: Reply) -> list[str]:
    *first, last = reply.text.split("\n")
    dsn = reply.dsn + " " if reply.dsn else ""
    lines = [f"{reply.code}-{dsn}{text}" for text in first]
    lines.append(f"{reply.code} {dsn}{last}")
    return lines


def _wire(line: str) -> bytes:
    return _bytes(_CONTROL.sub("?", line))[:LONGEST_REPLY_LINE] + b"\r\n"


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
