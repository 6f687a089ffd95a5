"""Which servers a next hop means, in the order in which they are tried.

A domain means its mail exchangers, best preference first and shuffled among equals; without MX
records, its own addresses. [host] means the addresses of that host. A destination whose MX list
names this machine is cut there: only better servers are left, and if there is none, the mail
would loop.

Postfix:    smtp_addr(3), smtp(8)
RFC:        5321 5.1, 7505 (null MX)
Limits:     at most 100 MX records are looked at
"""

import asyncio
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import idna

from spoolmta.agents.smtp.server import Server
from spoolmta.agents.smtp.settings import LookupSettings
from spoolmta.agents.smtp.trouble import Radius, Trouble, loops_back
from spoolmta.errors import ConfigError, DnsTryAgain
from spoolmta.maillog import MailLog
from spoolmta.net.dns import MailExchanger, Resolver, failure_text
from spoolmta.net.endpoint import Endpoint, port_number, split_host_service
from spoolmta.net.network import Address, parse_address

SMTP_PORT = 25
MOST_EXCHANGERS = 100

_SOFT_LOOKUP_ERRORS = {socket.EAI_AGAIN, socket.EAI_MEMORY, socket.EAI_SYSTEM}
_NO_HOST_ERRORS = {socket.EAI_AGAIN, socket.EAI_NODATA, socket.EAI_NONAME}


@dataclass(frozen=True, slots=True)
class Found:
    """The servers of one next hop, or what stood in the way.

    *is_exchanger*: this machine is an MX host of the destination.
    """

    servers: tuple[Server, ...] = ()
    trouble: Trouble | None = None
    is_exchanger: bool = False


def parse_destination(text: str, settings: LookupSettings) -> Endpoint:
    """Return the next hop that *text* names: domain, [host], with :port, for LMTP with inet:.

    Raises ConfigError: it names none; the mail waits for the operator.
    """
    if settings.lmtp:
        text = text.removeprefix("inet:")
    host, service, literal = split_host_service(text)
    port = port_number(service or settings.default_service, settings.known_ports)
    return Endpoint(host, port, literal=literal)


