"""Canonical addresses: one address is replaced by another, and that by the next.

Postfix:    canonical(5), cleanup(8)
Parameters: canonical_maps, sender_canonical_maps, recipient_canonical_maps,
            propagate_unmatched_extensions
Limits:     a chain of replacements ends after ten
"""

from spoolmta.address.mapping import map_address
from spoolmta.address.routing import Routing
from spoolmta.maps import Maps
from spoolmta.maps.keys import fold

_CHAIN_LIMIT = 10


async def canonical_sender(address: str, routing: Routing) -> str:
    """Return the canonical form of a sender's address.

    Raises MapUnavailable: the caller tries again later.
    """
    for maps in (routing.sender_canonical_maps, routing.canonical_maps):
        if maps:
            address = await _canonical(address, maps, routing)
    return address


async def canonical_recipient(address: str, routing: Routing) -> str:
    """Return the canonical form of a recipient's address.

    Raises MapUnavailable: the caller tries again later.
    """
    for maps in (routing.recipient_canonical_maps, routing.canonical_maps):
        if maps:
            address = await _canonical(address, maps, routing)
    return address


async def _canonical(address: str, maps: Maps, routing: Routing) -> str:
    for _ in range(_CHAIN_LIMIT):
        found = await map_address(
            address, maps, routing, keep_extension=routing.canonical_keeps_extension
        )
        if not found or fold(found[0]) == fold(address):
            return found[0] if found else address
        address = found[0]
    return address
