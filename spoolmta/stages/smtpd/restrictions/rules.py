"""What restrictions ask: opened once per process, the same for every session.

Parameters: mynetworks, inet_interfaces, proxy_interfaces, inet_protocols,
            parent_domain_matches_subdomains (mynetworks, smtpd_access_maps)
"""

from dataclasses import dataclass, field

from spoolmta.address.routing import Routing, matches_subdomains
from spoolmta.config.parameters.smtpd import AccessParameters
from spoolmta.maps import MatchList, open_match_list
from spoolmta.net.dns import Resolver
from spoolmta.net.interfaces import enabled_families, own_addresses, proxy_addresses
from spoolmta.stages.smtpd.peer import Peer

_REMEMBERED_CLIENTS = 4096


@dataclass
class AccessRules:
    """Parameters, routing, name service and networks.

    *access_parents_dotted*: in access(5) tables ".example.com" matches subdomains, and
    "example.com" does not.
    """

    parameters: AccessParameters
    routing: Routing
    resolver: Resolver
    mynetworks: MatchList
    own_addresses: frozenset[str]
    access_parents_dotted: bool
    _trusted: dict[tuple[str, str], bool] = field(default_factory=dict)

    @classmethod
    def open(
        cls, parameters: AccessParameters, routing: Routing, resolver: Resolver
    ) -> "AccessRules":
        """Return the rules of *parameters*.

        Raises ConfigError: a list cannot be used; the process does not start.
        """
        matching = parameters.parent_domain_matches_subdomains
        families = enabled_families(parameters.inet_protocols)
        own = own_addresses(parameters.inet_interfaces, families)
        return cls(
            parameters=parameters,
            routing=routing,
            resolver=resolver,
            mynetworks=open_match_list(
                parameters.mynetworks, parents=matches_subdomains(matching, "mynetworks")
            ),
            own_addresses=frozenset(map(str, own | proxy_addresses(parameters.proxy_interfaces))),
            access_parents_dotted=not matches_subdomains(matching, "smtpd_access_maps"),
        )

    async def in_mynetworks(self, peer: Peer) -> bool:
        """Return whether a client is in mynetworks; it has an address and perhaps a verified name.

        Raises MapUnavailable: the caller answers 4xx.
        """
        key = (peer.address, peer.name)
        known = self._trusted.get(key)
        if known is not None:
            return known
        found = await self.mynetworks.client_matches(peer.name, peer.address)
        if self.mynetworks.is_static:
            if len(self._trusted) >= _REMEMBERED_CLIENTS:
                self._trusted.clear()
            self._trusted[key] = found
        return found

    def is_own_address(self, peer: Peer) -> bool:
        """Return whether a client's address is one of this machine's."""
        return peer.address in self.own_addresses
