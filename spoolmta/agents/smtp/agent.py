"""The agent of the services smtp, relay and lmtp: what their process starts.

Postfix:    smtp(8), lmtp(8)
Parameters: smtp_... or lmtp_..., by the command in master.cf; dns_nameservers
"""

from spoolmta.agents.smtp.attempt import Attempt, Surroundings
from spoolmta.agents.smtp.flags import parse_flags
from spoolmta.agents.smtp.hosts import HostFinder
from spoolmta.agents.smtp.reuse import KeptSessions
from spoolmta.agents.smtp.session import ContentSource
from spoolmta.agents.smtp.settings import Settings, lmtp_settings, smtp_settings
from spoolmta.clock import Clock
from spoolmta.config.parameters.smtp import ClientParameters, LmtpParameters, SmtpParameters
from spoolmta.maillog import MailLog
from spoolmta.message.outcome import Delivery
from spoolmta.net.dns import Resolver, parse_nameservers
from spoolmta.service.context import ServiceContext
from spoolmta.spool.deliveries import Report

LMTP = "lmtp"


class SmtpAgent:
    """Delivers by SMTP or LMTP; one per process."""

    def __init__(self, settings: Settings, resolver: Resolver, log: MailLog, clock: Clock) -> None:
        self.settings = settings
        self._kept = KeptSessions(settings.reuse)
        self._surroundings = Surroundings(
            settings, HostFinder(settings.lookup, resolver, log), self._kept, log, clock
        )

    async def deliver(self, delivery: Delivery, content: ContentSource) -> Report:
        """Try one delivery; return an outcome for each of its recipients.

        Raises TemporaryError, Corrupt: the content cannot be read; the caller defers.
        """
        return await Attempt(self._surroundings, delivery, content).run()

    async def close(self) -> None:
        """Say good-bye to the servers of all kept sessions."""
        await self._kept.close()


def open_agent(context: ServiceContext) -> SmtpAgent:
    """Return the agent of a service whose command is smtp or lmtp.

    Raises ConfigError: a parameter or an argument cannot be used.
    """
    flags = parse_flags(context.service.arguments)
    if context.service.command == LMTP:
        settings = lmtp_settings(context.section(LmtpParameters), flags)
    else:
        settings = smtp_settings(context.section(SmtpParameters), flags)
    nameservers = parse_nameservers(context.section(ClientParameters).dns_nameservers)
    return SmtpAgent(settings, Resolver(nameservers), context.log, context.clock)
