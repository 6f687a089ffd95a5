"""A message as it leaves: generic addresses in its envelope and headers.

Outcomes and log lines speak of the recipients as they were; only servers see the others.

Postfix:    smtp(8), generic(5)
Parameters: smtp_generic_maps, lmtp_generic_maps, header_address_token_limit
Limits:     the whole header is in memory
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from spoolmta.address.generic import Generic
from spoolmta.agents.smtp.session import ContentSource
from spoolmta.message.address_header import (
    RECIPIENT_HEADERS,
    SENDER_HEADERS,
    change_addresses,
)
from spoolmta.message.header import split_headers
from spoolmta.message.outcome import Delivery, DeliveryRecipient
from spoolmta.message.turn import Turn

_END = b"\r\n\r\n"
_ADDRESSES = SENDER_HEADERS | RECIPIENT_HEADERS


@dataclass(frozen=True, slots=True)
class Departing:
    """A delivery and its content as servers see them."""

    delivery: Delivery
    content: ContentSource

    def recipients(self, left: Sequence[DeliveryRecipient]) -> tuple[DeliveryRecipient, ...]:
        """Return those who are *left*, as servers see them."""
        numbers = {recipient.number for recipient in left}
        return tuple(r for r in self.delivery.recipients if r.number in numbers)


@dataclass(frozen=True, slots=True)
class Departures:
    """The rewriting of what one client sends."""

    generic: Generic
    token_limit: int

    async def rewrite(self, delivery: Delivery, content: ContentSource) -> Departing:
        """Return a delivery with generic addresses.

        Raises TemporaryError, Corrupt: a table gives no answer, or the content cannot be read;
        the caller defers.
        """
        recipients = [
            replace(recipient, address=await self.generic.replaced(recipient.address))
            for recipient in delivery.recipients
        ]
        sender = await self.generic.replaced(delivery.sender)
        return Departing(
            replace(delivery, sender=sender, recipients=tuple(recipients)),
            await self._content(content),
        )

    async def _content(self, content: ContentSource) -> ContentSource:
        begin = b""
        async for piece in content.read():
            begin += piece
            if _END in begin:
                break
        head: list[bytes] = []
        size = 0
        changed = False
        turn = Turn()
        for header in split_headers(begin.partition(_END)[0] + b"\r\n"):
            size += len(header.raw)
            head.append(header.raw)
            if header.key in _ADDRESSES:
                raw = await change_addresses(
                    header.raw,
                    self.generic.replaced_in_header,
                    token_limit=self.token_limit,
                    turn=turn,
                )
                if raw is not None:
                    head[-1] = raw
                    changed = True
        return _Reheaded(content, b"".join(head), size) if changed else content


class _Reheaded:
    """Content whose first *size* bytes are others."""

    def __init__(self, content: ContentSource, head: bytes, size: int) -> None:
        self._content = content
        self._head = head
        self._size = size

    async def whole(self) -> bytes:
        """See ContentSource."""
        return self._head + (await self._content.whole())[self._size :]

    async def read(self) -> AsyncIterator[bytes]:
        """See ContentSource."""
        yield self._head
        left = self._size
        async for piece in self._content.read():
            if left < len(piece):
                yield piece[left:]
            left = max(0, left - len(piece))
