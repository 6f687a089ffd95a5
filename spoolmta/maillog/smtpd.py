"""Log lines of the SMTP server.

Postfix:    smtpd(8)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from spoolmta.maillog.addresses import shown
from spoolmta.maillog.log import MailLog

_COMMANDS = (
    "helo", "ehlo", "xclient", "xforward", "starttls", "auth", "mail", "rcpt", "data", "bdat",
    "rset", "noop", "vrfy", "etrn", "quit", "unknown",
)  # fmt: skip


class Peer(Protocol):
    """The client of a session: verified name ("unknown" if there is none) and address."""

    @property
    def name(self) -> str:
        """Host name."""
        ...

    @property
    def address(self) -> str:
        """IP address."""
        ...


class SaslPeer(Peer, Protocol):
    """A client, and how it authenticated; empty text if it did not."""

    @property
    def sasl_method(self) -> str:
        """Mechanism."""
        ...

    @property
    def sasl_username(self) -> str:
        """Account."""
        ...

    @property
    def sasl_sender(self) -> str:
        """MAIL FROM's AUTH parameter."""
        ...


@dataclass(frozen=True, slots=True)
class Rejection:
    """An access decision: what was decided, at which stage, by which reply.

    *action* is "reject", "reject_warning", "hold", "discard", "warn", ...; *stage* is "CONNECT",
    "EHLO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE", "VRFY"; *reply* is the whole reply,
    "554 5.7.1 <a@b>: Relay access denied". None means: not known yet.
    """

    action: str
    stage: str
    reply: str
    sender: str | None = None
    recipient: str | None = None
    protocol: str = ""
    helo: str | None = None
    sasl_method: str = ""
    sasl_username: str = ""


def connect(log: MailLog, peer: Peer) -> None:
    """A client has connected."""
    log.info(f"connect from {peer.name}[{peer.address}]")


def disconnect(log: MailLog, peer: Peer, commands: Mapping[str, tuple[int, int]]) -> None:
    """A session is over; *commands* has successes and total by command name (lower case).

    What is no command of ours counts as "unknown".
    """
    counts = ""
    good = total = 0
    for name in _COMMANDS:
        if name in commands:
            succeeded, called = commands[name]
            counts += f" {name}={_count(succeeded, called)}"
            good += succeeded
            total += called
    summary = _count(good, total) if total else "0/0"
    log.info(f"disconnect from {peer.name}[{peer.address}]{counts} commands={summary}")


def lost_connection(log: MailLog, peer: Peer, after: str, size: int | None = None) -> None:
    """The client went away *after* a command; *size* is how much content it had sent."""
    log.info(f"lost connection after {_stage(after, size)} from {peer.name}[{peer.address}]")


def timeout(log: MailLog, peer: Peer, after: str, size: int | None = None) -> None:
    """The client said nothing for smtpd_timeout."""
    log.info(f"timeout after {_stage(after, size)} from {peer.name}[{peer.address}]")


def too_many_errors(log: MailLog, peer: Peer, after: str, size: int | None = None) -> None:
    """The client reached smtpd_hard_error_limit."""
    log.info(f"too many errors after {_stage(after, size)} from {peer.name}[{peer.address}]")


def client(log: MailLog, queue_id: str, peer: SaslPeer) -> None:
    """A message has got its queue id."""
    text = f"{queue_id}: client={peer.name}[{peer.address}]"
    if peer.sasl_method:
        text += f", sasl_method={peer.sasl_method}"
    if peer.sasl_username:
        text += f", sasl_username={peer.sasl_username}"
    if peer.sasl_sender:
        text += f", sasl_sender={peer.sasl_sender}"
    log.info(text)


def reject(log: MailLog, queue_id: str, peer: Peer, rejection: Rejection) -> None:
    """A command was refused, or would have been; *queue_id* is "" before there is one."""
    external = log.external_addresses
    text = (
        f"{queue_id or 'NOQUEUE'}: {rejection.action}: {rejection.stage}"
        f" from {peer.name}[{peer.address}]: {rejection.reply}"
    )
    details = []
    if rejection.sender is not None:
        details.append(f"from=<{shown(rejection.sender, external=external)}>")
    if rejection.recipient is not None:
        details.append(f"to=<{shown(rejection.recipient, external=external)}>")
    if rejection.protocol:
        details.append(f"proto={rejection.protocol}")
    if rejection.helo is not None:
        details.append(f"helo=<{rejection.helo}>")
    if rejection.sasl_method:
        details.append(f"sasl_method={rejection.sasl_method}")
    if rejection.sasl_username:
        details.append(f"sasl_username={rejection.sasl_username}")
    log.info(f"{text}; {' '.join(details)}" if details else text)


def reject_etrn(log: MailLog, peer: Peer, argument: str) -> None:
    """ETRN was refused."""
    log.warning(f"reject: ETRN {argument}... from {peer.name}[{peer.address}]")


def improper_pipelining(log: MailLog, peer: Peer, after: str, data: bytes) -> None:
    """The client sent more before it was its turn; *data* is what it sent."""
    text = data[:200].decode("ascii", "backslashreplace")
    text = text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
    log.info(f"improper command pipelining after {after} from {peer.name}[{peer.address}]: {text}")


def non_smtp_command(log: MailLog, peer: Peer, text: str) -> None:
    """The client does not speak SMTP (a forbidden command, or a header line)."""
    log.warning(f"non-SMTP command from {peer.name}[{peer.address}]: {text[:100]}")


def illegal_address(log: MailLog, peer: Peer, command: str, text: str) -> None:
    """MAIL or RCPT had no address that can be understood."""
    log.warning(
        f"Illegal address syntax from {peer.name}[{peer.address}] in {command} command: {text}"
    )


def name_does_not_resolve(log: MailLog, name: str, address: str, reason: str = "") -> None:
    """The client's name does not lead back to its address."""
    ending = f": {reason}" if reason else ""
    log.warning(f"hostname {name} does not resolve to address {address}{ending}")


def _count(succeeded: int, called: int) -> str:
    return str(called) if succeeded == called else f"{succeeded}/{called}"


def _stage(after: str, size: int | None) -> str:
    return after if size is None else f"{after} ({size} bytes)"
