"""Who takes the mail of a domain: domains with the same provider may share one window.

The provider is the name of the best mail exchanger without its first label: all domains whose mail
goes to aspmx.l.google.com are one destination, and so are those of a provider that gives each
domain a host name of its own. A domain whose exchangers are below itself is its own provider.

The name service never holds mail up. What it does not answer in time stays a destination of its
own; if it answers nothing at all, it is not asked for a while.

Postfix:    has nothing like it
Parameters: destination_grouping, dns_nameservers
Limits:     10,000 domains are remembered, as long as their records say
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from spoolmta.errors import DnsTryAgain
from spoolmta.net.dns import MailExchanger, Resolver
from spoolmta.service.eager import as_task

PREFIX = "mx:"

_PATIENCE_SECONDS = 3.0
_FAILURE_SECONDS = 60.0
_SILENCE_SECONDS = 30.0
_SHORTEST_SECONDS = 60.0
_DOMAINS = 10_000


class Providers:
    """Looks providers up, and remembers them; one per process."""

    def __init__(self, resolver: Resolver, now: Callable[[], float]) -> None:
        """*now* tells the time in seconds."""
        self._resolver = resolver
        self._now = now
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._asked: dict[str, asyncio.Task[str]] = {}
        self._answers = 0
        self._rests_until = 0.0

    async def destination(self, nexthop: str) -> str:
        """Return the destination that *nexthop* shares with others, "" if it shares none."""
        domain = nexthop.lower()
        if not _is_domain(domain):
            return ""
        known = self._known.get(domain)
        if known is not None and known[0] > self._now():
            return known[1]
        if self._rests_until > self._now():
            return ""
        return await as_task(self._wait_for(domain))

    async def _wait_for(self, domain: str) -> str:
        """Return what is found in time; what comes later is there for the next mail."""
        task = self._asked.get(domain)
        if task is None:
            task = self._asked[domain] = asyncio.create_task(self._ask(domain))
        answers = self._answers
        await asyncio.wait({task}, timeout=_PATIENCE_SECONDS)
        if task.done():
            return task.result()
        if answers == self._answers:
            self._rests_until = self._now() + _SILENCE_SECONDS
        return ""

    async def _ask(self, domain: str) -> str:
        lasts, found = _FAILURE_SECONDS, ""
        try:
            answer = await self._resolver.mx(domain)
            lasts, found = max(answer.ttl, _SHORTEST_SECONDS), provider(domain, answer.records)
            self._answers += 1
        except DnsTryAgain:
            pass  # it stays a destination of its own, and is asked for again soon
        finally:
            del self._asked[domain]
        self._known[domain] = (self._now() + lasts, found)
        if len(self._known) > _DOMAINS:
            self._known.popitem(last=False)
        return found


def provider(domain: str, exchangers: tuple[MailExchanger, ...]) -> str:
    """Return the destination that *domain* shares with all others of its provider, "" if none."""
    best = min(exchangers, key=lambda one: (one.preference, one.host), default=None)
    if best is None:
        return ""
    host = best.host.lower().rstrip(".")
    if not host or host == domain or host.endswith("." + domain):
        return ""
    _, _, parent = host.partition(".")
    return PREFIX + (host if _is_registry(parent) else parent)


def _is_registry(name: str) -> bool:
    """Return whether names below this one may belong to strangers, as far as its form tells."""
    labels = name.split(".")
    return len(labels) < 2 or (len(labels) == 2 and len(labels[1]) == 2 and len(labels[0]) <= 3)


def _is_domain(nexthop: str) -> bool:
    return "." in nexthop and not any(mark in nexthop for mark in "[]:/, ")
