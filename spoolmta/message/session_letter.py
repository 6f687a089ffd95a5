"""The letter that tells the postmaster of an SMTP session: what was said, line by line.

Postfix: smtpd_chat(8), smtp_chat.c (the words), util/line_wrap.c
"""

from collections.abc import Iterable
from dataclasses import dataclass

from spoolmta.message.dates import mail_date
from spoolmta.message.folding import fold

# A line begins behind one blank, and goes on four further.
_MARGIN = " "
_INDENT = "     "
# No control character of a stranger's gets into a letter.
_NEUTER = str.maketrans(dict.fromkeys([*range(32), 127], "?"))


@dataclass(frozen=True, slots=True)
class SessionLetter:
    """A letter about one session.

    *side* is "SMTP server" or "SMTP client", *peer* the other side, *opening* a sentence that goes
    before the *lines* of the transcript, *reason* why the session was broken off, "" if it was not;
    None: there is no place for one.
    """

    side: str
    peer: str
    lines: tuple[str, ...]
    opening: str = ""
    reason: str | None = None

    def text(self, *, sender: str, recipient: str, mail_name: str, at: float) -> bytes:
        """Return the letter, to be completed by cleanup; *sender* and *recipient* are headers."""
        told = [
            f"Date: {mail_date(at)}",
            f"From: {sender}",
            f"To: {recipient}",
            f"Subject: {mail_name} {self.side}: errors from {self.peer}",
            "",
            *((self.opening, "") if self.opening else ()),
            "Transcript of session follows.",
            "",
            *(line for one in self.lines for line in _folded(one)),
            "",
            *self._end(),
            "For other details, see the local mail logfile",
        ]
        return "".join(f"{line}\r\n" for line in told).encode("utf-8", "surrogateescape")

    def _end(self) -> tuple[str, ...]:
        if self.reason is None:
            return ()
        return (f"Session aborted, reason: {self.reason}", "") if self.reason else ("",)


def said(mark: str, text: str) -> Iterable[str]:
    """Return the lines of a transcript that what one side has said makes."""
    return (f"{mark}{line}" for line in text.rstrip("\r\n").split("\r\n"))


def _folded(line: str) -> list[str]:
    return fold(_MARGIN + line.translate(_NEUTER), _INDENT)
