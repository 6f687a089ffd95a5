"""One mail on its way in, from MAIL to the end of its content.

A session always has one. When a mail ends, however it ends, the session gets a new one; nothing
is ever reset inside, so nothing of one mail can show up in the next.
"""

import msgspec

from spoolmta.message.envelope import Recipient
from spoolmta.protocols.smtp_data import ChunkDecoder
from spoolmta.protocols.smtp_server import Chunks
from spoolmta.protocols.smtp_syntax import MailOptions, Reply
from spoolmta.stages.smtpd.intake import Intake

_NO_OPTIONS = MailOptions()


class Wishes(msgspec.Struct):
    """What access actions want of the message; None and empty: nothing."""

    hold_reason: str | None = None
    is_discarded: bool = False
    redirect: str = ""
    copies: list[str] = []
    prepended: list[str] = []


class Chunk(msgspec.Struct, frozen=True):
    """A BDAT chunk that is coming. With a *refusal* it is thrown away, which the reply then is."""

    size: int
    is_last: bool
    refusal: Reply | None


class Transaction(msgspec.Struct):
    """What is known of the mail by now.

    *sender* is None before MAIL. The ids exist from the first accepted recipient on, *intake* from
    the first content on; *decoder* joins BDAT chunks. *refused_recipients* counts those over the
    limit. *deferral* is a defer_if_permit that RCPT has to honour.
    """

    sender: str | None = None
    options: MailOptions = _NO_OPTIONS
    recipients: list[Recipient] = []
    refused_recipients: int = 0
    message_id: int = 0
    queue_id: str = ""
    arrived_at: float = 0.0
    chunks: Chunks = Chunks.NONE
    chunk: Chunk | None = None
    decoder: ChunkDecoder | None = None
    intake: Intake | None = None
    wishes: Wishes | None = None
    deferral: Reply | None = None

    def wish(self) -> Wishes:
        """Return what access actions want, to be added to."""
        if self.wishes is None:
            self.wishes = Wishes()
        return self.wishes
