"""What is judged: a command of a client, and all that is known of the session by then.

Postfix: SMTPD_ACCESS_README "Delayed evaluation"
"""

from enum import Enum

import msgspec

from spoolmta.address.resolve import Resolution, resolve
from spoolmta.address.rewrite import rewrite
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.stages.smtpd.peer import Peer
from spoolmta.stages.smtpd.restrictions.rules import AccessRules


class Subject(Enum):
    """What a list judges, as its replies word it; each list has its subject."""

    CLIENT = "Client host"
    REVERSE_CLIENT = "Unverified Client host"
    HELO = "Helo command"
    SENDER = "Sender address"
    RECIPIENT = "Recipient address"
    DATA = "Data command"
    END_OF_DATA = "End-of-data"
    ETRN = "Etrn command"


class Request(msgspec.Struct):
    """One command to be judged.

    *stage* is its name in the log ("RCPT", "END-OF-MESSAGE"). None means: not known at this stage.
    *recipient* at DATA and later is there only if it is the only one; *resolution* is where its
    mail would go. *subject* is that of the list which is being asked.
    """

    stage: str
    rules: AccessRules
    peer: Peer
    helo: str | None = None
    sender: str | None = None
    recipient: str | None = None
    resolution: Resolution | None = None
    recipient_count: int = 0
    etrn_domain: str = ""
    improper_pipelining: bool = False
    subject: Subject = Subject.CLIENT
    _sender_resolution: Resolution | None = None

    def name_of(self, subject: Subject) -> str | None:
        """Return what a reply about *subject* puts into <>, None if it is not known yet."""
        match subject:
            case Subject.CLIENT:
                return self.peer.shown
            case Subject.REVERSE_CLIENT:
                return self.peer.reverse_name
            case Subject.HELO:
                return self.helo
            case Subject.SENDER:
                return self.sender
            case Subject.RECIPIENT:
                return self.recipient
            case Subject.ETRN:
                return self.etrn_domain
            case Subject.DATA:
                return "DATA"
            case Subject.END_OF_DATA:
                return "END-OF-MESSAGE"

    def refusal(self, code: int, dsn: str, text: str, subject: Subject | None = None) -> Reply:
        """Return the reply "<name>: Subject rejected: text"; the list's subject unless told."""
        subject = subject or self.subject
        name = self.name_of(subject)
        return Reply(code, with_class_of(dsn, code), f"<{name}>: {subject.value} rejected: {text}")

    async def sender_resolution(self) -> Resolution:
        """Return where mail for the sender would go.

        Raises MapUnavailable: the caller answers 451.
        """
        if self._sender_resolution is None:
            routing = self.rules.routing
            address = rewrite(self.sender or "", routing.rules)
            self._sender_resolution = await resolve(address, sender="", routing=routing)
        return self._sender_resolution


def with_class_of(dsn: str, code: int) -> str:
    """Return a status code whose class is that of the SMTP code, as clients expect."""
    return f"{code // 100}{dsn[1:]}"
