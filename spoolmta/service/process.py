"""The life of a service process, from the fork to its end.

The master forks it warmed up; here it gets its signals, drops its privileges, opens log and spool,
registers itself, serves until it is asked to drain, and retires. An exception that reaches this
edge is a bug or a dead spool: it is logged and the process ends, its rows come back by the keeper.

Parameters: mail_owner, queue_directory, enable_long_queue_ids, proxy_read_maps
Must not:   hold an SQLite connection before the fork, or read input before privileges are dropped
"""

import asyncio
import codecs
import gc
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from spoolmta.clock import SystemClock
from spoolmta.config.environment import let_through
from spoolmta.config.loader import MAIL_CONFIG, Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.config.parameters.proxymap import ProxymapParameters
from spoolmta.errors import ConfigError, SpoolmtaError, SpoolUnusable
from spoolmta.maillog import MailLog
from spoolmta.maps import debug, proxy
from spoolmta.maps.servers import client_cf
from spoolmta.maps.watched import tell_problems
from spoolmta.message.queue_id import MessageIds
from spoolmta.service import privileges
from spoolmta.service.context import ServiceContext
from spoolmta.service.poke import Poker
from spoolmta.service.wakeup import Wakeup
from spoolmta.spool import processes, replacement, schema
from spoolmta.spool.committer import Committer
from spoolmta.spool.connection import FILE_NAME, Spool
from spoolmta.spool.statements import statements

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_SPOOL_UNUSABLE = 69  # EX_UNAVAILABLE of sysexits

# Little here is circular (a session leaves 23 objects): to look after each 700 was 3 % of smtpd.
_OBJECTS_PER_COLLECTION = 10_000


@dataclass(frozen=True)
class Program:
    """What runs in a service process.

    *name* is the process name in the log. *prepare* runs before privileges are dropped and before
    the spool is opened. *creates_spool* is true of the keeper alone.
    """

    name: str
    serve: Callable[[ServiceContext], Awaitable[None]]
    prepare: Callable[[Configuration, Service], object] | None = None
    creates_spool: bool = False


@dataclass(frozen=True)
class Launch:
    """What the master hands to a new process."""

    program: Program
    configuration: Configuration
    service: Service
    sockets: tuple[socket.socket, ...]
    poke_socket: socket.socket | None
    session_limit: int
    master: int  # its process id
    ready: int | None = None  # descriptor that is written to once the spool is open


def run(launch: Launch) -> int:
    """Live the whole life of a service process; return its exit status."""
    parameters = launch.configuration.section(CommonParameters, launch.service.overrides)
    owner = privileges.account(parameters.mail_owner)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    gc.set_threshold(_OBJECTS_PER_COLLECTION)
    log = MailLog.open(launch.configuration, launch.program.name, launch.service.overrides)
    prepare = launch.program.prepare
    try:
        _take_environment(launch)
        _tell_tables(launch, log)
        prepared = prepare(launch.configuration, launch.service) if prepare is not None else None
        privileges.become(owner)
        privileges.end_with_parent(signal.SIGTERM)
        if os.getppid() != launch.master:
            return EXIT_FAILED  # it died before we asked to be told
        uvloop.run(_live(launch, parameters, log, prepared))
    except SpoolUnusable as error:
        log.fatal(str(error))
        return EXIT_SPOOL_UNUSABLE
    except SpoolmtaError as error:
        log.fatal(str(error))
        return EXIT_FAILED
    except BaseException as error:
        log.panic("".join(traceback.format_exception(error)).replace("\n", " | "))
        return EXIT_FAILED
    finally:
        log.flush()
    return EXIT_OK


def read_files_ahead() -> None:
    """Read, before any fork, what services would read: they share it in memory.

    They could not do it later: mail_owner may not be able to read our files.
    """
    statements()
    schema.text()
    for encoding in ("ascii", "latin-1", "idna", "punycode"):
        codecs.lookup(encoding)


def _take_environment(launch: Launch) -> None:
    """Begin with the variables that import_environment lets through.

    MAIL_CONFIG names our configuration: commands that we run may run our commands.
    """
    name = "import_environment"
    configuration = launch.configuration
    try:
        value = configuration.value(name, launch.service.overrides)
        variables = let_through(name, value, os.environ)
    except ConfigError as error:
        raise ConfigError(f"{configuration.place(name)}: {error}") from error
    os.environ.clear()
    os.environ.update(variables)
    if configuration.directory is not None:
        os.environ[MAIL_CONFIG] = str(configuration.directory)
    time.tzset()


def _tell_tables(launch: Launch, log: MailLog) -> None:
    """Tell tables what this process may open with "proxy:", and where they are to be heard.

    The tables that proxymap(8) would approve, which does not know a service's own settings, and
    those that the service's settings name.
    """

    def proxy_read_maps() -> str:
        everywhere = launch.configuration.section(ProxymapParameters)
        here = launch.configuration.section(ProxymapParameters, launch.service.overrides)
        return f"{everywhere.proxy_read_maps} {here.proxy_read_maps}"

    proxy.approve(proxy_read_maps)
    debug.tell_lookups(log.info)
    client_cf.use_configuration(launch.configuration)
    tell_problems(log.warning)


async def _live(
    launch: Launch, parameters: CommonParameters, log: MailLog, prepared: object
) -> None:
    loop = asyncio.get_running_loop()
    draining = asyncio.Event()
    # From here on the end is orderly; a signal before this line ends the process at once.
    loop.add_signal_handler(signal.SIGTERM, draining.set)
    loop.add_signal_handler(signal.SIGHUP, draining.set)
    clock = SystemClock()
    queue_directory = Path(parameters.queue_directory)
    path = queue_directory / FILE_NAME
    if launch.program.creates_spool and replacement.finish(path) is not None:
        log.warning(f"{path}: ended what a killed spoolmta restore had begun")
    spool = Spool.open(path, clock, create=launch.program.creates_spool)
    with spool.transaction() as tx:
        process_id = processes.register(tx, launch.service.name)
    poker = Poker(queue_directory)
    context = ServiceContext(
        configuration=launch.configuration,
        service=launch.service,
        log=log,
        clock=clock,
        spool=spool,
        committer=Committer(path, clock),
        ids=MessageIds(process_id, clock),
        process_id=process_id,
        wakeup=Wakeup(launch.poke_socket),
        poke=poker.poke,
        sockets=launch.sockets,
        session_limit=launch.session_limit,
        long_queue_ids=parameters.enable_long_queue_ids,
        prepared=prepared,
        draining=draining,
    )
    loop.add_signal_handler(signal.SIGTERM, context.stop)
    loop.add_signal_handler(signal.SIGHUP, context.drain)
    _tell_ready(launch.ready)
    await launch.program.serve(context)
    context.wakeup.close()
    await context.committer.close()
    context.flush_logs()
    with spool.transaction() as tx:
        processes.retire(tx, process_id)
    spool.close()
    poker.close()


def _tell_ready(descriptor: int | None) -> None:
    if descriptor is not None:
        os.write(descriptor, b".")
        os.close(descriptor)
    sys.stdout.flush()
