"""The servers that the client would try for a next hop, in their order.

Postfix:    smtp(8), lmtp(8)
Parameters: smtp_..., lmtp_... (by the command in master.cf), dns_nameservers
Must not:   connect to any
"""

from spoolmta.agents.smtp.flags import parse_flags
from spoolmta.agents.smtp.hosts import HostFinder
from spoolmta.agents.smtp.settings import Settings, lmtp_settings, smtp_settings
from spoolmta.cli.explanation.facts import Host, Problem
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters.smtp import LmtpParameters, SmtpParameters
from spoolmta.maillog import MailLog
from spoolmta.net.dns import Resolver

LMTP = "lmtp"
CLIENTS = ("smtp", LMTP)


def client_settings(configuration: Configuration, service: Service) -> Settings:
    """Return the settings of a service with the command smtp or lmtp.

    Raises ConfigError: one cannot be used; the service does not start.
    """
    flags = parse_flags(service.arguments)
    if service.command == LMTP:
        return lmtp_settings(configuration.section(LmtpParameters, service.overrides), flags)
    return smtp_settings(configuration.section(SmtpParameters, service.overrides), flags)


async def servers(
    nexthop: str, settings: Settings, resolver: Resolver, log: MailLog
) -> tuple[list[Host], Problem | None]:
    """Return the servers of a next hop, or why there is none to try."""
    if settings.dialogue.lmtp and nexthop.startswith("unix:"):
        path = nexthop.removeprefix("unix:")
        return [Host(nexthop, settings.dialogue.own_name, path, 0, 0)], None
    finder = HostFinder(settings.lookup, resolver, log)
    hosts: list[Host] = []
    problem: Problem | None = None
    for site in (*nexthop.replace(",", " ").split(), *settings.fallback_relays):
        found = await finder.find(site)
        if found.trouble is not None and problem is None:
            problem = Problem(found.trouble.dsn, found.trouble.reason)
        hosts += (
            Host(site, server.name, server.address, server.port, server.preference)
            for server in found.servers
        )
        if found.is_exchanger:
            break
    return hosts, None if hosts else problem
