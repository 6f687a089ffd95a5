"""The name service: MX, address, name and text records, with a cache that honours TTL.

dnspython speaks to the name servers of /etc/resolv.conf, or to those that are handed in. Names
are always taken as they are: no search list, no local domain appended.

Three answers are told apart: records; none (the name does not exist, or it has no such record);
and no answer now (DnsTryAgain, whose text is Postfix's, fit for a log line and a notice).

Postfix:    dns_lookup(3), postconf(5) smtp_host_lookup
RFC:        1035, 2308 (negative answers), 7505 (null MX)
Parameters: dns_nameservers (its value is handed in)
Must not:   block the event loop
Limits:     one process, one cache; a name that is asked for twice at the same time is asked twice
"""

import asyncio
import socket
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import dns.asyncbackend
import dns.asyncresolver
import dns.exception
import dns.message
import dns.name
import dns.nameserver
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.reversename

from spoolmta.errors import ConfigError, DnsTryAgain
from spoolmta.net.endpoint import port_number, split_host_service
from spoolmta.net.network import Address, parse_address

RESOLV_CONF = Path("/etc/resolv.conf")
DNS_PORT = 53
NO_NAME = "Host not found"
NO_DATA = "Host found but no data record of requested type"
TRY_AGAIN = "Host not found, try again"

_ADDRESS_TYPES = ((socket.AF_INET, "A"), (socket.AF_INET6, "AAAA"))
_CACHE_ENTRIES = 10_000
_LONGEST_TTL = 3600.0
_EDNS_PAYLOAD = 1232
_ATTEMPTS = 2

T = TypeVar("T")

