"""The entry of a list that makes a name a member: of mydestination, relay_domains, mynetworks ...

Whether it is one the whole list has said already; here its entries are asked one by one.

Postfix: postconf(5) mydestination, relay_domains, mynetworks; ADDRESS_CLASS_README
"""

from dataclasses import dataclass

from spoolmta.address.parts import split_address
from spoolmta.address.resolve import AddressClass, Resolution
from spoolmta.address.routing import matches_subdomains
from spoolmta.cli.explanation.facts import Step
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.match_list import parse_match_list
from spoolmta.maps.recorded import Recorder, hits
from spoolmta.maps.syntax import split_words

_OF_CLASS = {
    AddressClass.LOCAL: "mydestination",
    AddressClass.VIRTUAL_ALIAS: "virtual_alias_domains",
    AddressClass.VIRTUAL_MAILBOX: "virtual_mailbox_domains",
    AddressClass.RELAY: "relay_domains",
}


@dataclass(frozen=True, slots=True)
class MemberList:
    """The text of the list *parameter*, and how names match in it (see MatchList)."""

    parameter: str
    text: str
    parents: bool = False
    exact: bool = False

    async def entry(self, name: str, recorder: Recorder, *, address: bool = False) -> Step | None:
        """Return the entry that holds *name* (an IP *address*?), None if no single one does."""
        for word in split_words(self.text):
            try:
                only = parse_match_list(
                    word.lstrip("!"),
                    recorder.opener(self.parameter),
                    parents=self.parents,
                    exact=self.exact,
                )
                matches = await (only.address_matches(name) if address else only.matches(name))
            except (ConfigError, MapUnavailable):
                return None  # the list itself did without it
            found = hits(recorder.take())
            if matches:
                hit = found[-1] if found else None
                return Step(
                    "entry",
                    word,
                    self.parameter,
                    hit.table if hit else "",
                    hit.key if hit else "",
                    hit.value or "" if hit else "",
                )
        return None


async def class_step(
    resolution: Resolution, parameters: RoutingParameters, recorder: Recorder
) -> Step:
    """Return the class of an address, with the entry that makes its domain a member."""
    address_class = resolution.address_class
    domain = split_address(resolution.recipient)[1].removesuffix(".")
    recorder.take()
    if address_class not in _OF_CLASS:
        return Step("class", str(address_class))
    parameter = _OF_CLASS[address_class]
    matching = parameters.parent_domain_matches_subdomains
    is_relay = address_class is AddressClass.RELAY
    listed = MemberList(
        parameter,
        getattr(parameters, parameter),
        parents=is_relay and matches_subdomains(matching, parameter),
        exact=not is_relay,
    )
    entry = await listed.entry(domain, recorder)
    if entry is None and address_class is AddressClass.LOCAL and domain.startswith("["):
        return Step("class", str(address_class), "inet_interfaces", key=domain)
    if entry is None:
        return Step("class", str(address_class), parameter)
    key = entry.key or entry.result
    return Step("class", str(address_class), parameter, entry.table, key, entry.value)
