"""Sessions that are kept open for the next delivery, by next hop and by server.

A session is kept for a short time after a delivery, if its next hop gets much: on demand, where the
delivery before this one ended a moment ago. After a message that comes alone no server is kept
waiting. The next delivery to the same next hop takes the one used last, without any look-up; one to
another next hop can take a session to a server that it would connect to anyway.

Postfix:    scache(8), CONNECTION_CACHE_README
Parameters: smtp_connection_cache_on_demand, smtp_connection_cache_destinations,
            smtp_connection_cache_time_limit, smtp_connection_reuse_time_limit,
            smtp_connection_reuse_count_limit
Limits:     kept in the process that opened it; no other process can use it
"""

import asyncio
from collections import defaultdict
from typing import NamedTuple, TypeVar

from spoolmta.agents.smtp.server import Server
from spoolmta.agents.smtp.session import Session
from spoolmta.agents.smtp.settings import ReuseSettings

K = TypeVar("K")

# So long after a delivery its next hop counts as one that gets much.
_DEMAND_SECONDS = 1.0


class Reuse(NamedTuple):
    """Whether a delivery *takes* a kept session, and whether what it used is *kept* after it."""

    takes: bool
    keeps: bool


_NO_REUSE = Reuse(takes=False, keeps=False)


class KeptSessions:
    """The open sessions of this process that nobody uses now."""

    def __init__(self, settings: ReuseSettings) -> None:
        self._settings = settings
        # All in the order in which they were put here: the first is the first to go.
        self._idle: dict[Session, tuple[str, float]] = {}
        self._by_nexthop: defaultdict[str, dict[Session, None]] = defaultdict(dict)
        self._by_server: defaultdict[tuple[str, int], dict[Session, None]] = defaultdict(dict)
        # When the latest delivery to a next hop ended, the oldest first.
        self._served: dict[str, float] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._leaving: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._idle)

    async def wants(self, nexthop: str) -> Reuse:
        """Return how a delivery to this next hop deals with sessions."""
        settings = self._settings
        if settings.idle_limit <= 0:
            return _NO_REUSE
        if settings.destinations:
            host = nexthop.partition(":")[0].strip("[]")
            if await settings.destinations.matches(host):
                return Reuse(takes=True, keeps=True)
        if not settings.on_demand:
            return _NO_REUSE
        return Reuse(takes=True, keeps=nexthop in self._forget_rare())

    def served(self, nexthop: str) -> None:
        """Note that a delivery to a next hop has ended."""
        served = self._forget_rare()
        served.pop(nexthop, None)
        served[nexthop] = asyncio.get_running_loop().time()

    def may_serve(self, session: Session, uses: int) -> bool:
        """Return whether a session that has had so many *uses* may have another one."""
        settings = self._settings
        age = asyncio.get_running_loop().time() - session.opened_at
        return age < settings.age_limit and (
            not settings.count_limit or uses <= settings.count_limit
        )

    def take(self, nexthop: str) -> Session | None:
        """Return the session to *nexthop* that was used last, None if there is none."""
        return self._take(self._by_nexthop.get(nexthop))

    def take_server(self, server: Server) -> Session | None:
        """Return a session to *server*, None if there is none."""
        return self._take(self._by_server.get(server.key))

    def keep(self, session: Session, nexthop: str) -> None:
        """Keep *session*, which is of use, for the next delivery."""
        loop = asyncio.get_running_loop()
        self._idle[session] = nexthop, loop.time() + self._settings.idle_limit
        self._by_nexthop[nexthop][session] = None
        self._by_server[session.server.key][session] = None
        if self._sweep is None:
            self._sweep = loop.call_later(self._settings.idle_limit, self._end_idle)

    def dismiss(self, session: Session) -> None:
        """End a session; the caller does not wait for its good-bye."""
        if session.leave():
            leaving = asyncio.create_task(session.wait_for_farewell())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """End all of them."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        for session in list(self._idle):
            self._forget(session)
            self.dismiss(session)
        if self._leaving:
            await asyncio.wait(self._leaving)

    def _take(self, sessions: dict[Session, None] | None) -> Session | None:
        while sessions:
            session = next(reversed(sessions))
            self._forget(session)
            if session.is_usable and self.may_serve(session, session.uses):
                return session
            self.dismiss(session)
        return None

    def _forget_rare(self) -> dict[str, float]:
        """Return the next hops that get much now; forget all others."""
        limit = asyncio.get_running_loop().time() - _DEMAND_SECONDS
        while self._served:
            nexthop, ended_at = next(iter(self._served.items()))
            if ended_at >= limit:
                break
            del self._served[nexthop]
        return self._served

    def _forget(self, session: Session) -> None:
        nexthop, _ = self._idle.pop(session)
        _remove(self._by_nexthop, nexthop, session)
        _remove(self._by_server, session.server.key, session)

    def _end_idle(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = None
        for session, (_, until) in list(self._idle.items()):
            if until > loop.time() + 0.001:
                self._sweep = loop.call_at(until, self._end_idle)
                return
            self._forget(session)
            self.dismiss(session)


def _remove(index: dict[K, dict[Session, None]], key: K, session: Session) -> None:
    sessions = index[key]
    del sessions[session]
    if not sessions:
        del index[key]
