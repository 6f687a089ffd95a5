"""Which code runs for a command of master.cf, and how.

Modules are imported by the master before it forks, so that services share their memory.
"""

import importlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from spoolmta.config import program
from spoolmta.config.master_cf import Service
from spoolmta.config.program import Kind
from spoolmta.service.agent import serve_agent
from spoolmta.service.context import ServiceContext
from spoolmta.service.process import Program
from spoolmta.service.worker import serve_stage


@dataclass(frozen=True)
class Entry:
    """A line of the table of programs."""

    kind: Kind
    module: str
    many: bool = False  # as many processes as cores, up to maxproc
    on_demand: bool = False  # started when somebody pokes or connects, ends when idle


def _agent(module: str, *, many: bool = False) -> Entry:
    return Entry(Kind.AGENT, module, many=many, on_demand=True)


KEEPER = Entry(Kind.STAGE, "spoolmta.stages.keeper")

_PROGRAMS = {
    "smtpd": Entry(Kind.LISTENER, "spoolmta.stages.smtpd.service", many=True),
    "showq": Entry(Kind.LISTENER, "spoolmta.stages.showq", on_demand=True),
    "flush": Entry(Kind.LISTENER, "spoolmta.stages.flush", on_demand=True),
    "pickup": Entry(Kind.STAGE, "spoolmta.stages.pickup"),
    "trivial-rewrite": Entry(Kind.STAGE, "spoolmta.stages.trivial_rewrite"),
    "qmgr": Entry(Kind.STAGE, "spoolmta.scheduler.qmgr"),
    "bounce": Entry(Kind.STAGE, "spoolmta.stages.bounce"),
    "smtp": _agent("spoolmta.agents.smtp.agent", many=True),
    "lmtp": _agent("spoolmta.agents.smtp.agent", many=True),
    "local": _agent("spoolmta.agents.local"),
    "virtual": _agent("spoolmta.agents.virtual"),
    "pipe": _agent("spoolmta.agents.pipe"),
    "error": _agent("spoolmta.agents.error"),
    "discard": _agent("spoolmta.agents.discard"),
}


def entry(service: Service) -> Entry:
    """Return what runs for a service that is not a row."""
    return _PROGRAMS[program.stage(service)]


def poke_name(service: Service, found: Entry) -> str:
    """Return the name by which the service is poked; "" if nobody pokes it."""
    if found.kind is Kind.STAGE:
        return program.stage(service).replace("-", "_")
    return service.name if found.kind is Kind.AGENT else ""


def process_count(service: Service, found: Entry) -> int:
    """Return how many processes share the sessions or deliveries of a service."""
    cores = len(os.sched_getaffinity(0)) if found.many else 1
    return min(service.maxproc, cores) if service.maxproc else cores


def load(service: Service, found: Entry) -> Program:
    """Import the program of a service and return how it is served."""
    module = importlib.import_module(found.module)
    serve: Callable[[ServiceContext], Awaitable[None]]
    if hasattr(module, "serve"):
        serve = module.serve
    elif found.kind is Kind.AGENT:
        serve = partial(serve_agent, open_agent=module.open_agent)
    else:
        serve = partial(serve_stage, open_stage=module.open_stage)
    return Program(
        name=service.command,
        serve=serve,
        prepare=getattr(module, "prepare", None),
        creates_spool=found is KEEPER,
    )
