"""Where a configuration sends mail: next hops that are written wrongly, transports nobody serves.

Postfix:    transport(5), postconf(5) relayhost, default_transport; qmgr(8)
Limits:     of tables, only those are read whose source is a small file of text, or inline
"""

import ipaddress
from collections.abc import Iterator
from pathlib import Path

from spoolmta.config import encryption, program
from spoolmta.config.loader import Configuration
from spoolmta.errors import ConfigError
from spoolmta.maps.files.texthash import TextMap
from spoolmta.maps.inline import InlineMap
from spoolmta.maps.syntax import split_words
from spoolmta.net.endpoint import split_host_service

_TRANSPORTS = ("local_transport", "relay_transport", "virtual_transport", "default_transport")
_ROUTED = ("transport_maps", "sender_dependent_default_transport_maps")
_HOSTS = ("relayhost", "smtp_fallback_relay", "lmtp_fallback_relay")
_WITH_SOURCE = ("hash", "btree", "dbm", "sdbm", "lmdb", "cdb", "texthash")
_LARGEST_SOURCE = 1 << 20
_SHOWN = 3
_CLIENTS = ("smtp", "lmtp")
_NO_OPINION = "DUNNO"


def faults(configuration: Configuration) -> Iterator[str]:
    """Return a sentence, with its place, for each route on which mail does not get on."""
    services = configuration.services
    usable = [s for s in services if not encryption.refusal(configuration, s)]
    served = program.transports(usable)
    clients = {s.name for s in usable if s.command in _CLIENTS}
    for name in _TRANSPORTS:
        if name in configuration.main.values:
            transport, _, nexthop = configuration.value(name).partition(":")
            place = f"{configuration.place(name)}: {name}"
            yield from _route(place, transport, served)
            if nexthop and transport in clients:
                yield from _host(place, nexthop)
    for name in _HOSTS:
        if name in configuration.main.values:
            for word in configuration.value(name).replace(",", " ").split():
                yield from _host(f"{configuration.place(name)}: {name}", word)
    for name in _ROUTED:
        yield from _listed_routes(configuration, name, served, clients)
    name = "sender_dependent_relayhost_maps"
    for key, value in listed(configuration.value(name)):
        if value != _NO_OPINION:
            yield from _host(f"{configuration.place(name)}: {name}, {key}", value)


def _listed_routes(
    configuration: Configuration, name: str, served: frozenset[str], clients: set[str]
) -> Iterator[str]:
    """Look at what a table says; a transport that nobody serves is told once, with some keys."""
    place = f"{configuration.place(name)}: {name}"
    wrong: dict[str, list[str]] = {}
    for key, value in listed(configuration.value(name)):
        transport, _, nexthop = value.partition(":")
        if transport and transport not in served:
            wrong.setdefault(transport, []).append(key)
        elif nexthop and transport in clients:
            yield from _host(f"{place}, {key}", nexthop)
    for transport, keys in wrong.items():
        more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
        yield from _route(f"{place}, {', '.join(keys[:_SHOWN])}{more}", transport, served)


def listed(value: str) -> Iterator[tuple[str, str]]:
    """Return keys and values of those tables of a list that can be listed cheaply."""
    try:
        specs = split_words(value)
    except ConfigError:
        return
    for spec in specs:
        kind, _, name = spec.removeprefix("proxy:").partition(":")
        try:
            if kind == "inline":
                yield from InlineMap(name).items()
            elif kind in _WITH_SOURCE and Path(name).stat().st_size <= _LARGEST_SOURCE:
                yield from TextMap(name).items()
        except (ConfigError, OSError):
            continue  # opening it tells what is wrong


def _route(place: str, transport: str, served: frozenset[str]) -> Iterator[str]:
    if transport and transport not in served:
        yield f"{place}: no service {transport} delivers: mail for it waits"


def _host(place: str, word: str) -> Iterator[str]:
    if word.startswith(("unix:", "inet:")):
        return
    try:
        host, _, is_literal = split_host_service(word)
    except ConfigError as error:
        yield f"{place}: {error}"
        return
    if not is_literal and (host.endswith("]") or _is_address(host)):
        literal = host.strip("[]")
        yield f"{place}: {word}: no mail exchanger is found for an address (expected [{literal}])"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
