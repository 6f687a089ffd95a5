"""Where mail for an address goes, and which parameter or table said so.

resolve() decides; what it looked up on the way tells why.

Postfix:    trivial-rewrite(8), transport(5), qmgr(8)
Parameters: <transport>_destination_concurrency_limit and its kin, message_size_limit,
            maximal_queue_lifetime, bounce_queue_lifetime, minimal_backoff_time,
            maximal_backoff_time (their values are told)
"""

from collections.abc import Mapping
from dataclasses import dataclass

from spoolmta.address.parts import split_address
from spoolmta.address.resolve import AddressClass, Resolution, resolve
from spoolmta.address.routing import Routing, TransportChoice
from spoolmta.cli.explanation.facts import Limits, Step
from spoolmta.cli.explanation.membership import class_step
from spoolmta.config.loader import Configuration
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.config.parameters.qmgr import QueueManagerParameters
from spoolmta.maps.recorded import Lookup, Recorder, hits

_BY_CLASS = {
    AddressClass.LOCAL: "local_transport",
    AddressClass.VIRTUAL_MAILBOX: "virtual_transport",
    AddressClass.RELAY: "relay_transport",
    AddressClass.DEFAULT: "default_transport",
}
_BY_SENDER = "sender_dependent_default_transport_maps"
_NO_OPINION = "DUNNO"
_TRANSPORT, _NEXTHOP = "transport", "next hop"
# Names of Routing's attributes that are not those of their parameters.
TABLES = {
    "sender_relayhost_maps": "sender_dependent_relayhost_maps",
    "sender_transport_maps": _BY_SENDER,
}
_OF_CLASS = {
    AddressClass.LOCAL: "local_recipient_maps",
    AddressClass.VIRTUAL_MAILBOX: "virtual_mailbox_maps",
    AddressClass.RELAY: "relay_recipient_maps",
}


class RecordedRouting(Routing):
    """The routing that mail has, its tables under watch."""

    def __init__(self, configuration: Configuration, recorder: Recorder) -> None:
        """Open the tables as trivial-rewrite does.

        Raises ConfigError: a list or table cannot be used; no mail would be routed.
        """
        super().__init__(configuration.section(RoutingParameters))
        recorder.watch_all(self, TABLES)
        for address_class, parameter in _OF_CLASS.items():
            self._recipient_maps[address_class] = recorder.watch(
                parameter, self.recipient_maps(address_class)
            )


async def route(
    address: str, sender: str, routing: Routing, recorder: Recorder
) -> tuple[Resolution, list[Step]]:
    """Return where mail for an address goes, and the steps that lead there.

    Raises MapUnavailable: the mail would wait.
    """
    recorder.take()
    resolution = await resolve(address, sender=sender, routing=routing)
    asked = {hit.parameter: hit for hit in hits(recorder.take()) if hit.value}
    steps = []
    if resolution.recipient != address:
        steps.append(Step("routed", resolution.recipient))
    steps.append(await class_step(resolution, routing.parameters, recorder))
    reasons = _Reasons(resolution, asked, routing)
    return resolution, [*steps, reasons.transport(), reasons.nexthop()]


def limits(configuration: Configuration, found: Resolution, sender: str) -> Limits:
    """Return how mail to the destination of *found* is let go.

    Raises ConfigError: a limit is no number.
    """
    number = configuration.transport_number
    parameters = configuration.section(QueueManagerParameters)
    transport = found.transport
    recipients = number(transport, "_destination_recipient_limit")
    destination = found.nexthop.lower()
    if recipients == 1:
        destination = f"{split_address(found.recipient)[0]}@{found.nexthop}".lower()
    lifetime = parameters.maximal_queue_lifetime
    return Limits(
        destination=destination,
        concurrency=number(transport, "_destination_concurrency_limit"),
        initial_concurrency=number(transport, "_initial_destination_concurrency"),
        recipients=recipients,
        queue_lifetime=lifetime if sender else min(lifetime, parameters.bounce_queue_lifetime),
        minimal_backoff=parameters.minimal_backoff_time,
        maximal_backoff=parameters.maximal_backoff_time,
        size=parameters.message_size_limit,
    )


@dataclass(frozen=True, slots=True)
class _Reasons:
    """Why a resolution is as it is; *asked* are the last hits of tables, by parameter."""

    resolution: Resolution
    asked: Mapping[str, Lookup]
    routing: Routing

    def transport(self) -> Step:
        """Return which parameter or entry chose the transport."""
        if self._excluding is not None:
            return self._step(_TRANSPORT, self._excluding)
        mapped, chosen = self.asked.get("transport_maps"), self._of_sender(_BY_SENDER)
        if mapped is not None and not _value(mapped).startswith(":"):
            return self._step(_TRANSPORT, mapped)
        return self._step(_TRANSPORT, chosen or _BY_CLASS[self.resolution.address_class])

    def nexthop(self) -> Step:
        """Return which parameter or entry chose the next hop; none did if it is the domain."""
        if self._excluding is not None:
            return self._step(_NEXTHOP, self._excluding)
        mapped = self.asked.get("transport_maps")
        if mapped is not None:
            transport, _, nexthop = _value(mapped).partition(":")
            if transport or nexthop:
                return self._step(_NEXTHOP, mapped if nexthop else "")
        chosen = self._of_sender(_BY_SENDER)
        if chosen is not None and _value(chosen).partition(":")[2]:
            return self._step(_NEXTHOP, chosen)
        parameter = _BY_CLASS[self.resolution.address_class]
        choice: TransportChoice = getattr(self.routing, parameter)
        if chosen is None and choice.nexthop:
            return self._step(_NEXTHOP, parameter)
        return self._step(_NEXTHOP, self._relayhost())

    @property
    def _excluding(self) -> Lookup | str | None:
        """What decides both, whatever else is said; None if nothing does."""
        if "relocated_maps" in self.asked:
            return self.asked["relocated_maps"]
        if self.resolution.malformed:
            return ""
        is_alias = self.resolution.address_class is AddressClass.VIRTUAL_ALIAS
        return "virtual_alias_maps" if is_alias else None

    def _relayhost(self) -> Lookup | str:
        if self.resolution.address_class not in (AddressClass.DEFAULT, AddressClass.RELAY):
            return ""
        by_sender = self._of_sender("sender_dependent_relayhost_maps")
        if by_sender is not None:
            return by_sender
        return "relayhost" if self.routing.parameters.relayhost else ""

    def _of_sender(self, parameter: str) -> Lookup | None:
        hit = self.asked.get(parameter)
        return None if hit is None or _value(hit).upper() == _NO_OPINION else hit

    def _step(self, what: str, why: Lookup | str) -> Step:
        result = self.resolution.transport if what == _TRANSPORT else self.resolution.nexthop
        if isinstance(why, str):
            return Step(what, result, why)
        return Step(what, result, why.parameter, why.table, why.key, _value(why))


def _value(hit: Lookup) -> str:
    return hit.value or ""
