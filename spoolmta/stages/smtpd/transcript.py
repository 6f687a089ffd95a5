"""What was said in one session, kept for the postmaster, and what went wrong in it.

It is kept raw, which costs next to nothing, and becomes text only if there is something to tell.

Postfix:    smtpd_chat(8)
Parameters: smtpd_history_flush_threshold
Must not:   keep anything of a message's content
"""

from spoolmta.message.session_letter import SessionLetter, said
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.service.postmaster import Fault, Postmaster

_UNKNOWN_USER = ("rejected: User unknown", "rejected: User has moved")
_SYNTAX = ("5.5.", "5.0.")
_TOO_LARGE, _NO_ROOM, _NOT_IMPLEMENTED = (552, "5.3.4"), (452, "4.3.1"), 502
# These say that the client is not let in, has nobody to send to, or is too early for a service.
_NOBODYS_FAULT = ((503, "5.7.0"), (554, "5.5.1"), (530, "5.7.0"))
_ERROR = 500


class Transcript:
    """The lines of a session since the last letter. *judged* is the reply whose fault is known."""

    __slots__ = ("_counted", "_line_count", "_postmaster", "entries", "faults", "judged", "reason")

    def __init__(self, postmaster: Postmaster) -> None:
        self._postmaster = postmaster
        self._counted = self._line_count = 0
        self.entries: list[bytes | Reply] = []
        self.faults: set[Fault] = set()
        self.judged: Reply | None = None
        self.reason = ""

    def blame(self, fault: Fault, reply: Reply) -> None:
        """Note what went wrong, and the reply that says so."""
        self.faults.add(fault)
        self.judged = reply

    def blame_refusal(self, reply: Reply) -> None:
        """Note that restrictions refused a command."""
        is_unknown = any(text in reply.text for text in _UNKNOWN_USER)
        self.blame(Fault.BOUNCE if is_unknown else Fault.POLICY, reply)

    def blame_command(self, reply: Reply) -> None:
        """Note what the reply to a command says, unless restrictions gave it."""
        if reply is not self.judged and (fault := of_command(reply)) is not None:
            self.faults.add(fault)

    def blame_content(self, reply: Reply) -> None:
        """Note what the reply to the content says, unless restrictions gave it."""
        if reply is not self.judged and reply.is_error:
            self.faults.add(of_content(reply))

    def forgive(self) -> None:
        """A message was taken: what went wrong before it is not told."""
        self.faults.clear()

    def shorten(self, peer: str, threshold: int) -> None:
        """Between two messages: if it has grown long, tell what is to be told, and begin anew."""
        for entry in self.entries[self._counted :]:
            self._line_count += 1 if isinstance(entry, bytes) else 1 + entry.text.count("\n")
        self._counted = len(self.entries)
        if self._line_count > threshold:
            self.tell(peer)
            self.entries.clear()
            self.faults.clear()
            self._counted = self._line_count = 0

    def tell(self, peer: str) -> None:
        """Write to the postmaster if there is something to tell."""
        if self.faults:
            letter = SessionLetter("SMTP server", peer, self._lines(), reason=self.reason)
            self._postmaster.tell(self.faults, letter)

    def _lines(self) -> tuple[str, ...]:
        return tuple(line for entry in self.entries for line in _said(entry))


def of_command(reply: Reply) -> Fault | None:
    """Return whose fault the reply to a command tells of; None if nobody is to hear of it."""
    kind = (reply.code, reply.dsn)
    if kind == _NO_ROOM:
        return Fault.RESOURCE
    if reply.dsn == "4.3.0":
        return Fault.DATA
    if kind == _TOO_LARGE or (reply.code == _NOT_IMPLEMENTED and "disabled" in reply.text):
        return Fault.POLICY
    return Fault.PROTOCOL if reply.code >= _ERROR and kind not in _NOBODYS_FAULT else None


def of_content(reply: Reply) -> Fault:
    """Return whose fault it was that the content of a message was not taken."""
    if reply.dsn == "4.3.0" or (reply.code, reply.dsn) == _NO_ROOM:
        return Fault.RESOURCE
    if reply.dsn in ("5.3.4", "5.4.0"):
        return Fault.BOUNCE
    return Fault.PROTOCOL if reply.dsn.startswith(_SYNTAX) else Fault.POLICY


def _said(entry: bytes | Reply) -> tuple[str, ...]:
    if isinstance(entry, bytes):
        return tuple(said("In:  ", entry.decode("utf-8", "surrogateescape")))
    return tuple(said("Out: ", entry.encode().decode("utf-8", "surrogateescape")))
