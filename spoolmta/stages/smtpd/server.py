"""What all sessions of a process share: parameters, lists, tables, names, the log, the spool.

Parameters: smtpd_discard_ehlo_keyword_address_maps, smtpd_noop_commands,
            smtpd_forbidden_commands, fast_flush_domains, local_header_rewrite_clients,
            dns_nameservers
Must not:   keep anything of one session
"""

import asyncio
from dataclasses import dataclass, field

from spoolmta.address.flush_domains import open_flush_domains
from spoolmta.address.routing import Routing
from spoolmta.config.encryption import server_demands_encryption
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.config.parameters.flush import FlushRequestParameters
from spoolmta.config.parameters.smtpd import SmtpdParameters
from spoolmta.maps import MatchList, open_maps, open_match_list
from spoolmta.maps.lookup import Maps
from spoolmta.maps.syntax import split_words
from spoolmta.net.dns import Resolver, parse_nameservers
from spoolmta.service.context import ServiceContext
from spoolmta.service.postmaster import Postmaster
from spoolmta.spool import content
from spoolmta.stages.cleanup.rules import CleanupRules
from spoolmta.stages.smtpd.inflow import Inflow
from spoolmta.stages.smtpd.peer import PeerNames
from spoolmta.stages.smtpd.restrictions.lists import Restriction, RestrictionLists
from spoolmta.stages.smtpd.restrictions.rules import AccessRules
from spoolmta.stages.smtpd.storage import Storage

_LOG_PATIENCE_SECONDS = 0.02


@dataclass
class Server:
    """The SMTP server of one process. *failure* gets the exception that ends the process."""

    context: ServiceContext
    parameters: SmtpdParameters
    demands_encryption: bool
    routing: Routing
    rules: AccessRules
    lists: RestrictionLists
    cleanup_rules: CleanupRules
    storage: Storage
    inflow: Inflow
    postmaster: Postmaster
    names: PeerNames
    noop_commands: frozenset[bytes]
    forbidden_commands: MatchList
    flush_domains: MatchList
    discard_maps: Maps
    local_clients: tuple[Restriction, ...]
    loop: asyncio.AbstractEventLoop
    failure: "asyncio.Future[None]"
    _leftovers: set[int] = field(default_factory=set)
    _log_waits: bool = False
    _hands_on: bool = False

    @classmethod
    def open(cls, context: ServiceContext) -> "Server":
        """Return the server of a service; call it inside the event loop.

        Raises ConfigError: the configuration cannot be used; the process does not start.
        """
        loop = asyncio.get_running_loop()
        parameters = context.section(SmtpdParameters)
        configuration, overrides = context.configuration, context.service.overrides
        routing = Routing.open(context.section(RoutingParameters))
        resolver = Resolver(parse_nameservers(parameters.dns_nameservers))
        lists = RestrictionLists(parameters, lambda name: configuration.value(name, overrides))
        cleanup_rules = CleanupRules.open(configuration, context.log_as("cleanup"), overrides)
        return cls(
            context=context,
            parameters=parameters,
            demands_encryption=server_demands_encryption(configuration, overrides),
            routing=routing,
            rules=AccessRules.open(parameters, routing, resolver),
            lists=lists,
            cleanup_rules=cleanup_rules,
            storage=Storage(parameters, context.spool),
            inflow=Inflow.open(context, cleanup_rules.parameters),
            postmaster=Postmaster.open(context),
            names=PeerNames(looks_up=parameters.smtpd_peername_lookup),
            noop_commands=frozenset(
                word.upper().encode() for word in split_words(parameters.smtpd_noop_commands)
            ),
            forbidden_commands=open_match_list(parameters.smtpd_forbidden_commands, exact=True),
            flush_domains=open_flush_domains(context.section(FlushRequestParameters)),
            discard_maps=open_maps(parameters.smtpd_discard_ehlo_keyword_address_maps),
            local_clients=lists.parse(
                parameters.local_header_rewrite_clients, "local_header_rewrite_clients"
            ),
            loop=loop,
            failure=loop.create_future(),
        )

    def fail(self, error: BaseException) -> None:
        """End the process for *error*, which no session can deal with."""
        if not self.failure.done():
            self.failure.set_exception(error)

    def log_soon(self) -> None:
        """Write the log within a moment, together with what others have to say until then."""
        if not self._log_waits:
            self._log_waits = True
            self.loop.call_later(_LOG_PATIENCE_SECONDS, self._write_log)

    def hand_on(self) -> None:
        """The next stage can see a message: at the end of the event loop's turn, wake it.

        What the log says of the message is written first, so that it comes before what the next
        stages say.
        """
        if not self._hands_on:
            self._hands_on = True
            self.loop.call_soon(self._hand_on)

    def abandon(self, message_id: int) -> None:
        """Delete what is in the spool of a message that was not taken; try again if need be."""
        submitted = self.context.committer.submit(lambda tx: content.abandon(tx, message_id))
        submitted.add_done_callback(lambda done: self._abandoned(message_id, done))

    def abandon_leftovers(self) -> None:
        """Try again to delete what could not be deleted before."""
        leftovers, self._leftovers = self._leftovers, set()
        for message_id in leftovers:
            self.abandon(message_id)

    def _abandoned(self, message_id: int, done: "asyncio.Future[None]") -> None:
        if not done.cancelled() and done.exception() is not None:
            self._leftovers.add(message_id)

    def _write_log(self) -> None:
        self._log_waits = False
        self.context.flush_logs()

    def _hand_on(self) -> None:
        self._hands_on = False
        self.context.flush_logs()
        self.context.poke("trivial_rewrite")
