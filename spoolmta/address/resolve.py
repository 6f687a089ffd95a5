"""Where mail for an address goes next: transport, next hop, recipient, address class.

First every domain of ours is stripped from the address, and what the rest says of routing (%, !,
quoted @) is followed, until the domain is foreign or nothing is left to follow. The class of the
domain gives a transport and next hop; relayhost, transport_maps and relocated_maps override them.

Postfix:    trivial-rewrite(8), transport(5), relocated(5), ADDRESS_CLASS_README
Parameters: see routing.py
Must not:   raise for a bad address; take a lookup error for "not found"
Limits:     an address of more than 8192 characters, or one that takes very many steps to follow, is
            called bad
"""

import re

import msgspec

from spoolmta.address.hostname import is_hostname, literal_address
from spoolmta.address.quoting import quote
from spoolmta.address.rewrite import rewrite_tokens, strip_trailing_dot
from spoolmta.address.routing import AddressClass, Routing, TransportChoice, parse_transport
from spoolmta.address.tokens import AT, NOBODY, QUOTED, Token, find_last, internal, scan
from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import Maps
from spoolmta.maps.lookup import NO_KEYS, AddressKeys, search
from spoolmta.maps.memory import is_memorable
from spoolmta.net.network import parse_address

__all__ = ["AddressClass", "Resolution", "Routing", "resolve"]

ERROR_TRANSPORT = "error"
RETRY_TRANSPORT = "retry"
_BAD_SYNTAX = "5.1.3 bad address syntax"
_MOVED = "5.1.6 User has moved to "
_UNDELIVERABLE = "Address is undeliverable"
_NO_ROUTING = re.compile(
    r'[^\s\x00-\x1f\x7f()<>@,;:\\"\[\]!%.-][^\s\x00-\x1f\x7f()<>@,;:\\"\[\]!%]*'
)
_OPERATORS = frozenset("@!%")
# For these classes the sender has a say in the transport or the next hop.
_ASKS_SENDER = frozenset({AddressClass.DEFAULT, AddressClass.RELAY})
# No command of SMTP is that long; what is longer would take more time than it is worth.
_LENGTH_LIMIT = 8192
# Characters that all steps of one address may scan together.
_WORK_LIMIT = 200_000


class Resolution(msgspec.Struct, frozen=True):
    """Where mail for one recipient goes.

    *recipient* is the address that the transport is given. *routed*: its local part names a
    further hop (@, ! or %), so that relaying it must not be allowed for its domain's sake.
    *malformed*: it is no address; transport and next hop then say so, too.
    """

    transport: str
    nexthop: str
    recipient: str
    address_class: AddressClass
    routed: bool = False
    malformed: bool = False


async def resolve(address: str, *, sender: str, routing: Routing) -> Resolution:
    """Return where mail for *address* (internal form) goes; never raises for bad addresses.

    They resolve to the error transport. *sender* matters to sender_dependent_..._maps alone.

    Raises MapUnavailable: the caller tries again later.
    """
    if len(address) > _LENGTH_LIMIT:
        return _malformed(address, AddressClass.DEFAULT)
    known = routing.routes.answers()
    route = known.get(address) if known is not None else None
    if route is None:
        route = await _find_route(address, routing)
        if known is not None and is_memorable(address):
            known[address] = route
    return await _by_sender(route, sender, routing) if isinstance(route, _Route) else route


class _Route(msgspec.Struct, frozen=True):
    """What an address comes to, but for what its sender has to say.

    *value* is what transport_maps have for it, *moved* what relocated_maps have.
    """

    recipient: str
    domain: str
    address_class: AddressClass
    routed: bool
    value: str | None
    moved: str | None


