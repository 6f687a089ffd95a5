"""What becomes of a message that was cleaned up, and what the client is told.

Postfix:    cleanup(8), global/cleanup_strerror.c (the texts)
RFC:        3463 (enhanced status codes)
"""

from enum import StrEnum
from typing import NamedTuple

import msgspec

from spoolmta.message.envelope import Recipient


class Verdict(StrEnum):
    """The end of cleanup.

    ACCEPT   goes to incoming
    HOLD     goes to hold; *reason* says why
    DISCARD  the client is told that all is well, the message is dropped
    REJECT   the message is not taken; *reply* is 5xx
    DEFER    not now; *reply* is 4xx
    """

    ACCEPT = "accept"
    HOLD = "hold"
    DISCARD = "discard"
    REJECT = "reject"
    DEFER = "defer"


class Refusal(NamedTuple):
    """Why a message is not taken: the whole SMTP reply, and the words of a notice."""

    reply: str
    reason: str


TOO_MANY_HOPS = Refusal("554 5.4.0 Error: too many hops", "5.4.0 too many hops")
TOO_LARGE = Refusal("552 5.3.4 Error: message file too big", "5.3.4 message file too big")
HEADERS_TOO_LARGE = Refusal("552 5.3.4 Error: message header too big", "5.3.4 header too big")
NO_RECIPIENTS = Refusal("550 5.1.0 Error: no recipients specified", "5.1.0 no recipients specified")
# So are a table and a spool that give no answer called alike.
LOOKUP_FAILED = Refusal("451 4.3.0 Error: queue file write error", "4.3.0 queue file write error")
ALIASES_TOO_DEEP = Refusal("451 4.6.0 Alias expansion error", "4.6.0 alias expansion error")
CONTENT_REJECTED = "message content rejected"


class CleanupResult(msgspec.Struct, frozen=True):
    """The end of a Cleanup.

    *reply* is the whole reply for REJECT and DEFER ("554 5.4.0 Error: too many hops"), else "".
    *reason* explains every verdict but ACCEPT, for log and notice; where there is a reply, it
    begins with an enhanced status code. *head* are the header lines and the empty line; they stand
    before everything that feed() returned, *tail* behind it. *sender* and *recipients* are
    rewritten and expanded. *size* counts the bytes of head, body and tail.
    """

    verdict: Verdict
    reply: str
    reason: str
    head: bytes
    tail: bytes
    sender: str
    recipients: tuple[Recipient, ...]
    message_id: str
    size: int
