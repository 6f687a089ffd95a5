"""What an SMTP server says to a client that has mail for an address.

Postfix:    smtpd(8), SMTPD_ACCESS_README
Parameters: smtpd_..._restrictions and what they ask; smtpd_peername_lookup, soft_bounce
"""

from dataclasses import dataclass, replace

from spoolmta.address.quoting import quote
from spoolmta.address.resolve import resolve
from spoolmta.address.rewrite import rewrite
from spoolmta.address.routing import Routing
from spoolmta.cli.explanation.facts import Admission
from spoolmta.cli.explanation.watched import SilentResolver, WatchedLists, stages
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters.smtpd import SmtpdParameters
from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.recorded import Recorder
from spoolmta.net.dns import Resolver
from spoolmta.protocols.smtp_syntax import Reply, parse_mailbox
from spoolmta.stages.smtpd.chat import soften
from spoolmta.stages.smtpd.peer import NameStatus, Peer, PeerNames, normal_address
from spoolmta.stages.smtpd.rcpt import BAD_ADDRESS, OK
from spoolmta.stages.smtpd.restrictions.evaluate import evaluate
from spoolmta.stages.smtpd.restrictions.lists import Lists
from spoolmta.stages.smtpd.restrictions.request import Request, Subject
from spoolmta.stages.smtpd.restrictions.rules import AccessRules

_FINAL = 500
_LOOPBACK = ("127.0.0.1", "::1")
_LOCALHOST = "localhost"


@dataclass(frozen=True, slots=True)
class Caller:
    """The client, and what it says: its address, its user if it has authenticated, HELO, MAIL."""

    address: str
    sasl: str
    helo: str
    sender: str
    recipient: str


class Door:
    """One SMTP server, its restrictions under watch."""

    def __init__(
        self,
        configuration: Configuration,
        service: Service,
        routing: Routing,
        recorder: Recorder,
        resolver: Resolver,
    ) -> None:
        """Open the restriction lists as smtpd does.

        Raises ConfigError: the server would not start.
        """
        overrides = service.overrides
        self._parameters = configuration.section(SmtpdParameters, overrides)
        self._asks_dns = not isinstance(resolver, SilentResolver)
        self._lists = WatchedLists(
            self._parameters,
            lambda name: configuration.value(name, overrides),
            recorder,
            asks_dns=self._asks_dns,
        )
        self._rules = AccessRules.open(self._parameters, routing, resolver)
        self._service = service

    async def ask(self, caller: Caller) -> Admission:
        """Return what the client would be told at RCPT, or before."""
        peer = await self._peer(caller)
        literal = f"[IPv6:{peer.address}]" if ":" in peer.address else f"[{peer.address}]"
        helo = caller.helo or (peer.name if peer.name_status is NameStatus.OK else literal)
        told = Admission(self._service.key, peer.shown, helo, caller.sender, caller.recipient)
        deferral: Reply | None = None
        for stage, asked in stages(self._lists):
            request = self._request(stage, peer, told)
            reply, later = await self._decide(request, asked, None, told)
            deferral = deferral or later
            if reply is not None:
                return self._end(told, reply)
        return self._end(told, await self._recipient(peer, told, deferral))

    async def _recipient(self, peer: Peer, told: Admission, deferral: Reply | None) -> Reply:
        parameters = self._rules.routing.parameters
        path = f"<{quote(told.recipient)}>".encode("utf-8", "surrogateescape")
        address = parse_mailbox(path, numeric_domain=parameters.resolve_numeric_domain)
        if not address or (address.startswith("-") and not parameters.allow_min_user):
            return BAD_ADDRESS
        request = self._request("RCPT", peer, told)
        request.recipient = address
        request.subject = Subject.RECIPIENT
        routing = self._rules.routing
        try:
            request.resolution = await resolve(
                rewrite(address, routing.rules), sender=told.sender, routing=routing
            )
        except MapUnavailable as error:
            return self._unavailable(request, error, told)
        if request.resolution.malformed:
            return BAD_ADDRESS
        if address.lower() == "postmaster":
            return OK
        request.recipient_count = 1
        reply, _ = await self._decide(request, self._lists.at_rcpt, deferral, told)
        return reply or OK

    async def _decide(
        self, request: Request, asked: Lists, deferral: Reply | None, told: Admission
    ) -> tuple[Reply | None, Reply | None]:
        """Return (the reply that refuses, a deferral that a later command has to honour)."""
        is_last = request.stage == "RCPT"
        try:
            decision = await evaluate(
                request, self._lists, asked, deferral=deferral, is_last=is_last
            )
        except MapUnavailable as error:
            return self._unavailable(request, error, told), None
        told.effects += (
            f"{effect.action} {effect.value}".strip()
            for effect in decision.effects
            if effect.note is not None or effect.action in ("warning", "prepend")
        )
        return decision.reply, decision.deferral

    def _request(self, stage: str, peer: Peer, told: Admission) -> Request:
        request = Request(stage, self._rules, peer)
        if stage != "CONNECT":
            request.helo = told.helo
        if stage in ("MAIL", "RCPT"):
            request.sender = told.sender
        return request

    def _unavailable(self, request: Request, error: MapUnavailable, told: Admission) -> Reply:
        told.problem = str(error)
        name = request.name_of(request.subject)
        return Reply(451, "4.3.0", f"<{name}>: Temporary lookup failure")

    def _end(self, told: Admission, reply: Reply) -> Admission:
        if self._parameters.soft_bounce and reply.code >= _FINAL:
            reply = soften(reply)
        told.reply = reply.line
        told.accepted = reply.is_success
        told.asked = self._lists.judgements
        told.problem = told.problem or self._lists.trouble
        heard = [one for one in told.asked if one.evaluated and one.answer != "dunno"]
        told.decided_by = heard[-1] if heard else None
        return told

    async def _peer(self, caller: Caller) -> Peer:
        address = normal_address(caller.address)
        looks_up = self._asks_dns and self._parameters.smtpd_peername_lookup
        if address in _LOOPBACK and not looks_up:
            peer = Peer(address, _LOCALHOST, _LOCALHOST, NameStatus.OK, NameStatus.OK)
        else:
            peer = await PeerNames(looks_up=looks_up).find(address)
        if not caller.sasl:
            return peer
        return replace(peer, sasl_method="PLAIN", sasl_username=caller.sasl)


def server(configuration: Configuration, name: str | None) -> Service | None:
    """Return the SMTP server *name*, or the first one that master.cf has; None if it has none.

    Raises ConfigError: there is none of that name.
    """
    servers = [
        service
        for service in configuration.services
        if service.command == "smtpd" and name in (None, service.name, service.key)
    ]
    if not servers and name is not None:
        raise ConfigError(f"{configuration.master.file}: no SMTP server {name} (command smtpd)")
    on_network = (service for service in servers if service.kind == "inet")
    return next(on_network, servers[0] if servers else None)
