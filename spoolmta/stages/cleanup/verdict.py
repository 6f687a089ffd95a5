"""What becomes of a message that was cleaned up, and what the client is told.

Postfix:    cleanup(8), global/cleanup_strerror.c (the texts)
RFC:        3463 (enhanced status codes)
"""

from dataclasses import dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class CleanupResult:
    """The end of a Cleanup.

    *reply* is the whole reply for REJECT and DEFER ("554 5.4.0 Error: too many hops"), else "".
    *head* are the header lines and the empty line; they stand before everything that feed()
    returned, *tail* behind it. *sender* and *recipients* are rewritten and expanded. *size* counts
    the bytes of head, body and tail. *reason* explains HOLD, and REJECT by a check.
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
