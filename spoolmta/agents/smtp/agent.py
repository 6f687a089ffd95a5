"""The agent of the services smtp, relay and lmtp: what their process starts.

Postfix:    smtp(8), lmtp(8)
Parameters: smtp_... or lmtp_..., by the command in master.cf; dns_nameservers
"""

from spoolmta.address.generic import Generic
from spoolmta.address.routing import Routing
from spoolmta.agents.smtp.attempt import Attempt, Surroundings
from spoolmta.agents.smtp.departure import Departures
from spoolmta.agents.smtp.flags import parse_flags
from spoolmta.agents.smtp.hosts import HostFinder
from spoolmta.agents.smtp.reuse import KeptSessions
from spoolmta.agents.smtp.session import ContentSource
from spoolmta.agents.smtp.settings import Settings, lmtp_settings, smtp_settings
from spoolmta.clock import Clock
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.config.parameters.smtp import ClientParameters, LmtpParameters, SmtpParameters
from spoolmta.maillog import MailLog
from spoolmta.maps import open_maps
from spoolmta.message.outcome import Delivery
from spoolmta.net.dns import Resolver, parse_nameservers
from spoolmta.service.context import ServiceContext
from spoolmta.service.postmaster import Fault, Postmaster
from spoolmta.spool.deliveries import Report

LMTP = "lmtp"


class SmtpAgent:
    """Delivers by SMTP or LMTP; one per process."""

    def __init__(
        self,
        settings: Settings,
        resolver: Resolver,
        log: MailLog,
        clock: Clock,
        departures: Departures | None = None,
        postmaster: Postmaster | None = None,
    ) -> None:
        """*departures*: what mail that leaves is rewritten by, if it is."""
        self.settings = settings
        self._kept = KeptSessions(settings.reuse)
        self._surroundings = Surroundings(
            settings,
            HostFinder(settings.lookup, resolver, log),
            self._kept,
            log,
            clock,
            departures,
            postmaster,
        )

    async def deliver(self, delivery: Delivery, content: ContentSource) -> Report:
        """Try one delivery; return an outcome for each of its recipients.

        Raises TemporaryError, Corrupt: the content cannot be read; the caller defers.
        """
        return await Attempt(self._surroundings, delivery, content).run()

    async def probe(self, delivery: Delivery, content: ContentSource) -> Report:
        """Ask the servers whether they would take the recipients; they are sent no content."""
        return await self.deliver(delivery, content)

    async def close(self) -> None:
        """Say good-bye to the servers of all kept sessions."""
        await self._kept.close()


def open_agent(context: ServiceContext) -> SmtpAgent:
    """Return the agent of a service whose command is smtp or lmtp.

    Raises ConfigError: a parameter or an argument cannot be used.
    """
    flags = parse_flags(context.service.arguments)
    if context.service.command == LMTP:
        lmtp = context.section(LmtpParameters)
        settings = lmtp_settings(lmtp, flags)
        generic = (lmtp.lmtp_generic_maps, "lmtp_generic_maps")
    else:
        smtp = context.section(SmtpParameters)
        settings = smtp_settings(smtp, flags)
        generic = (smtp.smtp_generic_maps, "smtp_generic_maps")
    nameservers = parse_nameservers(context.section(ClientParameters).dns_nameservers)
    resolver = Resolver(nameservers)
    departures = _departures(context, *generic)
    postmaster = Postmaster.open(context)
    return SmtpAgent(
        settings,
        resolver,
        context.log,
        context.clock,
        departures,
        postmaster if Fault.PROTOCOL in postmaster.wanted else None,
    )


def _departures(context: ServiceContext, tables: str, name: str) -> Departures | None:
    if not tables:
        return None
    parameters = context.section(RoutingParameters)
    routing = Routing.open(parameters)
    generic = Generic(open_maps(tables), name, routing, context.log.warning)
    return Departures(generic, parameters.header_address_token_limit)
