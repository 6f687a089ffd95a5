"""Log lines of the queue manager, of deliveries and of notices.

Postfix:    qmgr(8), smtp(8), local(8), bounce(8)
"""

from collections.abc import Sequence
from typing import Protocol

from spoolmta.maillog.addresses import shown
from spoolmta.maillog.delays import format_delay, format_delays
from spoolmta.maillog.log import MailLog


class Attempt(Protocol):
    """What an agent reports of one recipient."""

    @property
    def action(self) -> str:
        """The status: sent, deferred, bounced."""
        ...

    @property
    def dsn(self) -> str:
        """Enhanced status code."""
        ...

    @property
    def reason(self) -> str:
        """The text in parentheses."""
        ...

    @property
    def relay(self) -> str:
        """Host, address and port, "local", "none", ..."""
        ...

    @property
    def delays(self) -> Sequence[float]:
        """Seconds before the queue manager, in it, in connection set-up, in transmission."""
        ...

    @property
    def connection_use(self) -> int:
        """How often the connection was used, this time included."""
        ...


def queue_active(log: MailLog, queue_id: str, sender: str, size: int, recipients: int) -> None:
    """A message has become active; *recipients* is how many of them still wait."""
    address = shown(sender, external=log.external_addresses)
    log.info(f"{queue_id}: from=<{address}>, size={size}, nrcpt={recipients} (queue active)")


def removed(log: MailLog, queue_id: str) -> None:
    """A message is done with and gone."""
    log.info(f"{queue_id}: removed")


def expired(log: MailLog, queue_id: str, sender: str, *, forced: bool = False) -> None:
    """A message has been in the queue too long, or an operator said so; its sender is told."""
    address = shown(sender, external=log.external_addresses)
    status = "force-expired" if forced else "expired"
    log.info(f"{queue_id}: from=<{address}>, status={status}, returned to sender")


def skipped(log: MailLog, queue_id: str) -> None:
    """A message was not taken up because somebody still works on it."""
    log.info(f"{queue_id}: skipped, still being delivered")


def delivery(
    log: MailLog,
    queue_id: str,
    recipient: str,
    original: str,
    outcome: Attempt,
    *,
    soft_bounce: bool = False,
    probe: bool = False,
) -> None:
    """One attempt for one recipient is over; *original* is the address before aliases.

    *probe*: nothing was delivered, the outcome is what would have come of it.
    """
    external = log.external_addresses
    text = f"{queue_id}: to=<{shown(recipient, external=external)}>, "
    if original and original != recipient and original.lower() != recipient.lower():
        text += f"orig_to=<{shown(original, external=external)}>, "
    text += f"relay={outcome.relay}, "
    if outcome.connection_use > 1:
        text += f"conn_use={outcome.connection_use}, "
    delays = outcome.delays
    status = "SOFTBOUNCE" if soft_bounce else outcome.action
    if probe:
        status = "deliverable" if outcome.action == "sent" else "undeliverable"
    log.info(
        f"{text}delay={format_delay(sum(delays), log.resolution)},"
        f" delays={format_delays(delays, log.resolution)},"
        f" dsn={outcome.dsn}, status={status} ({outcome.reason})"
    )


def passing(log: MailLog, queue_id: str, recipient: str, transport: str) -> None:
    """A delivery agent leaves a recipient to another transport, whose line says what came of it."""
    address = shown(recipient, external=log.external_addresses)
    log.info(f"{queue_id}: passing <{address}> to transport={transport}")


def trouble(log: MailLog, queue_id: str, text: str) -> None:
    """An attempt goes on elsewhere after this: "host x[y] said: ...", "connect to x[y]:25: ...".

    *queue_id* is "" for what concerns a host and no message.
    """
    log.info(f"{queue_id}: {text}" if queue_id else text)


def bounce_notification(log: MailLog, queue_id: str, kind: str, new_queue_id: str) -> None:
    """A notice was posted; *kind* is "sender non-delivery", "sender delay", "postmaster
    non-delivery", "postmaster delay" or "sender delivery status".
    """
    log.info(f"{queue_id}: {kind} notification: {new_queue_id}")
