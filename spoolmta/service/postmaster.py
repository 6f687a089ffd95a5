"""What the postmaster is told of sessions that went wrong, if notify_classes asks for it.

A letter goes into maildrop as every mail of the system's own; if it cannot be written or cleaned up
now, the log says so, and there is none: as many sessions go wrong as long as a table is down.

Postfix:    postconf(5) notify_classes
Writes:     maildrop
Parameters: notify_classes, error_notice_recipient, bounce_notice_recipient, double_bounce_sender,
            header_from_format, mail_name
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from spoolmta.address.rewrite import rewrite
from spoolmta.address.routing import local_rules
from spoolmta.config.parameters.address import RewritingParameters
from spoolmta.message.envelope import Envelope, Recipient
from spoolmta.message.session_letter import SessionLetter
from spoolmta.service.context import ServiceContext
from spoolmta.spool import queues
from spoolmta.spool.queues import NewMessage, State

# As internal_mail_filter_classes call it.
ORIGIN = "notify"


class Fault(StrEnum):
    """What went wrong in a session: the classes of notify_classes that have transcripts.

    BOUNCE    mail was refused that we would have to bounce
    DATA      a table gave no answer
    POLICY    a request was refused by what the site wants
    PROTOCOL  one side did not keep to the protocol
    RESOURCE  there was no room, or nothing could be written
    SOFTWARE  something of ours failed
    """

    BOUNCE = "bounce"
    DATA = "data"
    POLICY = "policy"
    PROTOCOL = "protocol"
    RESOURCE = "resource"
    SOFTWARE = "software"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """Who is told of which faults; addresses are complete."""

    context: ServiceContext
    parameters: RewritingParameters
    wanted: frozenset[Fault]
    error: str
    bounce: str
    daemon: str
    double_bounce_sender: str

    @classmethod
    def open(cls, context: ServiceContext) -> "Postmaster":
        """Read the parameters."""
        parameters = context.section(RewritingParameters)
        rules = local_rules(parameters)
        classes = parameters.notify_classes.lower().replace(",", " ").split()
        return cls(
            context,
            parameters,
            frozenset(fault for fault in Fault if fault.value in classes),
            rewrite(parameters.error_notice_recipient, rules),
            rewrite(parameters.bounce_notice_recipient, rules),
            rewrite("MAILER-DAEMON", rules),
            rewrite(parameters.double_bounce_sender, rules),
        )

    def tell(self, faults: Collection[Fault], letter: SessionLetter) -> None:
        """Write to the postmaster if one of *faults* is wanted; call it inside the event loop."""
        if self.wanted.isdisjoint(faults):
            return
        recipient = self.bounce if Fault.BOUNCE in faults else self.error
        message = self._message(recipient, letter)
        written = self.context.committer.submit(
            lambda tx: queues.enqueue(tx, State.MAILDROP, message),
            on_commit=lambda: self.context.poke("pickup"),
        )
        written.add_done_callback(self._note_failure)

    def _message(self, recipient: str, letter: SessionLetter) -> NewMessage:
        context, now = self.context, self.context.clock.now()
        text = letter.text(
            sender=self._header("Mail Delivery System", self.daemon),
            # So does Postfix, whoever gets it.
            recipient=self._header("Postmaster", self.error),
            mail_name=self.parameters.mail_name,
            at=now,
        )
        message_id = context.ids.next()
        envelope = Envelope(
            sender=self.double_bounce_sender,
            recipients=(Recipient(recipient),),
            origin=ORIGIN,
            encoding="8bit",
        )
        queue_id = context.queue_id(message_id)
        return NewMessage(message_id, queue_id, envelope, len(text), (text,), now)

    def _header(self, name: str, address: str) -> str:
        if self.parameters.header_from_format == "obsolete":
            return f"{address} ({name})"
        return f"{name} <{address}>"

    def _note_failure(self, written: "asyncio.Future[None]") -> None:
        if not written.cancelled() and (error := written.exception()) is not None:
            self.context.log.warning(f"postmaster notification failed: {error}")
