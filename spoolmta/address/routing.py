"""What routing decisions are made from: parameters, tables and match lists, opened once.

What was found out is remembered as long as all lists and tables that it came from stay as they are
(maps/memory.py): the classes of domains, and what became of addresses.

Postfix:    trivial-rewrite(8), ADDRESS_CLASS_README
Parameters: mydestination, inet_interfaces, proxy_interfaces, virtual_alias_domains,
            virtual_mailbox_domains, relay_domains, parent_domain_matches_subdomains,
            *_transport, relayhost, transport_maps, relocated_maps, sender_dependent_*_maps,
            *_recipient_maps, virtual_*_maps, *canonical_maps, recipient_delimiter
Must not:   take a lookup error for "not in the list"
"""

from enum import StrEnum
from functools import cached_property
from typing import Any

import msgspec

from spoolmta.address.rewrite import RewriteRules
from spoolmta.config.parameters.address import RewritingParameters, RoutingParameters
from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import Delimiter, Hit, Maps, open_maps, open_match_list
from spoolmta.maps.lookup import (
    NO_KEYS,
    NOWHERE,
    PROBLEMS,
    AddressKeys,
    Place,
    States,
    address_keys,
    place_at,
    search,
    transport_keys,
)
from spoolmta.maps.match_list import MatchList
from spoolmta.maps.memory import Memory, is_memorable
from spoolmta.net.interfaces import enabled_families, own_addresses, proxy_addresses
from spoolmta.net.network import parse_address

_COMPARED_DOMAINS = 10_000


class AddressClass(StrEnum):
    """Postfix's address classes, in the order in which a domain is looked for in them."""

    LOCAL = "local"
    VIRTUAL_ALIAS = "virtual alias"
    VIRTUAL_MAILBOX = "virtual mailbox"
    RELAY = "relay"
    DEFAULT = "default"


_LIST_NAMES = {
    AddressClass.LOCAL: "mydestination",
    AddressClass.VIRTUAL_ALIAS: "virtual_alias_domains",
    AddressClass.VIRTUAL_MAILBOX: "virtual_mailbox_domains",
    AddressClass.RELAY: "relay_domains",
}
# With which other lists the list of a class must have no domain in common.
_UNLIKE: dict[AddressClass, tuple[AddressClass, ...]] = {
    AddressClass.LOCAL: (AddressClass.VIRTUAL_ALIAS, AddressClass.VIRTUAL_MAILBOX),
    AddressClass.VIRTUAL_ALIAS: (AddressClass.VIRTUAL_MAILBOX, AddressClass.RELAY),
    AddressClass.VIRTUAL_MAILBOX: (AddressClass.RELAY,),
    AddressClass.RELAY: (),
    AddressClass.DEFAULT: (),
}


class TransportChoice(msgspec.Struct, frozen=True):
    """A ..._transport parameter: a transport, and its next hop or ""."""

    transport: str
    nexthop: str


