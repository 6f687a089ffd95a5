"""Mail that comes round: its Delivered-To headers name where it has been.

Postfix:    global/delivered_hdr.c; local(8), pipe(8), smtp(8)
"""

from collections.abc import AsyncIterator

from spoolmta.address.quoting import quote
from spoolmta.message.trace_headers import delivered_to_addresses

_DELIVERED_TO = b"delivered-to:"
# A message with a longer header has it searched this far.
_HEADER_BYTES = 1 << 20


async def was_delivered_to(pieces: AsyncIterator[bytes], address: str) -> bool:
    """Tell whether the header of a message says that it was delivered to *address* before.

    *pieces* are its content; what reading them raises is passed on.
    """
    header = await _header(pieces)
    return _DELIVERED_TO in header.lower() and (
        quote(address).lower() in delivered_to_addresses(header)
    )


async def _header(pieces: AsyncIterator[bytes]) -> bytes:
    """Return the header block of a message, or as much of it as is looked at."""
    block = b""
    async for piece in pieces:
        block += piece
        if b"\r\n\r\n" in block or len(block) > _HEADER_BYTES:
            break
    end = block.find(b"\r\n\r\n")
    return block if end < 0 else block[: end + 2]
