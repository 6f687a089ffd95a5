"""What was said in one session with a server, for the postmaster, if the server did not understand.

Replies x0z are about syntax: to get one, either side must have made a mistake (RFC 5321 4.2.1).

Postfix:    smtp_chat.c, smtp_trouble(3)
Must not:   keep anything of a message's content
"""

from spoolmta.message.session_letter import SessionLetter, said
from spoolmta.protocols.smtp_client import ServerReply
from spoolmta.service.postmaster import Fault, Postmaster

_FAILURES = range(400, 600)
_SYNTAX = range(500, 510)
_BAD_PARAMETERS = 555
# A kept session goes on for long; what was said before the last messages tells nothing.
_MOST_ENTRIES = 500


class Transcript:
    """The lines of a session. *postmaster* is told at its end if there is something to tell."""

    def __init__(self, postmaster: Postmaster, side: str, peer: str) -> None:
        self._postmaster = postmaster
        self._side = side
        self._peer = peer
        self._lines: list[str] = []
        self._has_erred = False

    def says(self, commands: bytes) -> None:
        """Note what was sent to the server."""
        self._lines += said("Out: ", commands.decode("utf-8", "surrogateescape"))

    def hears(self, reply: ServerReply) -> None:
        """Note what the server said."""
        self._lines += said("In:  ", reply.raw.decode("utf-8", "surrogateescape"))

    def judge(self, reply: ServerReply) -> None:
        """Take a reply that stands in the way of mail."""
        code = reply.code
        if code not in _FAILURES or code in _SYNTAX or code == _BAD_PARAMETERS:
            self._has_erred = True

    def note_no_reply(self) -> None:
        """Note that the server sent what is no reply at all."""
        self._has_erred = True

    def begin_message(self) -> None:
        """Keep a long session's transcript short."""
        if not self._has_erred and len(self._lines) > _MOST_ENTRIES:
            self._lines.clear()

    def tell(self) -> None:
        """Write to the postmaster, once."""
        if self._has_erred:
            self._has_erred = False
            opening = f"Unexpected response from {self._peer}."
            letter = SessionLetter(self._side, self._peer, tuple(self._lines), opening)
            self._postmaster.tell((Fault.PROTOCOL,), letter)
