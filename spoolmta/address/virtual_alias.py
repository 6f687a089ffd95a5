"""Virtual aliases: one envelope recipient becomes others, and these in their turn.

Postfix:    virtual(5), cleanup(8), ADDRESS_REWRITING_README
Parameters: virtual_alias_maps, virtual_alias_recursion_limit, virtual_alias_expansion_limit,
            virtual_alias_address_length_limit, propagate_unmatched_extensions
Must not:   cut an expansion short: it is whole or an error
"""

from spoolmta.address.mapping import map_address
from spoolmta.address.routing import Routing
from spoolmta.errors import TemporaryError
from spoolmta.maps.keys import fold


class AliasExpansionError(TemporaryError):
    """Aliases go on too wide or too deep: answer 451 4.6.0 "Alias expansion error"."""


async def expand_virtual_aliases(recipient: str, routing: Routing) -> tuple[str, ...]:
    """Return the addresses (internal form) that a recipient stands for, itself if it has no alias.

    An address that expands into itself stays. No address is returned twice.

    Raises MapUnavailable: the caller answers 451 4.3.0 or tries again later.
    Raises AliasExpansionError: the caller answers 451 4.6.0; the text is for the log.
    """
    if not routing.virtual_alias_maps:
        return (recipient,)
    addresses = [recipient]
    finished: set[str] = set()
    at = 0
    while at < len(addresses):
        await _expand(addresses, at, finished, routing)
        at += 1
    return tuple(dict.fromkeys(addresses))


async def _expand(addresses: list[str], at: int, finished: set[str], routing: Routing) -> None:
    """Replace addresses[at] by what it stands for; what else it stands for goes to the end."""
    limits = routing.parameters
    for _ in range(limits.virtual_alias_recursion_limit):
        address = addresses[at]
        if fold(address) in finished:
            return
        values = await _lookup(address, routing)
        if not values:
            return
        addresses[at] = values[0]
        addresses += values[1:]
        if len(addresses) > limits.virtual_alias_expansion_limit:
            raise AliasExpansionError(
                f"unreasonable virtual_alias_maps map expansion size for {addresses[0]}"
            )
        if any(fold(value) == fold(address) for value in values):
            finished.add(fold(address))
    if fold(addresses[at]) not in finished:
        raise AliasExpansionError(
            f"unreasonable virtual_alias_maps map nesting for {addresses[at]}"
        )


async def _lookup(address: str, routing: Routing) -> list[str]:
    values = await map_address(
        address,
        routing.virtual_alias_maps,
        routing,
        keep_extension=routing.virtual_keeps_extension,
    )
    limit = routing.parameters.virtual_alias_address_length_limit
    for value in values:
        if len(value) > limit:
            raise AliasExpansionError(
                f"unreasonable virtual_alias_maps map result {value[:300]}... for {address}"
            )
    return values
