"""The addresses of one message: completed, then replaced by canonical maps, then masqueraded.

Addresses of the envelope are always completed as those of local mail. Headers are touched only in
mail of local clients, or with remote_header_rewrite_domain.

Postfix:    cleanup(8), trivial-rewrite(8), ADDRESS_REWRITING_README
Parameters: canonical_maps and its kin, masquerade_domains and its kin,
            remote_header_rewrite_domain, local_header_rewrite_clients
Must not:   know headers or recipients, but for their kinds
"""

from spoolmta.address.canonical import AddressKind, Tell
from spoolmta.address.quoting import quote, unquote
from spoolmta.address.rewrite import RewriteRules, rewrite, rewrite_external
from spoolmta.address.routing import Routing
from spoolmta.errors import MapUnavailable
from spoolmta.message.address_header import Change
from spoolmta.message.turn import Turn
from spoolmta.stages.cleanup.rules import CleanupRules


class Rewriting:
    """How the addresses of one message change. *header_rules*: None if its headers stay."""

    __slots__ = ("_local", "_routing", "_rules", "_tell", "header_rules", "turn")

    def __init__(self, rules: CleanupRules, routing: Routing, tell: Tell, *, local: bool) -> None:
        """*tell* takes warnings. *local*: the headers are those of a local client."""
        self._rules = rules
        self._routing = routing
        self._tell = tell
        self._local = local
        self.turn = Turn()
        self.header_rules: RewriteRules | None = routing.rules if local else rules.remote_rewriting

    def maps(self, kind: AddressKind) -> bool:
        """Return whether tables or masquerading may change addresses of a kind."""
        return kind in self._rules.mapped_kinds

    async def sender(self, address: str) -> str:
        """Return what becomes of the sender of the envelope; *address* is complete, or "".

        Raises MapUnavailable: the caller answers 451.
        """
        return await self._mapped(address, AddressKind.ENVELOPE_SENDER) if address else address

    async def recipient(self, address: str) -> str:
        """Return a recipient of the envelope. Raises MapUnavailable: the caller answers 451."""
        address = rewrite(address, self._routing.rules)
        return await self._mapped(address, AddressKind.ENVELOPE_RECIPIENT)

    def header_change(self, rules: RewriteRules, kind: AddressKind) -> Change:
        """Return what changes an address in a header. It may raise MapUnavailable."""
        if not self.maps(kind):

            async def complete(address: str) -> str:
                return rewrite_external(address, rules)

            return complete

        async def change(address: str) -> str:
            address = rewrite_external(address, rules)
            before = unquote(address)
            after = await self._mapped(before, kind)
            return address if after == before else quote(after) if after else after

        return change

    async def _mapped(self, address: str, kind: AddressKind) -> str:
        if not self.maps(kind):
            return address
        rules = self._rules
        address = await rules.canonical.replaced(address, kind, self._routing, self._tell)
        if kind not in rules.masquerade.kinds:
            return address
        try:
            return await rules.masquerade.hidden(address)
        except MapUnavailable as error:
            raise MapUnavailable(f"masquerade_exceptions: {error}") from error