async def _find_route(address: str, routing: Routing) -> Resolution | _Route:
    routed = False
    at = address.rfind("@")
    if at > 0 and _NO_ROUTING.fullmatch(address, 0, at) and _is_name(address[at + 1 :], routing):
        recipient, domain = address, address[at + 1 :]
        address_class = await routing.class_of(domain)
    else:
        recipient, address_class = await _follow(address, routing)
        domain = recipient[recipient.rfind("@") + 1 :]
        if not domain or not (_is_name(domain, routing) or literal_address(domain)):
            return _malformed(recipient, AddressClass.DEFAULT)
        if recipient[0] == "-" and not routing.parameters.allow_min_user:
            return _malformed(recipient, address_class)
        routed = _first_operator(recipient) != len(recipient) - len(domain) - 1
    value = moved = None
    if routing.asks_recipients:
        keys = await routing.keys(recipient)
        if address_class is not AddressClass.VIRTUAL_ALIAS:
            value = await routing.transport_value(keys, domain)
        hit = await search(routing.relocated_maps, keys.every)
        moved = None if hit is None else hit.value
    route = _Route(recipient, domain, address_class, routed, value, moved)
    if address_class in _ASKS_SENDER and routing.asks_senders:
        return route
    return await _by_sender(route, "", routing)


def _is_name(domain: str, routing: Routing) -> bool:
    return is_hostname(domain) and (domain.isascii() or routing.parameters.smtputf8_enable)


async def _by_sender(route: _Route, sender: str, routing: Routing) -> Resolution:
    choice = await _choose(route, sender, routing)
    return Resolution(
        choice.transport, choice.nexthop, route.recipient, route.address_class, routed=route.routed
    )


async def _follow(address: str, routing: Routing) -> tuple[str, AddressClass]:
    """Return the recipient and its class, all routing through domains of ours done."""
    parameters = routing.parameters
    tokens = scan(quote(address)) if address else []
    own: list[Token] | None = None
    work = 0
    while (work := work + len(address) + 1) <= _WORK_LIMIT:
        if AT in tokens:
            tokens = strip_trailing_dot(tokens)
        if parameters.resolve_null_domain and tokens[-1:] == [AT]:
            tokens = tokens[:-1]
        at = find_last(tokens, "@")
        if at >= 0:
            if at + 1 < len(tokens):
                domain = internal(tokens[at + 1 :])
                if not await routing.is_local(domain):
                    return await _foreign(internal(tokens), domain, routing)
            tokens, own = tokens[:at], tokens[at:]
        followed = _next_hop(tokens, routing)
        if followed is not None:
            tokens = followed
        elif not tokens or tokens == [NOBODY]:
            tokens = scan(parameters.empty_address_recipient)
        elif own is None:
            tokens = [*tokens, AT, *scan(parameters.myhostname)]
        else:
            return internal([*tokens, *own]), AddressClass.LOCAL
    return address.rpartition("@")[0] + "@", AddressClass.DEFAULT


async def _foreign(recipient: str, domain: str, routing: Routing) -> tuple[str, AddressClass]:
    is_numeric = domain[:1] != "[" and parse_address(domain) is not None
    if is_numeric and routing.parameters.resolve_numeric_domain:
        # Postfix writes IPv6 without the tag, which no server takes (RFC 5321 4.1.3).
        literal = f"[{domain}]" if "." in domain else f"[IPv6:{domain}]"
        recipient = recipient[: -len(domain)] + literal
        return recipient, await routing.class_of(literal)
    return recipient, await routing.class_of(domain)


def _next_hop(tokens: list[Token], routing: Routing) -> list[Token] | None:
    """Return the address that a local part without its domain routes to, None if it does not."""
    parameters = routing.parameters
    operators = ["@"]
    if parameters.allow_percent_hack:
        operators.append("%")
    if parameters.swap_bangpath:
        operators.append("!")
    if any(token.kind in operators for token in tokens):
        return rewrite_tokens(tokens, routing.rules)
    if parameters.resolve_dequoted_address and len(tokens) == 1 and tokens[0].kind == QUOTED:
        text = tokens[0].text
        operator = next((operator for operator in operators if operator in text), None)
        if operator is not None:
            return rewrite_tokens(_take_apart(text, operator), routing.rules)
    return None


