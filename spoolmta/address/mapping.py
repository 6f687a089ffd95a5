"""What a table makes of an address: the addresses that its value names, rewritten.

"@domain" in a value keeps the local part. An extension that was not part of the key goes on to
the new addresses if the table's kind is in propagate_unmatched_extensions.

Postfix: mail_addr_map(3), mail_addr_crunch(3), canonical(5), virtual(5)
"""

from spoolmta.address.address_list import external_addresses
from spoolmta.address.parts import split_address
from spoolmta.address.rewrite import rewrite_written
from spoolmta.address.routing import Routing
from spoolmta.errors import MapUnavailable
from spoolmta.maps import Hit, Maps
from spoolmta.maps.lookup import AddressKeys, search


async def map_address(
    keys: AddressKeys, maps: Maps, routing: Routing, *, keep_extension: bool, at_most: int
) -> list[str]:
    """Return the addresses (internal form) that one becomes; none if *maps* has no value for it.

    Of a value with very many, more than *at_most*, the others are left out: the caller wants none
    of them.

    Raises MapUnavailable: the caller tries again later.
    """
    hit = await search(maps, keys.every)
    if hit is None:
        return []
    address = keys.address
    listed = external_addresses(_value(address, hit), at_most)
    addresses = [rewrite_written(one, routing.rules) for one in listed]
    if hit.extension and keep_extension:
        addresses = [_with_extension(one, hit.extension) for one in addresses]
    if not addresses:
        raise MapUnavailable(
            f'{maps.name} lookup of {address} returns non-address result "{hit.value}"'
        )
    return addresses


def _value(address: str, hit: Hit) -> str:
    if not hit.value.startswith("@"):
        return hit.value
    local, _ = split_address(address)
    return (local.removesuffix(hit.extension) if hit.extension else local) + hit.value


def _with_extension(address: str, extension: str) -> str:
    local, domain = split_address(address)
    return f"{local}{extension}@{domain}" if domain else address + extension
