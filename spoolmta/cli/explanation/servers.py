"""The servers that the client would try for a next hop, in their order.

Postfix:    smtp(8), lmtp(8)
Parameters: smtp_..., lmtp_... (by the command in master.cf), dns_nameservers, best_mx_transport
Must not:   connect to any
"""

from dataclasses import dataclass

from spoolmta.agents.smtp.flags import parse_flags
from spoolmta.agents.smtp.hosts import HostFinder
from spoolmta.agents.smtp.settings import Settings, lmtp_settings, smtp_settings
from spoolmta.agents.smtp.trouble import Trouble
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


@dataclass(frozen=True, slots=True)
class Search:
    """The servers that were found, or why there is none; *passed_to* is then who delivers."""

    hosts: list[Host]
    problem: Problem | None = None
    passed_to: str = ""


async def servers(nexthop: str, settings: Settings, resolver: Resolver, log: MailLog) -> Search:
    """Return the servers of a next hop, as an attempt at it would try them."""
    if settings.dialogue.lmtp and nexthop.startswith("unix:"):
        path = nexthop.removeprefix("unix:")
        return Search([Host(nexthop, settings.dialogue.own_name, path, 0, 0)])
    finder = HostFinder(settings.lookup, resolver, log)
    sites = nexthop.replace(",", " ").split()
    is_relayhost = not settings.lookup.lmtp and sites[:1] == [settings.relayhost]
    hosts: list[Host] = []
    trouble: Trouble | None = None
    is_ours = is_relayhost
    for number, site in enumerate((*sites, *settings.fallback_relays)):
        found = await finder.find(site)
        hosts += (
            Host(site, server.name, server.address, server.port, server.preference)
            for server in found.servers
        )
        trouble = found.trouble or trouble
        is_ours = is_relayhost or number >= len(sites)
        if found.is_exchanger or (found.trouble is not None and found.trouble.is_loop):
            break
    if hosts or trouble is None:
        return Search(hosts)
    if trouble.is_soft or is_ours:
        # Mail is not returned for a mistake in a parameter of ours.
        dsn = trouble.dsn if trouble.is_soft else "4.3.5"
        return Search(hosts, Problem(dsn, trouble.reason))
    if trouble.is_loop and settings.best_mx_transport:
        return Search(hosts, passed_to=settings.best_mx_transport)
    return Search(hosts, Problem(trouble.dsn, trouble.reason))