class HostFinder:
    """Finds servers; one per process."""

    def __init__(self, settings: LookupSettings, resolver: Resolver, log: MailLog) -> None:
        self._settings = settings
        self._resolver = resolver
        self._log = log

    async def find(self, nexthop: str) -> Found:
        """Return the servers of *nexthop*, which is no unix-domain one."""
        try:
            destination = parse_destination(nexthop, self._settings)
        except ConfigError as error:
            self._log.warning(str(error))
            return Found(trouble=_failed("4.3.5", "mail system configuration error"))
        if not self._settings.families:
            return Found(trouble=_failed("4.4.4", "all network protocols are disabled"))
        if destination.literal or not self._settings.use_mx:
            return await self._host(destination)
        return await self._domain(destination)

    async def _domain(self, destination: Endpoint) -> Found:
        domain = _ascii(destination.host)
        try:
            answer = await self._resolver.mx(domain)
        except DnsTryAgain as error:
            if self._settings.ignore_mx_error:
                return await self._host(destination)
            return Found(trouble=_failed("4.4.3", str(error)))
        if not answer:
            return await self._host(destination, exists=answer.exists)
        exchangers = sorted(
            (record for record in answer.records if record.host), key=lambda mx: mx.preference
        )
        if not exchangers:
            return Found(trouble=_failed("5.1.0", f"Domain {domain} does not accept mail (nullMX)"))
        return await self._exchangers(destination, exchangers[:MOST_EXCHANGERS])

    async def _exchangers(
        self, destination: Endpoint, exchangers: Sequence[MailExchanger]
    ) -> Found:
        results = await asyncio.gather(*(self._addresses(mx.host) for mx in exchangers))
        candidates: list[Server] = []
        troubles: list[Trouble] = []
        for exchanger, result in zip(exchangers, results, strict=True):
            if isinstance(result, Trouble):
                troubles.append(result)
                continue
            candidates += (
                Server(exchanger.host, str(address), destination.port, "", exchanger.preference)
                for address in result
            )
        if not candidates:
            self._log.warning(f"no MX host for {destination.host} has a valid address record")
            return Found(trouble=self._worst(troubles))
        return self._without_self(destination, exchangers[0].preference, candidates)

    def _without_self(
        self, destination: Endpoint, best_preference: int, candidates: list[Server]
    ) -> Found:
        limit = self._own_preference(destination, candidates)
        if limit is None:
            return Found(self._ordered(candidates))
        better = [server for server in candidates if server.preference < limit]
        if better:
            return Found(self._ordered(better), is_exchanger=True)
        if best_preference != candidates[0].preference:
            trouble = _failed("4.4.4", f"unable to find primary relay for {destination.host}")
        else:
            trouble = loops_back(destination.host, permanent=True)
        return Found(trouble=trouble, is_exchanger=True)

    def _own_preference(self, destination: Endpoint, candidates: list[Server]) -> int | None:
        """Return the preference at which this machine stands in the list, if it does."""
        if self._settings.lmtp or destination.port != SMTP_PORT:
            return None
        return next(
            (s.preference for s in candidates if parse_address(s.address) in self._settings.own),
            None,
        )

    async def _host(self, destination: Endpoint, *, exists: bool = True) -> Found:
        """Return the addresses of a host; *exists* False: DNS has said that there is none."""
        result = await self._addresses(_ascii(destination.host), exists=exists)
        if isinstance(result, Trouble):
            return Found(trouble=result)
        servers = [Server(destination.host, str(a), destination.port) for a in result]
        if self._own_preference(destination, servers) is not None:
            return Found(trouble=loops_back(destination.host, permanent=True))
        return Found(self._ordered(servers))

    async def _addresses(self, host: str, *, exists: bool = True) -> Sequence[Address] | Trouble:
        settings = self._settings
        address = parse_address(host)
        if address is not None and _family(address) in settings.families:
            return (address,)
        trouble = None
        if "dns" in settings.methods:
            result = await self._dns_addresses(host, exists=exists)
            if not isinstance(result, Trouble) or result.is_soft:
                return result
            trouble = result
        if "native" in settings.methods:
            return await self._native_addresses(host)
        return trouble or _failed("5.4.4", f"{host}: host not found")

    async def _dns_addresses(self, host: str, *, exists: bool) -> Sequence[Address] | Trouble:
        reason = "Host not found"
        if exists:
            try:
                answer = await self._resolver.addresses(host, self._settings.families)
            except DnsTryAgain as error:
                return _failed("4.4.3", str(error))
            if answer:
                return answer.records
            reason = answer.reason
        kind = "AAAA" if socket.AF_INET6 in self._settings.families else "A"
        return _failed("5.4.4", failure_text(host, kind, reason))

    async def _native_addresses(self, host: str) -> Sequence[Address] | Trouble:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            digit = "4" if error.errno in _SOFT_LOOKUP_ERRORS else "5"
            status = f"{digit}.4.4" if error.errno in _NO_HOST_ERRORS else f"{digit}.3.0"
            return _failed(status, f"unable to look up host {host}: {error.strerror}")
        except (OSError, UnicodeError) as error:
            return _failed("4.3.0", f"unable to look up host {host}: {error}")
        texts = dict.fromkeys(
            str(entry[4][0]) for entry in found if entry[0] in self._settings.families
        )
        addresses = [address for text in texts if (address := parse_address(text)) is not None]
        return addresses or _failed("5.4.4", f"{host}: host not found")

    def _worst(self, troubles: Sequence[Trouble]) -> Trouble:
        """Return what stands for all: that one may be found later, or else the last."""
        soft = next((trouble for trouble in troubles if trouble.is_soft), None)
        last = soft or troubles[-1]
        if self._settings.defer_without_address and not last.is_soft:
            return _failed("4" + last.dsn[1:], last.reason)
        return last

    def _ordered(self, candidates: list[Server]) -> tuple[Server, ...]:
        settings = self._settings
        servers = list(candidates)
        if settings.randomize:
            random.shuffle(servers)
        servers.sort(key=lambda s: (s.preference, self._is_second_choice(s)))
        if settings.balance and settings.address_limit:
            servers = balanced(servers, settings.address_limit)
        best = servers[0].preference
        return tuple(
            Server(s.name, s.address, s.port, s.path, s.preference, s.preference == best)
            for s in servers
        )

    def _is_second_choice(self, server: Server) -> bool:
        preferred = self._settings.preferred_family
        return preferred is not None and (":" in server.address) != (preferred == socket.AF_INET6)


def balanced(servers: list[Server], limit: int) -> list[Server]:
    """Return *servers* cut to *limit* so that neither IPv4 nor IPv6 is crowded out."""
    six = sum(":" in server.address for server in servers)
    four = len(servers) - six
    if not six or not four or len(servers) <= limit:
        return servers
    if six <= limit // 2:
        room = {True: six, False: limit - six}
    elif four <= limit // 2:
        room = {True: limit - four, False: four}
    else:
        first_is_four = ":" not in servers[0].address
        share = (limit + first_is_four) // 2
        room = {True: limit - share, False: share}
    kept = []
    for server in servers:
        if room[":" in server.address]:
            room[":" in server.address] -= 1
            kept.append(server)
    return kept


def _failed(status: str, reason: str) -> Trouble:
    return Trouble(Radius.DESTINATION, status, reason)


def _family(address: Address) -> int:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def _ascii(domain: str) -> str:
    """Return a domain in the form that DNS knows; as it is, if it has none."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain
