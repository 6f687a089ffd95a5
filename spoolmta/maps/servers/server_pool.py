"""Connections to the servers of tables, used from worker threads, so that no lookup stops others.

A pool belongs to one process: nothing is connected before the first lookup, and a fork starts
anew. All tables with the same servers and account share one pool. A server that cannot be reached,
or whose connection breaks, is left alone for a while; the others are asked meanwhile. A connection
that was idle and turns out to be closed is no such failure: it is opened again at once.

Postfix:  mysql_table(5), pgsql_table(5) "hosts", "idle_interval", "retry_interval"
Must not: share a connection over a fork
Limits:   SESSIONS connections to a pool's servers; a lookup that finds all of them busy waits
"""

import asyncio
import os
import random
import socket
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from spoolmta.errors import MapUnavailable

SESSIONS = 4
# A driver's own limits for connecting and for an answer; both together for the first two servers.
CONNECT_LIMIT_S = 10.0
ANSWER_LIMIT_S = 20.0
LOOKUP_LIMIT_S = 60.0
IDLE_INTERVAL_S = 60.0
RETRY_INTERVAL_S = 60.0


class ServerLost(Exception):
    """A server could not be reached, or its connection broke: another one may answer."""


class ServerSilent(ServerLost):
    """A server did not answer in time."""


class QueryRefused(Exception):
    """A server answered that it does not do what it was asked; it is well otherwise."""


class Session(Protocol):
    """A connection to a server, used by one thread at a time."""

    def close(self) -> None:
        """End the connection, also if it is broken."""
        ...


S = TypeVar("S", bound=Session)
T = TypeVar("T")


@dataclass(frozen=True)
class Servers(Generic[S]):
    """The servers of a pool, and how to connect to one.

    *connect* takes a server's name and raises ServerLost. *preferred* servers (unix-domain
    sockets) are tried before the others; else the order is random, or, if *ordered*, as given.
    """

    names: Sequence[str]
    connect: Callable[[str], S]
    preferred: frozenset[str] = frozenset()
    ordered: bool = False
    idle_interval: float = IDLE_INTERVAL_S
    retry_interval: float = RETRY_INTERVAL_S


@dataclass(slots=True)
class _Idle(Generic[S]):
    server: str
    session: S
    since: float


@dataclass(slots=True)
class _Workers(Generic[S]):
    """What one process has: its threads, and the connections that no thread is using."""

    process: int = field(default_factory=os.getpid)
    lock: threading.Lock = field(default_factory=threading.Lock)
    idle: list[_Idle[S]] = field(default_factory=list)
    busy: dict[str, int] = field(default_factory=dict)
    left_alone_until: dict[str, float] = field(default_factory=dict)
    last_error: str = ""
    executor: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(SESSIONS, thread_name_prefix="table")
    )


# What a fork leaves in the child is the parent's: its connections must not even be closed there.
_OF_THE_PARENT: list[_Workers[Any]] = []


class ServerPool(Generic[S]):
    """The connections of this process to one set of servers."""

    def __init__(self, servers: Servers[S]) -> None:
        self._servers = servers
        self._workers: _Workers[S] | None = None
        self._timer_loop: asyncio.AbstractEventLoop | None = None

    async def ask(self, question: Callable[[S], T]) -> T:
        """Return what *question* makes of a session, in a worker thread.

        It raises ServerLost if the connection does not work, QueryRefused if the server says no.
        Raises MapUnavailable: no server gave an answer in time.
        """
        loop = asyncio.get_running_loop()
        workers = self._of_this_process()
        answer = loop.run_in_executor(workers.executor, self._ask_servers, workers, question)
        try:
            # Unlike asyncio.timeout it asks for no current task: who asks need not be one.
            await asyncio.wait((answer,), timeout=LOOKUP_LIMIT_S)
            if not answer.done():
                raise MapUnavailable(f"no answer within {LOOKUP_LIMIT_S:.0f} s")
            return answer.result()
        finally:
            answer.cancel()
            self._close_idle_later(loop)

    def _of_this_process(self) -> _Workers[S]:
        workers = self._workers
        if workers is None or workers.process != os.getpid():
            if workers is not None:
                _OF_THE_PARENT.append(workers)
                self._timer_loop = None
            workers = self._workers = _Workers()
            weakref.finalize(self, _close_all, workers)
        return workers

    def _ask_servers(self, workers: _Workers[S], question: Callable[[S], T]) -> T:
        problem = ""
        for server in self._in_order(workers):
            try:
                return self._ask_server(workers, server, question)
            except ServerLost as error:
                problem = f"{server}: {error}" if server else str(error)
                with workers.lock:
                    workers.last_error = problem
                    workers.left_alone_until[server] = (
                        time.monotonic() + self._servers.retry_interval
                    )
            except QueryRefused as error:
                problem = str(error)
        raise MapUnavailable(problem or f"no server is left to ask; last: {workers.last_error}")

    def _in_order(self, workers: _Workers[S]) -> Sequence[str]:
        """Return the servers to try: connected ones first, and none that is left alone."""
        now = time.monotonic()
        with workers.lock:
            connected = {idle.server for idle in workers.idle}
            connected |= {server for server, count in workers.busy.items() if count}
            names = [
                name for name in self._servers.names if workers.left_alone_until.get(name, 0) <= now
            ]
        if not self._servers.ordered:
            random.shuffle(names)
        preferred = self._servers.preferred
        return sorted(names, key=lambda name: (name not in connected, name not in preferred))

    def _ask_server(self, workers: _Workers[S], server: str, question: Callable[[S], T]) -> T:
        for session in self._idle_sessions(workers, server):
            try:
                return self._use(workers, server, session, question)
            except ServerSilent:
                raise
            except ServerLost:
                # The server may have closed it long ago; a new one will tell.
                continue
        return self._use(workers, server, self._servers.connect(server), question)

    def _use(self, workers: _Workers[S], server: str, session: S, question: Callable[[S], T]) -> T:
        with workers.lock:
            workers.busy[server] = workers.busy.get(server, 0) + 1
        keep = False
        try:
            answer = question(session)
            keep = True
            return answer
        except QueryRefused:
            keep = True
            raise
        finally:
            with workers.lock:
                workers.busy[server] -= 1
                if keep:
                    workers.idle.append(_Idle(server, session, time.monotonic()))
            if not keep:
                session.close()

    def _idle_sessions(self, workers: _Workers[S], server: str) -> Iterator[S]:
        """Yield the connections to a server that were used last, and take them out."""
        while True:
            with workers.lock:
                found = next((i for i in reversed(workers.idle) if i.server == server), None)
                if found is None:
                    return
                workers.idle.remove(found)
            if time.monotonic() - found.since < self._servers.idle_interval:
                yield found.session
            else:
                found.session.close()

    def _close_idle_later(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer_loop is not loop:
            self._timer_loop = loop
            loop.call_later(self._servers.idle_interval, self._close_idle, loop)

    def _close_idle(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what has been idle for long, and look again as long as connections are left."""
        self._timer_loop = None
        workers = self._of_this_process()
        limit = time.monotonic() - self._servers.idle_interval
        with workers.lock:
            old = [idle for idle in workers.idle if idle.since <= limit]
            workers.idle = [idle for idle in workers.idle if idle.since > limit]
            left = bool(workers.idle) or any(workers.busy.values())
        for idle in old:
            workers.executor.submit(idle.session.close)
        if left:
            self._close_idle_later(loop)


def connect_stream(address: str | tuple[str, int], limit: float) -> socket.socket:
    """Return a socket that is connected to a path or to a host and port; *limit* is its time limit.

    Raises OSError: the caller makes ServerLost of it.
    """
    if not isinstance(address, str):
        return socket.create_connection(address, limit)
    stream = socket.socket(socket.AF_UNIX)
    try:
        stream.settimeout(limit)
        stream.connect(address)
    except OSError:
        stream.close()
        raise
    return stream


def _close_all(workers: _Workers[Any]) -> None:
    """Close what a pool that is gone has left. Its threads end by themselves.

    This runs in the middle of anything, so it takes no lock; no other thread knows these any more.
    """
    if workers.process == os.getpid():
        for idle in workers.idle:
            idle.session.close()


_POOLS: "weakref.WeakValueDictionary[Hashable, ServerPool[Any]]" = weakref.WeakValueDictionary()


def shared_pool(identity: Hashable, make: Callable[[], Servers[S]]) -> ServerPool[S]:
    """Return the pool of this *identity*, which tables share that say the same of their servers."""
    pool = _POOLS.get(identity)
    if pool is None:
        pool = _POOLS[identity] = ServerPool(make())
    return pool
