"""What a failure means, by blast radius, and its words.

A failure hits one recipient (RCPT refused), one message (MAIL, DATA or the content refused) or the
destination (no connection, no greeting, no EHLO, a lost connection). Only the destination's count
against its concurrency window. A status 4.x.x is tried at the next server, a 5.x.x is not.

A reply of another class than 4xx or 5xx where one is due is a fault of the peer that may pass:
it counts as 4.5.0.

Postfix:    smtp_trouble(3), smtp(8)
RFC:        5321 4.2.1, 3463
"""

from dataclasses import dataclass
from enum import Enum, auto

from spoolmta.agents.smtp.server import Server
from spoolmta.errors import NetworkError, PeerTimeout, RemoteProtocolError
from spoolmta.protocols.smtp_client import Answer, Phase, ServerReply


class Radius(Enum):
    """Whom a failure hits."""

    RECIPIENT = auto()
    MESSAGE = auto()
    DESTINATION = auto()


@dataclass(frozen=True, slots=True)
class Trouble:
    """A failure: *reason* is for log and notice; *remote* is the host that gave the *reply*.

    *elsewhere*: worth another server even though the status is permanent.
    """

    radius: Radius
    dsn: str
    reason: str
    remote: str = ""
    reply: str = ""
    elsewhere: bool = False

    @property
    def is_soft(self) -> bool:
        """True if it may pass."""
        return self.dsn.startswith("4")

    @property
    def asks_for_less(self) -> bool:
        """True if the server has too much of us, or does not trust us now."""
        distrusts = self.dsn.startswith("4.7.") and self.reply.startswith("4")
        return distrusts or self.reply.startswith("421")

    @property
    def is_loop(self) -> bool:
        """True if the mail would come back to this machine."""
        return self.dsn.endswith(".4.6")


# A table of ours gives no answer: in Postfix the client ends over it, and mail waits.
LOOKUP_FAILED = Trouble(Radius.MESSAGE, "4.3.0", "unknown mail transport error")
NO_SERVER = Trouble(Radius.DESTINATION, "4.3.0", "server unavailable or unable to receive mail")

_DOING = {
    Phase.GREETING: "receiving the initial server greeting",
    Phase.EHLO: "performing the EHLO handshake",
    Phase.HELO: "performing the HELO handshake",
    Phase.LHLO: "performing the LHLO handshake",
    Phase.RSET: "sending RSET probe",
    Phase.MAIL: "sending MAIL FROM",
    Phase.RCPT: "sending RCPT TO",
    Phase.DATA: "sending DATA command",
    Phase.CONTENT: "sending message body",
    Phase.END_OF_DATA: "sending end of data -- message may be sent more than once",
    Phase.QUIT: "sending QUIT",
}
_REQUEST = {
    Phase.MAIL: "MAIL FROM command",
    Phase.RCPT: "RCPT TO command",
    Phase.DATA: "DATA command",
    Phase.END_OF_DATA: "end of DATA command",
}


def unreachable(server: Server, reason: str) -> Trouble:
    """No connection came about."""
    return Trouble(Radius.DESTINATION, "4.4.1", f"connect to {server.relay}: {reason}")


def broken_off(server: Server, phase: Phase, error: NetworkError | RemoteProtocolError) -> Trouble:
    """The conversation ended in *phase*, before the server had answered."""
    doing = _DOING[phase]
    if isinstance(error, PeerTimeout):
        reason = f"conversation with {server.label} timed out while {doing}"
    elif isinstance(error, RemoteProtocolError):
        reason = f"Protocol error: host {server.label} sent no valid reply while {doing}"
        return Trouble(Radius.DESTINATION, "4.5.0", reason)
    else:
        reason = f"lost connection with {server.label} while {doing}"
    return Trouble(Radius.DESTINATION, "4.4.2", reason)


def not_greeted(server: Server, reply: ServerReply, *, skip_5xx: bool = False) -> Trouble:
    """The server does not want to talk to us; with *skip_5xx*, perhaps the next one does."""
    words = f"host {server.label} refused to talk to me: {reply.text}"
    trouble = _replied(Radius.DESTINATION, server, reply, words)
    if skip_5xx and not trouble.is_soft:
        return Trouble(
            trouble.radius, "4" + trouble.dsn[1:], trouble.reason, trouble.remote, trouble.reply
        )
    return trouble


def refused(server: Server, answer: Answer, *, lmtp: bool) -> Trouble:
    """The server refused a recipient, or the message."""
    one = answer.phase is Phase.RCPT or (lmtp and answer.phase is Phase.END_OF_DATA)
    request = _REQUEST[answer.phase]
    words = f"host {server.label} said: {answer.reply.text} (in reply to {request})"
    return _replied(Radius.RECIPIENT if one else Radius.MESSAGE, server, answer.reply, words)


def loops_back(nexthop: str, *, permanent: bool) -> Trouble:
    """The mail would come back to this machine."""
    status = "5.4.6" if permanent else "4.4.6"
    return Trouble(Radius.DESTINATION, status, f"mail for {nexthop} loops back to myself")


def forwarding_loop(address: str) -> Trouble:
    """The message has been delivered to this address before."""
    return Trouble(Radius.MESSAGE, "5.4.6", f"mail forwarding loop for {address}")


def too_large(server: Server, size: int, limit: int) -> Trouble:
    """The server has said that it takes no message of this size."""
    reason = f"message size {size} exceeds size limit {limit} of server {server.label}"
    return Trouble(Radius.MESSAGE, "5.3.4", reason)


def needs_smtputf8(server: Server) -> Trouble:
    """The message has UTF-8 where the server does not take it."""
    reason = f"SMTPUTF8 is required, but was not offered by host {server.label}"
    return Trouble(Radius.MESSAGE, "5.6.7", reason, elsewhere=True)


def local_failure(server: Server) -> Trouble:
    """Something of ours failed in the middle of the conversation."""
    reason = f"local data error while talking to {server.label}"
    return Trouble(Radius.MESSAGE, "4.3.0", reason)


def bad_address() -> Trouble:
    """An address cannot be said in a command: it has a line end in it."""
    return Trouble(Radius.MESSAGE, "5.1.3", "bad address syntax: line end in an address")


def _replied(radius: Radius, server: Server, reply: ServerReply, words: str) -> Trouble:
    status = reply.dsn
    if status[0] not in "45":
        status = "4.5.0"
    return Trouble(radius, status, words, server.name, reply.text)
