"""What the programs that master.cf may name are here: stages, listeners, agents, rows, or nothing.

Postfix runs a program for each service. Here some of them are rows of the spool or functions of
another service: lines for them are accepted, and no process is started. Others do not exist yet.

Postfix:    master(5), and a manual page for each program
Must not:   know the code that runs (master/programs.py)
"""

from collections.abc import Iterable
from enum import StrEnum

from spoolmta.config.master_cf import Service


class Kind(StrEnum):
    """How a program runs.

    STAGE    one process that is poked
    LISTENER processes that accept sessions on the service's sockets
    AGENT    processes that deliver for a transport
    ROW      a service of Postfix that is rows or a function here: accepted, no process
    """

    STAGE = "stage"
    LISTENER = "listener"
    AGENT = "agent"
    ROW = "row"


KINDS = {
    "smtpd": Kind.LISTENER,
    "showq": Kind.LISTENER,
    "flush": Kind.LISTENER,
    "pickup": Kind.STAGE,
    "trivial-rewrite": Kind.STAGE,
    "qmgr": Kind.STAGE,
    "oqmgr": Kind.STAGE,
    "nqmgr": Kind.STAGE,
    "bounce": Kind.STAGE,
    "smtp": Kind.AGENT,
    "lmtp": Kind.AGENT,
    "local": Kind.AGENT,
    "virtual": Kind.AGENT,
    "pipe": Kind.AGENT,
    "error": Kind.AGENT,
    "discard": Kind.AGENT,
    "cleanup": Kind.ROW,
    "proxymap": Kind.ROW,
    "verify": Kind.ROW,
    "anvil": Kind.ROW,
    "scache": Kind.ROW,
    "tlsmgr": Kind.ROW,
    "postlogd": Kind.ROW,
}
"""The programs that a service may run."""

ROWS = {
    "bounce": "one bounce service writes all notices",
    "qmgr": "one queue manager grants all deliveries",
    "oqmgr": "one queue manager grants all deliveries",
    "nqmgr": "one queue manager grants all deliveries",
    "pickup": "one pickup service takes all submitted mail",
    "trivial-rewrite": "one service resolves all addresses",
    "cleanup": "smtpd and pickup clean mail up themselves",
    "proxymap": "each process opens tables itself",
    "verify": "it has no probes to remember",
    "anvil": "no statistics are gathered",
    "scache": "each agent keeps its own connections",
    "tlsmgr": "there are no TLS sessions to keep",
    "postlogd": "each process writes the log file itself",
}
"""Why no process is started for a service that is accepted, by program."""

NOT_YET = {
    "spawn": "commands are not run for connections yet",
    "postscreen": "clients are not screened before smtpd yet",
    "dnsblog": "clients are not screened before smtpd yet",
    "tlsproxy": "TLS is not supported yet",
    "qmqpd": "QMQP is not supported yet",
}
"""Programs of Postfix that are missing here, with what is missed."""

_STAGE_NAMES = {"pickup": "pickup", "trivial-rewrite": "rewrite", "bounce": "bounce"}
_QUEUE_MANAGERS = ("qmgr", "oqmgr", "nqmgr")


def running(services: Iterable[Service]) -> dict[str, Kind]:
    """Return what is started for each of *services*, by service/type; what is not, is a ROW.

    Services whose program does not exist are left out. Of several that would run one stage, the
    one with its usual name does, else the first: a stage works for all. A service of type "pass"
    waits for connections that postscreen hands on.
    """
    services = tuple(services)
    chosen: dict[str, Service] = {}
    for service in services:
        if KINDS.get(service.command) is Kind.STAGE:
            usual = _STAGE_NAMES.get(service.command, "qmgr")
            known = chosen.setdefault(stage(service), service)
            if service.name == usual != known.name:
                chosen[stage(service)] = service
    found = {}
    for service in services:
        kind = KINDS.get(service.command)
        if kind is None:
            continue
        other = kind is Kind.STAGE and chosen[stage(service)] is not service
        found[service.key] = Kind.ROW if other or service.kind == "pass" else kind
    return found


def stage(service: Service) -> str:
    """Return the stage that a service runs; Postfix has several queue managers."""
    return "qmgr" if service.command in _QUEUE_MANAGERS else service.command


def transports(services: Iterable[Service]) -> frozenset[str]:
    """Return the names by which mail can be routed to an agent."""
    return frozenset(s.name for s in services if KINDS.get(s.command) is Kind.AGENT)
