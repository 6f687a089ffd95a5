"""What a service is handed when it starts: all that it may touch, and nothing global."""

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from spoolmta.clock import Clock
from spoolmta.config.loader import Configuration
from spoolmta.config.master_cf import Service
from spoolmta.config.parameter import Section
from spoolmta.maillog import MailLog
from spoolmta.message.queue_id import MessageIds, format_queue_id
from spoolmta.service.wakeup import Wakeup
from spoolmta.spool.committer import Committer
from spoolmta.spool.connection import Spool

S = TypeVar("S", bound=Section)


@dataclass
class ServiceContext:
    """The surroundings of one service process.

    *spool* is for plain calls of poll-loop stages; *committer* is the spool thread of event-loop
    services. *sockets* are the listening sockets that the master bound. *session_limit* bounds the
    simultaneous sessions or deliveries of this process. *prepared* is what the module's `prepare`
    made before privileges were dropped. *draining* is set when the service is to finish what
    it has begun and return; *stopping* as well when it has little time for that.
    """

    configuration: Configuration
    service: Service
    log: MailLog
    clock: Clock
    spool: Spool
    committer: Committer
    ids: MessageIds
    process_id: int
    wakeup: Wakeup
    poke: Callable[[str], None]
    sockets: tuple[socket.socket, ...] = ()
    session_limit: int = 100
    long_queue_ids: bool = False
    prepared: object = None
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _logs: dict[str, MailLog] = field(default_factory=dict)

    def section(self, kind: type[S]) -> S:
        """Return the parameters of *kind*, with the service's -o overrides."""
        return self.configuration.section(kind, self.service.overrides)

    def queue_id(self, message_id: int) -> str:
        """Return the queue id of a message in the configured form."""
        return format_queue_id(message_id, long=self.long_queue_ids)

    def log_as(self, program: str) -> MailLog:
        """Return the log of another program, whose part this service plays.

        Log readers look for a message's lines under cleanup, qmgr and so on, whatever process
        writes them.
        """
        if program not in self._logs:
            self._logs[program] = self.log.named(program)
        return self._logs[program]

    def flush_logs(self) -> None:
        """Write what waits in the log; called once a turn of the service's loop."""
        self.log.flush()
        for log in self._logs.values():
            log.flush()

    def drain(self) -> None:
        """Ask the service to finish what it has begun: another process takes over."""
        self.draining.set()
        self.wakeup.wake()

    def stop(self) -> None:
        """Ask the service to end soon: the mail system stops."""
        self.stopping.set()
        self.drain()