class Routing:
    """Everything that resolve() and its companions ask; one per process."""

    def __init__(self, parameters: RoutingParameters) -> None:
        self.parameters = parameters
        self.rules = local_rules(parameters)
        self.delimiter = delimiter_of(parameters)
        self._open_lists(parameters)
        self._open_maps(parameters)
        self.local_transport = parse_transport(parameters.local_transport, "local_transport")
        self.virtual_transport = parse_transport(parameters.virtual_transport, "virtual_transport")
        self.relay_transport = parse_transport(parameters.relay_transport, "relay_transport")
        self.default_transport = parse_transport(parameters.default_transport, "default_transport")
        self._recipient_maps: dict[AddressClass, Maps] = {}
        self._expansions: Memory[str, tuple[str, ...]] | None = None
        self._routes: Memory[str, Any] | None = None
        self._transports: Memory[str, str] | None = None
        # One address is looked for in tables of many kinds, one after the other.
        self._last: AddressKeys = NO_KEYS
        self._last_places: dict[str, Place] = {}

    @classmethod
    def open(cls, parameters: RoutingParameters) -> "Routing":
        """Return the routing of *parameters*, with its tables open.

        Raises ConfigError: a table or list cannot be used; the process does not start.
        """
        return cls(parameters)

    async def class_of(self, domain: str) -> AddressClass:
        """Return the class of a recipient's domain.

        Raises MapUnavailable: the caller tries again later.
        """
        known = self._classes.answers()
        address_class = known.get(domain) if known is not None else None
        if address_class is None:
            address_class = await self._find_class(domain)
            if known is not None and is_memorable(domain):
                known[domain] = address_class
        return address_class

    async def is_local(self, domain: str) -> bool:
        """Return whether a domain is in mydestination or is an address of this machine.

        Raises MapUnavailable: the caller tries again later.
        """
        known = self._local.answers()
        is_local = known.get(domain) if known is not None else None
        if is_local is None:
            is_local = await self._find_local(domain)
            if known is not None and is_memorable(domain):
                known[domain] = is_local
        return is_local

    async def lookup(self, maps: Maps, address: str) -> Hit | None:
        """Return what *maps* hold for an address (internal form); see lookup_address().

        Raises MapUnavailable: the caller tries again later.
        """
        if not maps:
            return None
        keys = await self.keys(address)
        return await search(maps, keys.every)

    async def keys(self, address: str) -> AddressKeys:
        """Return the keys of an address, "user" alone among them in $myorigin and local domains.

        Raises MapUnavailable: the caller tries again later.
        """
        known = self._places.answers()
        if known is self._last_places and address == self._last.address:
            return self._last
        at = address.rfind("@")
        if at < 0:
            return address_keys(address, self.delimiter, NOWHERE)
        domain = address[at + 1 :]
        place = known.get(domain) if known is not None else None
        if place is None:
            is_local = domain.lower() == self._myorigin or await self.is_local(domain)
            place = place_at(domain, is_local=is_local)
            if known is not None and is_memorable(domain):
                known[domain] = place
        keys = address_keys(address, self.delimiter, place)
        if known is not None:
            self._last, self._last_places = keys, known
        return keys

    @property
    def local_states(self) -> States | None:
        """What tells whether an address may have other keys now; see Maps."""
        return self._mydestination.states

    @property
    def expansions(self) -> Memory[str, tuple[str, ...]]:
        """What virtual aliases made of recipients. Raises MapUnavailable: they cannot be opened."""
        if self._expansions is None:
            self._expansions = Memory([self.virtual_alias_maps.states, self.local_states])
        return self._expansions

    @property
    def transports(self) -> Memory[str, str]:
        """What transport_maps have for domains; "" is nothing."""
        if self._transports is None:
            self._transports = Memory([self.transport_maps.states])
        return self._transports

    @property
    def routes(self) -> Memory[str, Any]:
        """What resolve() found out of addresses."""
        if self._routes is None:
            maps = (self.transport_maps, self.relocated_maps)
            self._routes = Memory([*self._class_states, *(one.states for one in maps)])
        return self._routes

    async def transport_value(self, keys: AddressKeys, domain: str) -> str | None:
        """Return what transport_maps have for the recipient of *keys* in a domain.

        Raises MapUnavailable: the caller tries again later.
        """
        hit = await search(self.transport_maps, keys.whole)
        if hit is not None:
            return hit.value
        known = self.transports.answers()
        value = known.get(domain) if known is not None else None
        if value is None:
            parents = transport_keys(domain, dotted=self.transport_parents_dotted)
            hit = await search(self.transport_maps, parents)
            value = "" if hit is None else hit.value
            if known is not None and is_memorable(domain):
                known[domain] = value
        return value or None

    async def _find_local(self, domain: str) -> bool:
        name = domain.removesuffix(".")
        if not name or name.endswith("."):
            return False
        return await self._mydestination.matches(name) or self._is_own_literal(name)

    async def _find_class(self, domain: str) -> AddressClass:
        name = domain.removesuffix(".")
        if not name or name.endswith("."):
            return AddressClass.DEFAULT
        address_class = AddressClass.DEFAULT
        if await self.is_local(name):
            address_class = AddressClass.LOCAL
        else:
            for of_list, domains in self._lists.items():
                if await domains.matches(name):
                    address_class = of_list
                    break
        if _UNLIKE[address_class] and name not in self._compared:
            await self._compare(name, address_class)
        return address_class

    async def _compare(self, name: str, address_class: AddressClass) -> None:
        """Warn of a domain that is in the list of another class, too; once a process."""
        if len(self._compared) >= _COMPARED_DOMAINS:
            self._compared.clear()
        self._compared.add(name)
        for other in _UNLIKE[address_class]:
            try:
                is_in_both = await self._lists[other].matches(name)
            except MapUnavailable:
                continue  # the class is known; no mail waits for this
            if is_in_both:
                PROBLEMS.warning(
                    "do not list domain %s in BOTH %s and %s",
                    name,
                    _LIST_NAMES[address_class],
                    _LIST_NAMES[other],
                )
                return

    def _is_own_literal(self, domain: str) -> bool:
        if domain[0] != "[":
            return False
        return parse_address(domain) in self._own

    def _open_lists(self, parameters: RoutingParameters) -> None:
        self._myorigin = parameters.myorigin.lower()
        self._mydestination = open_domains(parameters.mydestination)
        parents = matches_subdomains(parameters.parent_domain_matches_subdomains, "relay_domains")
        alias_domains = open_domains(parameters.virtual_alias_domains)
        mailbox_domains = open_domains(parameters.virtual_mailbox_domains)
        relay_domains = open_match_list(parameters.relay_domains, parents=parents, names_only=True)
        self._lists = {
            AddressClass.VIRTUAL_ALIAS: alias_domains,
            AddressClass.VIRTUAL_MAILBOX: mailbox_domains,
            AddressClass.RELAY: relay_domains,
        }
        lists = self._lists.values()
        self._class_states = [self._mydestination.states, *(one.states for one in lists)]
        self._local: Memory[str, bool] = Memory([self._mydestination.states])
        self._places: Memory[str, Place] = Memory([self._mydestination.states])
        self._classes: Memory[str, AddressClass] = Memory(self._class_states)
        self._compared: set[str] = set()
        families = enabled_families(parameters.inet_protocols)
        own = own_addresses(parameters.inet_interfaces, families)
        self._own = own | proxy_addresses(parameters.proxy_interfaces)

    def _open_maps(self, parameters: RoutingParameters) -> None:
        # Text from an address must not choose a transport: no $1 in these tables' values.
        self.transport_maps = open_maps(parameters.transport_maps, substitution=False)
        self.sender_relayhost_maps = open_maps(
            parameters.sender_dependent_relayhost_maps, substitution=False
        )
        self.sender_transport_maps = open_maps(
            parameters.sender_dependent_default_transport_maps, substitution=False
        )
        self.asks_senders = bool(self.sender_relayhost_maps or self.sender_transport_maps)
        """Whether the sender of mail has a say in its route."""
        self.relocated_maps = open_maps(parameters.relocated_maps)
        self.asks_recipients = bool(self.transport_maps or self.relocated_maps)
        """Whether tables have a say in the route of a recipient."""
        self.transport_parents_dotted = not matches_subdomains(
            parameters.parent_domain_matches_subdomains, "transport_maps"
        )
        propagated = parameters.propagate_unmatched_extensions.replace(",", " ").lower().split()
        self.virtual_keeps_extension = "virtual" in propagated
        self.canonical_keeps_extension = "canonical" in propagated

    # Not every process asks these tables, so that a process is not kept from its work by one
    # that it does not need.

    @cached_property
    def virtual_alias_maps(self) -> Maps:
        """virtual_alias_maps. Raises MapUnavailable: they cannot be opened."""
        return _open_late(self.parameters.virtual_alias_maps)

    @cached_property
    def canonical_maps(self) -> Maps:
        """canonical_maps. Raises MapUnavailable: they cannot be opened."""
        return _open_late(self.parameters.canonical_maps)

    @cached_property
    def recipient_canonical_maps(self) -> Maps:
        """recipient_canonical_maps. Raises MapUnavailable: they cannot be opened."""
        return _open_late(self.parameters.recipient_canonical_maps)

    @cached_property
    def sender_canonical_maps(self) -> Maps:
        """sender_canonical_maps. Raises MapUnavailable: they cannot be opened."""
        return _open_late(self.parameters.sender_canonical_maps)

    def recipient_maps(self, address_class: AddressClass) -> Maps:
        """Return the tables of a class's recipients; empty if it has none.

        Raises MapUnavailable: they cannot be opened.
        """
        known = self._recipient_maps.get(address_class)
        if known is None:
            specs = {
                AddressClass.LOCAL: self.parameters.local_recipient_maps,
                AddressClass.VIRTUAL_MAILBOX: self.parameters.virtual_mailbox_maps,
                AddressClass.RELAY: self.parameters.relay_recipient_maps,
            }
            known = _open_late(specs.get(address_class, ""))
            self._recipient_maps[address_class] = known
        return known


