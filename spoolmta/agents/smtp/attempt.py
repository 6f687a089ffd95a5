"""One attempt at a delivery: from server to server until every recipient has its answer.

A kept session comes first. Then each next hop of the list, then the fallback relays; of each, the
servers in their order.

Postfix:    smtp_connect(3), smtp(8)
Parameters: smtp_mx_address_limit, smtp_mx_session_limit, smtp_fallback_relay, relayhost,
            smtp_connect_timeout, smtp_bind_address, smtp_bind_address6,
            smtp_bind_address_enforce, best_mx_transport
"""

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from spoolmta import maillog
from spoolmta.agents.smtp import trouble
from spoolmta.agents.smtp.departure import Departing, Departures
from spoolmta.agents.smtp.flags import is_looping, prepended_headers
from spoolmta.agents.smtp.hosts import SMTP_PORT, HostFinder
from spoolmta.agents.smtp.recipients import Circumstances, Recipients
from spoolmta.agents.smtp.reuse import KeptSessions, Reuse
from spoolmta.agents.smtp.server import Server
from spoolmta.agents.smtp.session import ContentSource, Message, Session
from spoolmta.agents.smtp.settings import FINAL, Settings
from spoolmta.agents.smtp.transcript import Transcript
from spoolmta.agents.smtp.trouble import Radius, Trouble
from spoolmta.clock import Clock
from spoolmta.errors import ConnectError, MapUnavailable
from spoolmta.maillog import MailLog
from spoolmta.message.outcome import Delivery, DeliveryRecipient, Success
from spoolmta.net.stream import Target, bind_problem, connect
from spoolmta.protocols.smtp_client import Service
from spoolmta.service.postmaster import Postmaster
from spoolmta.spool.deliveries import Report


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all attempts of a process share; *postmaster*: None if none wants transcripts."""

    settings: Settings
    finder: HostFinder
    kept: KeptSessions
    log: MailLog
    clock: Clock
    departures: Departures | None = None
    postmaster: Postmaster | None = None


class Attempt:
    """One attempt; use it once."""

    def __init__(
        self, surroundings: Surroundings, delivery: Delivery, content: ContentSource
    ) -> None:
        self._around = surroundings
        self._delivery = delivery
        self._content = content
        self._departing: Departing | None = None
        self._recipients = Recipients(
            delivery,
            surroundings.log,
            lmtp=surroundings.settings.dialogue.lmtp,
            soft_bounce=surroundings.settings.soft_bounce,
        )
        self._headers = prepended_headers(surroundings.settings.flags, delivery)
        self._reuse = Reuse(takes=False, keeps=False)
        self._tried: set[tuple[str, int]] = set()
        # Both are counted anew for each next hop of the list.
        self._addresses = 0
        self._sessions = 0

    async def run(self) -> Report:
        """Deliver; return an outcome for every recipient, and a word on the destination."""
        nexthop = self._delivery.nexthop
        if await is_looping(self._around.settings.flags, self._delivery, self._content):
            loop = trouble.forwarding_loop(self._delivery.recipients[0].address)
            self._recipients.refuse_all(loop, self._circumstances())
            return self._recipients.report()
        if self._around.departures is not None and not await self._depart(self._around.departures):
            return self._recipients.report()
        self._reuse = await self._around.kept.wants(nexthop)
        used = False
        while self._reuse.takes and not used:
            session = self._around.kept.take(nexthop)
            if session is None:
                break
            used = await self._use(session)
        if self._recipients.left:
            if self._around.settings.dialogue.lmtp and nexthop.startswith("unix:"):
                await self._try_path(nexthop.removeprefix("unix:"))
            else:
                await self._try_next_hops()
        self._around.kept.served(nexthop)
        return self._recipients.report()

    async def _depart(self, departures: Departures) -> bool:
        """Rewrite what servers see; False: it cannot be done now, and nobody sees anything."""
        try:
            self._departing = await departures.rewrite(self._delivery, self._content)
        except MapUnavailable as error:
            self._around.log.warning(f"{self._delivery.queue_id}: {error}")
            self._recipients.hit_all(trouble.LOOKUP_FAILED, self._circumstances())
            return False
        return True

    async def _try_path(self, path: str) -> None:
        settings = self._around.settings
        if settings.fallback_relays:
            relays = " ".join(settings.fallback_relays)
            self._around.log.warning(
                f'ignoring "lmtp_fallback_relay = {relays}" setting for non-TCP connections'
            )
        full_path = os.path.join(settings.queue_directory, path)  # noqa: PTH118 -- it may be whole
        server = Server(settings.dialogue.own_name, path, path=full_path)
        if server.key not in self._tried:
            await self._try_server(server)

    async def _try_next_hops(self) -> None:
        settings = self._around.settings
        sites = self._delivery.nexthop.replace(",", " ").split()
        first_fallback = len(sites)
        sites += settings.fallback_relays
        for number, site in enumerate(sites):
            if number:
                self._addresses = self._sessions = 0
            found = await self._around.finder.find(site)
            if found.trouble is not None:
                self._recipients.hit_all(found.trouble, self._circumstances())
            await self._try_servers(found.servers)
            loops = found.trouble is not None and found.trouble.is_loop
            if found.is_exchanger or loops or number == len(sites) - 1:
                self._end_with(sites, is_fallback=number >= first_fallback)
                return
            if not self._recipients.left:
                return

    def _end_with(self, sites: Sequence[str], *, is_fallback: bool) -> None:
        """Decide about who is left: backups are for what is not ours.

        Nothing is bounced for our own mistakes.
        """
        settings, recipients = self._around.settings, self._recipients
        if is_fallback:
            recipients.soften("smtp_fallback_relay")
        elif not settings.lookup.lmtp and sites[0] == settings.relayhost:
            recipients.soften("relayhost")
        elif settings.best_mx_transport and recipients.are_looping:
            recipients.pass_to(settings.best_mx_transport, self._delivery.nexthop)

    async def _try_servers(self, servers: tuple[Server, ...]) -> None:
        settings = self._around.settings
        for server in servers:
            if not self._recipients.left:
                return
            if 0 < settings.lookup.address_limit <= self._addresses:
                return
            if 0 < settings.session_limit <= self._sessions:
                return
            if server.key not in self._tried:
                await self._try_server(server)

    async def _try_server(self, server: Server) -> None:
        self._recipients.tell()
        self._tried.add(server.key)
        self._addresses += 1
        if self._reuse.takes:
            session = self._around.kept.take_server(server)
            if session is not None and await self._use(session):
                return
        session = await self._open(server)
        if session is not None:
            await self._use(session)

    async def _open(self, server: Server) -> Session | None:
        """Return a session to *server* that is past EHLO, None if there is none to be had."""
        around = self._around
        source = self._source(server)
        if source is None:
            failure = Trouble(Radius.DESTINATION, "4.4.0", "server configuration error")
            self._recipients.hit_all(failure, self._circumstances())
            return None
        target = (
            Target(path=server.path)
            if server.path
            else Target(server.address, server.port, source=source)
        )
        try:
            stream = await connect(target, timeout_s=around.settings.connect_timeout)
        except ConnectError as error:
            failure = trouble.unreachable(server, str(error))
            maillog.trouble(around.log, "", failure.reason)
            self._recipients.hit_all(failure, self._circumstances())
            return None
        session = Session(
            stream,
            server,
            around.settings.dialogue,
            around.log,
            transcript=self._transcript(server),
        )
        detects = server.port == SMTP_PORT and not around.settings.dialogue.lmtp
        try:
            refusal = await session.hello(self._delivery.nexthop, detect_loop=detects)
        except BaseException:
            session.abort()
            raise
        if refusal is None:
            return session
        self._recipients.refuse_all(refusal, self._circumstances(session))
        around.kept.dismiss(session)
        return None

    def _transcript(self, server: Server) -> Transcript | None:
        """Return what is to keep the words of a session; of bounces nobody is told."""
        postmaster = self._around.postmaster
        if postmaster is None or not self._delivery.sender:
            return None
        side = "LMTP client" if self._around.settings.dialogue.lmtp else "SMTP client"
        return Transcript(postmaster, side, server.relay)

    def _source(self, server: Server) -> str | None:
        """Return the own address to connect from, "" for any; None: none can be used."""
        settings = self._around.settings
        family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
        source = "" if server.path else settings.sources.get(family, "")
        if source and (reason := bind_problem(source)):
            self._around.log.warning(f"smtp_connect_addr: bind {source}: {reason}")
            return None if settings.sources_required else ""
        return source

    async def _use(self, session: Session) -> bool:
        """Send the message over a session; False: it was dead before anything happened."""
        kept = self._around.kept
        begun_at = self._around.clock.now()
        keeps = self._reuse.keeps and kept.may_serve(session, session.uses + 1)
        delivery, content = self._delivery, self._content
        left: Sequence[DeliveryRecipient] = tuple(self._recipients.left)
        if self._departing is not None:
            delivery, content = self._departing.delivery, self._departing.content
            left = self._departing.recipients(left)
        message = Message(delivery, left, content, self._headers, not keeps)
        try:
            transmission = await session.transact(message)
        except BaseException:
            session.abort()
            raise
        if transmission.is_stale:
            session.abort()
            return False
        self._sessions += 1
        if session.server.key not in self._tried:
            self._tried.add(session.server.key)
            self._addresses += 1
        self._recipients.record(
            session.server,
            transmission,
            self._circumstances(session, begun_at),
            self._notice_of_success(session),
        )
        if keeps and session.is_usable and kept.may_serve(session, session.uses):
            kept.keep(session, self._delivery.nexthop)
        else:
            kept.dismiss(session)
        return True

    def _notice_of_success(self, session: Session) -> Success | None:
        """Return how a success is told to the sender; None: the server has taken that over."""
        if Service.DSN in session.capabilities.services:
            return None
        return Success.DELIVERED if FINAL in self._around.settings.flags else Success.RELAYED

    def _circumstances(
        self, session: Session | None = None, begun_at: float | None = None
    ) -> Circumstances:
        """Return how things stand now; *begun_at* is when the conversation turned to this mail."""
        delivery, now = self._delivery, self._around.clock.now()
        begun_at = now if begun_at is None else begun_at
        delays = (
            max(0.0, delivery.activated_at - delivery.arrived_at),
            max(0.0, delivery.attempted_at - delivery.activated_at),
            max(0.0, begun_at - delivery.attempted_at),
            max(0.0, now - begun_at),
        )
        if session is None:
            return Circumstances(delays=delays)
        return Circumstances(session.server.relay, delays, max(1, session.uses))
