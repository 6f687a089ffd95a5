"""Mail that comes round: its Delivered-To headers name where it has been.

Postfix:    global/delivered_hdr.c; local(8), pipe(8), smtp(8)
"""

from collections.abc import AsyncIterator, Callable

from spoolmta.address.quoting import quote
from spoolmta.message.trace_headers import delivered_to_addresses

_DELIVERED_TO = b"delivered-to:"
# A message with a longer header has it searched this far.
_HEADER_BYTES = 1 << 20


async def was_delivered_to(pieces: AsyncIterator[bytes], address: str) -> bool:
    """Tell whether the header of a message says that it was delivered to *address* before.

    *pieces* are its content; what reading them raises is passed on.
    """
    return (await deliveries_before(pieces))(address)


async def deliveries_before(pieces: AsyncIterator[bytes]) -> Callable[[str], bool]:
    """Return what tells of an address whether the message was delivered to it before.

    *pieces* are its content; what reading them raises is passed on.
    """
    header = await _header(pieces)
    if _DELIVERED_TO not in header.lower():
        return lambda _: False
    addresses = delivered_to_addresses(header)
    return lambda address: quote(address).lower() in addresses


async def _header(pieces: AsyncIterator[bytes]) -> bytes:
    """Return the header block of a message, or as much of it as is looked at."""
    block = b""
    async for piece in pieces:
        block += piece
        if b"\r\n\r\n" in block or len(block) > _HEADER_BYTES:
            break
    end = block.find(b"\r\n\r\n")
    return block if end < 0 else block[: end + 2]