# dnspython loads its parts when they are first needed. Here they are loaded before the fork, not
# while the first message waits; nor does it look for other event loops in each query.
dns.asyncbackend.set_default_backend("asyncio")
for _record_type in ("A", "AAAA", "CNAME", "MX", "OPT", "PTR", "SOA", "TXT"):
    dns.rdata.get_rdata_class(  # type: ignore[no-untyped-call]
        dns.rdataclass.IN, dns.rdatatype.from_text(_record_type)
    )


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What the name service says: *records*, or none, and then whether the name *exists*.

    *ttl* is how long the answer holds, in seconds, counted from when it came in.
    """

    records: tuple[T, ...]
    exists: bool = True
    ttl: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.records)

    @property
    def reason(self) -> str:
        """Why there is no record, in the words of a resolver."""
        return NO_DATA if self.exists else NO_NAME


@dataclass(frozen=True, slots=True)
class MailExchanger:
    """An MX record; *host* is "" for the null MX of RFC 7505."""

    preference: int
    host: str


def failure_text(name: str, record_type: str, reason: str) -> str:
    """Return the text with which logs and notices tell of a failed lookup."""
    return (
        "Host or domain name not found. "
        f"Name service error for name={name} type={record_type}: {reason}"
    )


def parse_nameservers(text: str) -> list[tuple[str, int]]:
    """Return the servers of dns_nameservers: "192.0.2.1, 127.0.0.1:5353 [::1]:53".

    Raises ConfigError: an entry is not an address, or its port is bad.
    """
    servers = []
    for word in text.replace(",", " ").split():
        address = parse_address(word)
        port = DNS_PORT
        if address is None:
            host, service, _ = split_host_service(word)
            address = parse_address(host)
            port = port_number(service) if service else DNS_PORT
        if address is None:
            raise ConfigError(f'bad name server "{word}": expected address or address:port')
        servers.append((str(address), port))
    return servers


class Resolver:
    """Asks the name servers; one per process."""

    def __init__(
        self, nameservers: Sequence[tuple[str, int]] = (), *, timeout_s: float | None = None
    ) -> None:
        """*nameservers* replace those of resolv.conf; *timeout_s* is for one server, one try."""
        self._fixed = tuple(nameservers)
        self._timeout_s = timeout_s
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._read_at: int | None = None
        self._cache: OrderedDict[tuple[str, str], tuple[float, Answer[str]]] = OrderedDict()

    async def mx(self, domain: str) -> Answer[MailExchanger]:
        """Return the mail exchangers of *domain*, in no order that matters.

        Raises DnsTryAgain: the caller defers.
        """
        answer = await self.lookup(domain, "MX")
        return Answer(
            tuple(_mail_exchanger(record) for record in answer.records), answer.exists, answer.ttl
        )

    async def addresses(
        self, host: str, families: Sequence[int] = (socket.AF_INET, socket.AF_INET6)
    ) -> Answer[Address]:
        """Return the addresses of *host* in the wanted families, IPv4 first.

        Raises DnsTryAgain: no family gave an address, and one gave no answer.
        """
        types = [kind for family, kind in _ADDRESS_TYPES if family in families]
        if len(types) == 1:
            return _joined([await self.lookup(host, types[0])])
        return _joined(
            await asyncio.gather(
                *(self.lookup(host, kind) for kind in types), return_exceptions=True
            )
        )

    async def ptr(self, address: str) -> Answer[str]:
        """Return the names of an address, as its PTR records give them.

        Raises DnsTryAgain: the caller treats the name as not known now.
        """
        name = dns.reversename.from_address(address).to_text(omit_final_dot=True)
        return await self.lookup(name, "PTR")

    async def txt(self, name: str) -> Answer[str]:
        """Return the TXT records of *name*, the strings of each joined.

        Raises DnsTryAgain: the caller decides.
        """
        return await self.lookup(name, "TXT")

    async def lookup(self, name: str, record_type: str) -> Answer[str]:
        """Return the records of one type in text form; a name no server could hold has none.

        Raises DnsTryAgain: no name server gave a usable answer.
        """
        key = (name.lower(), record_type)
        known = self._cached(key)
        if known is not None:
            return known
        answer = await self._ask(name, record_type)
        self._cache[key] = (asyncio.get_running_loop().time() + answer.ttl, answer)
        if len(self._cache) > _CACHE_ENTRIES:
            self._cache.popitem(last=False)
        return answer

    def _cached(self, key: tuple[str, str]) -> Answer[str] | None:
        entry = self._cache.get(key)
        if entry is None:
            return None
        if entry[0] <= asyncio.get_running_loop().time():
            del self._cache[key]
            return None
        self._cache.move_to_end(key)
        return entry[1]

    async def _ask(self, name: str, record_type: str) -> Answer[str]:
        try:
            absolute = dns.name.from_text(name.lower(), dns.name.root)
        except (dns.exception.DNSException, UnicodeError):
            absolute = dns.name.root
        if absolute == dns.name.root:
            return Answer((), exists=False)
        try:
            found = await self._servers().resolve(
                absolute, record_type, raise_on_no_answer=False, search=False
            )
        except dns.resolver.NXDOMAIN as error:
            return Answer((), exists=False, ttl=_ttl(error.kwargs["responses"][absolute]))
        except (dns.exception.DNSException, OSError) as error:
            raise DnsTryAgain(failure_text(name, record_type, TRY_AGAIN)) from error
        return Answer(tuple(_text(record) for record in found), ttl=_ttl(found.response))

    def _servers(self) -> dns.asyncresolver.Resolver:
        """Return the resolver, made anew when resolv.conf has changed."""
        if self._resolver is not None and (self._fixed or self._read_at == _changed_at()):
            return self._resolver
        resolver = dns.asyncresolver.Resolver(configure=False)
        if self._fixed:
            resolver.nameservers = [
                dns.nameserver.Do53Nameserver(address, port) for address, port in self._fixed
            ]
        else:
            self._read_at = _changed_at()
            _read_resolv_conf(resolver)
        resolver.use_edns(0, 0, _EDNS_PAYLOAD)
        if self._timeout_s is not None:
            resolver.timeout = self._timeout_s
        resolver.lifetime = resolver.timeout * _ATTEMPTS * max(1, len(resolver.nameservers))
        self._resolver = resolver
        return resolver


def _changed_at() -> int:
    try:
        return RESOLV_CONF.stat().st_mtime_ns
    except OSError:
        return 0


def _read_resolv_conf(resolver: dns.asyncresolver.Resolver) -> None:
    """Take over resolv.conf; without one, ask this machine, as a resolver library does."""
    try:
        resolver.read_resolv_conf(str(RESOLV_CONF))
    except (dns.resolver.NoResolverConfiguration, ValueError):
        resolver.nameservers = ["127.0.0.1"]


def _ttl(response: dns.message.Message) -> float:
    """Return how long a response holds; a negative one without SOA is not kept (RFC 2308, 5)."""
    if not isinstance(response, dns.message.QueryMessage):
        return 0.0
    if not response.answer and not response.authority:
        return 0.0
    return min(float(response.resolve_chaining().minimum_ttl), _LONGEST_TTL)


def _text(record: dns.rdata.Rdata) -> str:
    strings: tuple[bytes, ...] | None = getattr(record, "strings", None)
    if strings is not None:
        return b"".join(strings).decode("utf-8", "replace")
    text = record.to_text()
    return text if text == "." else text.removesuffix(".")


def _mail_exchanger(text: str) -> MailExchanger:
    preference, _, host = text.partition(" ")
    return MailExchanger(int(preference), host)


def _joined(found: Sequence[Answer[str] | BaseException]) -> Answer[Address]:
    """Return the addresses of several answers; one that failed counts only if there are none."""
    answers = [answer for answer in found if isinstance(answer, Answer)]
    texts = [text for answer in answers for text in answer.records]
    if not texts:
        for failure in found:
            if isinstance(failure, BaseException):
                raise failure
    addresses = tuple(address for text in texts if (address := parse_address(text)) is not None)
    return Answer(addresses, any(answer.exists for answer in answers), min(a.ttl for a in answers))