def local_rules(parameters: RewritingParameters) -> RewriteRules:
    """Return the rewriting of envelopes, and of headers of local mail."""
    return RewriteRules(
        myorigin=parameters.myorigin,
        mydomain=parameters.mydomain,
        swap_bangpath=parameters.swap_bangpath,
        allow_percent_hack=parameters.allow_percent_hack,
        append_at_myorigin=parameters.append_at_myorigin,
        append_dot_mydomain=parameters.append_dot_mydomain,
    )


def remote_rules(parameters: RewritingParameters) -> RewriteRules:
    """Return the rewriting of headers of foreign mail, if remote_header_rewrite_domain is set."""
    return RewriteRules(
        myorigin=parameters.remote_header_rewrite_domain,
        mydomain=parameters.remote_header_rewrite_domain,
        swap_bangpath=parameters.swap_bangpath,
        allow_percent_hack=parameters.allow_percent_hack,
        append_at_myorigin=parameters.append_at_myorigin,
        append_dot_mydomain=parameters.append_dot_mydomain,
    )


def delimiter_of(parameters: RoutingParameters) -> Delimiter:
    """Return recipient_delimiter with the names that it never splits."""
    return Delimiter(
        parameters.recipient_delimiter,
        frozenset({"postmaster", "mailer-daemon", parameters.double_bounce_sender.lower()}),
        parameters.owner_request_special,
    )


def open_domains(text: str) -> MatchList:
    """Return a list of domains without their subdomains, as mydestination.

    Raises ConfigError: an element cannot be understood.
    """
    return open_match_list(text, exact=True, names_only=True)


def matches_subdomains(parent_domain_matches_subdomains: str, parameter: str) -> bool:
    """Return whether "example.com" in the list *parameter* stands for its subdomains too."""
    return parameter in parent_domain_matches_subdomains.replace(",", " ").split()


def parse_transport(value: str, parameter: str) -> TransportChoice:
    """Return "transport:nexthop" in its parts; the next hop may be missing.

    Raises ConfigError: there is no transport.
    """
    transport, _, nexthop = value.partition(":")
    if not transport:
        raise ConfigError(f"{parameter} = {value}: expected transport or transport:nexthop")
    return TransportChoice(transport, nexthop)


def _open_late(specs: str) -> Maps:
    try:
        return open_maps(specs)
    except ConfigError as error:
        raise MapUnavailable(str(error)) from error
