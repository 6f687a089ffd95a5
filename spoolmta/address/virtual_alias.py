"""Virtual aliases: one envelope recipient becomes others, and these in their turn.

Postfix:    virtual(5), cleanup(8), ADDRESS_REWRITING_README
Parameters: virtual_alias_maps, virtual_alias_recursion_limit, virtual_alias_expansion_limit,
            virtual_alias_address_length_limit, propagate_unmatched_extensions
Must not:   cut an expansion short: it is whole or an error
"""

from spoolmta.address.mapping import map_address
from spoolmta.address.routing import Routing
from spoolmta.errors import MapUnavailable, TemporaryError
from spoolmta.maps.keys import fold
from spoolmta.maps.memory import is_memorable

_WAITS = "message not accepted, try again later"


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
    known = routing.expansions.answers()
    expanded = known.get(recipient) if known is not None else None
    if expanded is None:
        expanded = await _expanded(recipient, routing)
        if known is not None and is_memorable(recipient):
            known[recipient] = expanded
    return expanded


async def _expanded(recipient: str, routing: Routing) -> tuple[str, ...]:
    addresses = [recipient]
    finished: set[str] = set()
    at = 0
    while at < len(addresses):
        problem = await _expand(addresses, at, finished, routing)
        if problem:
            raise _unreasonable(f"{problem} for {recipient}")
        at += 1
    return tuple(dict.fromkeys(addresses)) if at > 1 else (addresses[0],)


async def _expand(addresses: list[str], at: int, finished: set[str], routing: Routing) -> str:
    """Replace addresses[at] by what it stands for; what else it stands for goes to the end.

    Return what is unreasonable about that, or "".
    """
    limits = routing.parameters
    for _ in range(limits.virtual_alias_recursion_limit):
        address = addresses[at]
        if fold(address) in finished:
            return ""
        values = await _lookup(address, routing)
        if not values:
            return ""
        addresses[at] = values[0]
        addresses += values[1:]
        if len(addresses) > limits.virtual_alias_expansion_limit:
            return "map expansion size"
        if any(fold(value) == fold(address) for value in values):
            finished.add(fold(address))
    return "" if fold(addresses[at]) in finished else "map nesting"


async def _lookup(address: str, routing: Routing) -> list[str]:
    try:
        values = await map_address(
            await routing.keys(address),
            routing.virtual_alias_maps,
            routing,
            keep_extension=routing.virtual_keeps_extension,
            at_most=routing.parameters.virtual_alias_expansion_limit + 1,
        )
    except MapUnavailable as error:
        text = f"virtual_alias_maps map lookup problem for {address}"
        raise MapUnavailable(f"{text} -- {_WAITS}") from error
    limit = routing.parameters.virtual_alias_address_length_limit
    for value in values:
        if len(value) > limit:
            raise _unreasonable(f"result {value[:300]}...")
    return values


def _unreasonable(what: str) -> AliasExpansionError:
    return AliasExpansionError(f"unreasonable virtual_alias_maps {what} -- {_WAITS}")
