"""Generic addresses: inside names become outside ones as mail leaves; one lookup, no chain.

Postfix:    generic(5), smtp(8)
Parameters: smtp_generic_maps, lmtp_generic_maps, propagate_unmatched_extensions
"""

from spoolmta.address.canonical import Tell
from spoolmta.address.mapping import map_address
from spoolmta.address.quoting import quote, unquote
from spoolmta.address.routing import Routing
from spoolmta.maps import Maps
from spoolmta.maps.memory import Memory, is_memorable


class Generic:
    """What becomes of an address by the tables of one client."""

    def __init__(self, maps: Maps, name: str, routing: Routing, tell: Tell) -> None:
        """*name* is the parameter's, for warnings; *tell* takes them."""
        self._maps = maps
        self._name = name
        self._routing = routing
        self._tell = tell
        propagated = routing.parameters.propagate_unmatched_extensions
        self._keeps_extension = "generic" in propagated.replace(",", " ").lower().split()
        self._memory: Memory[str, str] = Memory([maps.states, routing.local_states])

    async def replaced(self, address: str) -> str:
        """Return the address (internal form) in place of another, or that address itself.

        Raises MapUnavailable: the caller defers.
        """
        if not address:
            return address
        known = self._memory.answers()
        replaced = known.get(address) if known is not None else None
        if replaced is not None:
            return replaced
        found = await map_address(
            await self._routing.keys(address),
            self._maps,
            self._routing,
            keep_extension=self._keeps_extension,
            at_most=2,
        )
        replaced = found[0] if found else address
        if len(found) > 1:
            self._tell(f"multi-valued {self._name} result for {address}")
        elif known is not None and is_memorable(address):
            known[address] = replaced
        return replaced

    async def replaced_in_header(self, address: str) -> str:
        """Do the same with an address as a header has it (external form)."""
        before = unquote(address)
        after = await self.replaced(before)
        return address if after == before else quote(after) if after else after
