"""Log lines of cleanup and pickup.

Postfix:    cleanup(8), pickup(8)
"""

from dataclasses import dataclass

from spoolmta.maillog.addresses import shown
from spoolmta.maillog.log import MailLog

_LONGEST_CONTENT = 200


@dataclass(frozen=True, slots=True)
class HeaderAction:
    """What a header or body check decided.

    *action* is "reject", "warning", "info", "hold", "discard", ...; *part* is "header" or "body";
    *content* is the line that matched. *origin* is "name[address]" of the client, or "local".
    """

    action: str
    part: str
    content: str
    origin: str
    sender: str
    recipient: str = ""
    protocol: str = ""
    helo: str = ""
    text: str = ""


def message_id(log: MailLog, queue_id: str, value: str) -> None:
    """A message's Message-ID is known; *value* has its angle brackets."""
    log.info(f"{queue_id}: message-id={value}")


def resent_message_id(log: MailLog, queue_id: str, value: str) -> None:
    """A message's Resent-Message-ID is known."""
    log.info(f"{queue_id}: resent-message-id={value}")


def header_action(log: MailLog, queue_id: str, check: HeaderAction) -> None:
    """A header or body check matched."""
    external = log.external_addresses
    content = " ".join(check.content.split())[:_LONGEST_CONTENT]
    text = (
        f"{queue_id}: {check.action}: {check.part} {content}"
        f" from {check.origin}; from=<{shown(check.sender, external=external)}>"
    )
    if check.recipient:
        text += f" to=<{shown(check.recipient, external=external)}>"
    if check.protocol:
        text += f" proto={check.protocol}"
    if check.helo:
        text += f" helo=<{check.helo}>"
    if check.text:
        text += f": {check.text}"
    log.info(text)


def pickup(log: MailLog, queue_id: str, uid: int, sender: str, original_id: str = "") -> None:
    """A message from maildrop has got its queue id; *original_id* is the one before a requeue."""
    ending = f" orig_id={original_id}" if original_id else ""
    address = shown(sender, external=log.external_addresses)
    log.info(f"{queue_id}: uid={uid} from=<{address}>{ending}")
