"""Canonical addresses: one address is replaced by another, and that by the next.

Postfix:    canonical(5), cleanup(8)
Parameters: canonical_maps, sender_canonical_maps, recipient_canonical_maps,
            canonical_classes, sender_canonical_classes, recipient_canonical_classes,
            propagate_unmatched_extensions
Limits:     a chain of replacements ends after ten, with a warning
"""

from collections.abc import Callable
from enum import StrEnum

from spoolmta.address.mapping import map_address
from spoolmta.address.routing import Routing
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import Maps
from spoolmta.maps.keys import fold
from spoolmta.maps.memory import Memory, is_memorable

_CHAIN_LIMIT = 10
_WAITS = "message not accepted, try again later"

Tell = Callable[[str], None]
"""Takes a warning."""


class AddressKind(StrEnum):
    """Where an address stands; the words of canonical_classes and its like."""

    ENVELOPE_SENDER = "envelope_sender"
    ENVELOPE_RECIPIENT = "envelope_recipient"
    HEADER_SENDER = "header_sender"
    HEADER_RECIPIENT = "header_recipient"


AddressKinds = frozenset[AddressKind]

_SENDERS = frozenset({AddressKind.ENVELOPE_SENDER, AddressKind.HEADER_SENDER})


def parse_kinds(text: str, parameter: str) -> AddressKinds:
    """Return the kinds of addresses that *parameter* names.

    Raises ConfigError: a word is not known.
    """
    kinds = set()
    for word in text.replace(",", " ").split():
        try:
            kinds.add(AddressKind(word.lower()))
        except ValueError:
            raise ConfigError(
                f'{parameter} = {text}: unknown "{word}"; expected {", ".join(AddressKind)}'
            ) from None
    return frozenset(kinds)


class Canonical:
    """What becomes of an address by canonical maps; which maps depends on where it stands.

    It goes with one Routing, whose tables it asks.
    """

    def __init__(self, sender: AddressKinds, recipient: AddressKinds, common: AddressKinds) -> None:
        """The kinds of addresses that sender_, recipient_canonical_maps and canonical_maps see."""
        self._sender = sender
        self._recipient = recipient
        self._common = common
        self._tables = {kind: self._names(kind) for kind in AddressKind}
        self._memory: Memory[tuple[AddressKind, str], str] | None = None

    def kinds(self, parameters: CommonParameters) -> AddressKinds:
        """Return the kinds of addresses that some table may replace."""
        kinds: AddressKinds = frozenset()
        if parameters.sender_canonical_maps:
            kinds |= self._sender & _SENDERS
        if parameters.recipient_canonical_maps:
            kinds |= self._recipient - _SENDERS
        if parameters.canonical_maps:
            kinds |= self._common
        return kinds

    async def replaced(self, address: str, kind: AddressKind, routing: Routing, tell: Tell) -> str:
        """Return the address (internal form) in place of another, or that address itself.

        Raises MapUnavailable: the caller tries again later; its cause may have more to tell.
        """
        known = self._answers(routing)
        key = kind, address
        found = known.get(key) if known is not None else None
        if found is not None:
            return found
        if known is None or not is_memorable(address):
            return await self._replaced(address, kind, routing, tell)
        warnings: list[str] = []
        try:
            replaced = await self._replaced(address, kind, routing, warnings.append)
        finally:
            for warning in warnings:
                tell(warning)
        if not warnings:
            known[key] = replaced
        return replaced

    def _answers(self, routing: Routing) -> dict[tuple[AddressKind, str], str] | None:
        if self._memory is None:
            try:
                self._memory = _memory(routing)
            except MapUnavailable:
                return None  # it may be a table that this address has nothing to do with
        return self._memory.answers()

    async def _replaced(self, address: str, kind: AddressKind, routing: Routing, tell: Tell) -> str:
        name = ""
        try:
            keys = await routing.keys(address)
            for name in self._tables[kind]:
                maps: Maps = getattr(routing, name)
                for _ in range(_CHAIN_LIMIT):
                    found = await map_address(
                        keys,
                        maps,
                        routing,
                        keep_extension=routing.canonical_keeps_extension,
                        at_most=2,
                    )
                    if not found:
                        break
                    if len(found) > 1:
                        tell(f"multi-valued {name} entry for {address}")
                    before, address = address, found[0]
                    keys = await routing.keys(address)
                    if fold(address) == fold(before):
                        break
                else:
                    tell(f"unreasonable {name} map nesting for {address} -- {_WAITS}")
        except MapUnavailable as error:
            raise MapUnavailable(f"{name} map lookup problem for {address} -- {_WAITS}") from error
        return address

    def _names(self, kind: AddressKind) -> tuple[str, ...]:
        """Return the parameters of the tables that addresses of a kind are looked for in."""
        if kind in _SENDERS:
            names = ("sender_canonical_maps",) if kind in self._sender else ()
        else:
            names = ("recipient_canonical_maps",) if kind in self._recipient else ()
        return (*names, "canonical_maps") if kind in self._common else names


def _memory(routing: Routing) -> Memory[tuple[AddressKind, str], str]:
    maps = (routing.canonical_maps, routing.sender_canonical_maps, routing.recipient_canonical_maps)
    return Memory([routing.local_states, *(one.states for one in maps)])