def _take_apart(text: str, operator: str) -> list[Token]:
    """Return the tokens of a quoted local part that holds a routing operator."""
    if operator == "!":
        return scan(text)
    before, _, after = text.rpartition(operator)
    return scan(quote(f"{before}@{after}"))


async def _choose(route: _Route, sender: str, routing: Routing) -> TransportChoice:
    address_class = route.address_class
    if address_class is AddressClass.VIRTUAL_ALIAS:
        choice = TransportChoice(ERROR_TRANSPORT, _unknown_alias(routing))
    else:
        choice = await _choose_by_class(route.domain, address_class, sender, routing)
        if route.value is not None:
            choice = _override(route.value, route.domain, choice)
    if route.moved is not None:
        prefix = _MOVED if routing.parameters.relocated_prefix_enable else ""
        return TransportChoice(ERROR_TRANSPORT, prefix + route.moved)
    return choice


async def _choose_by_class(
    domain: str, address_class: AddressClass, sender: str, routing: Routing
) -> TransportChoice:
    if address_class is AddressClass.LOCAL:
        choice = routing.local_transport
    elif address_class is AddressClass.VIRTUAL_MAILBOX:
        choice = routing.virtual_transport
    elif address_class is AddressClass.RELAY and routing.relay_transport.nexthop:
        choice = routing.relay_transport
    else:
        keys = await routing.keys(sender) if sender and routing.asks_senders else NO_KEYS
        choice = routing.relay_transport
        if address_class is AddressClass.DEFAULT:
            choice = await _default_transport(keys, routing)
        if not choice.nexthop:
            return TransportChoice(choice.transport, await _relayhost(keys, routing) or domain)
    return choice if choice.nexthop else TransportChoice(choice.transport, domain)


async def _default_transport(sender: AddressKeys, routing: Routing) -> TransportChoice:
    null = routing.parameters.empty_address_default_transport_maps_lookup_key
    value = await _value_for_sender(routing.sender_transport_maps, sender, null, routing)
    if not value:
        return routing.default_transport
    try:
        return parse_transport(value, "sender_dependent_default_transport_maps")
    except ConfigError as error:
        raise MapUnavailable(str(error)) from error


async def _relayhost(sender: AddressKeys, routing: Routing) -> str:
    null = routing.parameters.empty_address_relayhost_maps_lookup_key
    value = await _value_for_sender(routing.sender_relayhost_maps, sender, null, routing)
    return value or routing.parameters.relayhost


async def _value_for_sender(maps: Maps, sender: AddressKeys, null: str, routing: Routing) -> str:
    """Return what tables have for a sender, or ""; *null* is the key of the null sender."""
    if not maps:
        return ""
    keys = sender if sender.address else await routing.keys(null)
    hit = await search(maps, keys.every)
    return "" if hit is None or hit.value.upper() == "DUNNO" else hit.value


def _override(value: str, domain: str, choice: TransportChoice) -> TransportChoice:
    transport, _, nexthop = value.partition(":")
    if not transport:
        return TransportChoice(choice.transport, nexthop or choice.nexthop)
    if not nexthop:
        nexthop = _UNDELIVERABLE if transport in (ERROR_TRANSPORT, RETRY_TRANSPORT) else domain
    return TransportChoice(transport, nexthop)


def _unknown_alias(routing: Routing) -> str:
    if routing.parameters.show_user_unknown_table_name:
        return "5.1.1 User unknown in virtual alias table"
    return "5.1.1 User unknown"


def _first_operator(recipient: str) -> int:
    return next(at for at, character in enumerate(recipient) if character in _OPERATORS)


def _malformed(recipient: str, address_class: AddressClass) -> Resolution:
    return Resolution(ERROR_TRANSPORT, _BAD_SYNTAX, recipient, address_class, malformed=True)
