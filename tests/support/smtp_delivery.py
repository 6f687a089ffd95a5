"""Deliveries by the SMTP and LMTP client in tests: settings, content, a log that is kept.

with StubDns() as dns, ScriptedServer() as server:
    client = Client(dns, port=server.port)
    report = client.deliver("[127.0.0.1]", "alice@example.com")
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import uvloop

from spoolmta.agents.smtp.agent import SmtpAgent
from spoolmta.agents.smtp.settings import (
    DialogueSettings,
    LookupSettings,
    ReuseSettings,
    Settings,
)
from spoolmta.clock import SystemClock
from spoolmta.maillog import MailLog
from spoolmta.maps import open_match_list
from spoolmta.message.outcome import Delivery, DeliveryRecipient, Outcome
from spoolmta.net.dns import Resolver
from spoolmta.protocols.smtp_client import Phase
from spoolmta.spool.deliveries import Report
from tests.support.stub_dns import StubDns

T = TypeVar("T")

CONTENT = b"Subject: test\r\n\r\nHello.\r\n.dot\r\n"
TIMEOUT = 5.0


class KeptLines:
    """A log target that keeps its lines."""

    framed = False
    joined = False

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, lines: list[bytes]) -> list[bytes]:
        """Keep *lines*."""
        self.lines += [line.decode().rstrip("\n").partition("]: ")[2] for line in lines]
        return []

    def close(self) -> None:
        """Do nothing."""


class HeldContent:
    """Content in memory, in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = pieces

    async def whole(self) -> bytes:
        """Return all of it."""
        return b"".join(self.pieces)

    async def read(self) -> AsyncIterator[bytes]:
        """Yield it piece by piece."""
        for piece in self.pieces:
            yield piece


def delivery(nexthop: str, *addresses: str, size: int = len(CONTENT)) -> Delivery:
    """Return a delivery that has just been claimed."""
    now = SystemClock().now()
    return Delivery(
        delivery_id=1,
        message_id=1,
        queue_id="0123456789ABCDE",
        transport="smtp",
        nexthop=nexthop,
        sender="sender@example.org",
        size=size,
        encoding="7bit",
        smtputf8=False,
        envid="",
        ret="",
        arrived_at=now - 2,
        activated_at=now - 1,
        granted_at=now,
        attempted_at=now,
        recipients=tuple(
            DeliveryRecipient(number, address, "", "", 0)
            for number, address in enumerate(addresses)
        ),
    )


def settings(port: int, *, lmtp: bool = False) -> Settings:
    """Return the default settings, with short time limits and another default port."""
    return Settings(
        lookup=LookupSettings(lmtp=lmtp, use_mx=not lmtp, default_service=str(port)),
        dialogue=DialogueSettings(
            lmtp=lmtp,
            hello_name="client.example",
            own_name="client.example",
            timeouts=dict.fromkeys(Phase, TIMEOUT),
        ),
        reuse=ReuseSettings(on_demand=False),
        connect_timeout=TIMEOUT,
    )


def keeping(changed: Settings, **reuse: float) -> Settings:
    """Return settings with which connections are always kept."""
    always = ReuseSettings(on_demand=False, destinations=open_match_list("static:all"))
    return replace(changed, reuse=replace(always, **reuse))  # type: ignore[arg-type]


@dataclass
class Client:
    """An agent with settings of its own for each test; *lines* is its log."""

    dns: StubDns
    settings: Settings
    target: KeptLines = field(default_factory=KeptLines)

    @property
    def lines(self) -> list[str]:
        """The log, without what stands before the text."""
        return self.target.lines

    def run(self, work: Callable[[SmtpAgent], Awaitable[T]]) -> T:
        """Run *work* with a fresh agent, on uvloop, and close the agent."""

        async def whole() -> T:
            log = MailLog(self.target, "postfix/smtp", "client")
            resolver = Resolver([self.dns.address], timeout_s=TIMEOUT)
            agent = SmtpAgent(self.settings, resolver, log, SystemClock())
            try:
                return await work(agent)
            finally:
                await agent.close()
                log.flush()

        return uvloop.run(whole())

    def report(self, one: Delivery, *pieces: bytes) -> Report:
        """Attempt one delivery."""
        content = HeldContent(*(pieces or (CONTENT,)))
        return self.run(lambda agent: agent.deliver(one, content))

    def deliver(self, nexthop: str, *addresses: str) -> tuple[Outcome, ...]:
        """Attempt a delivery of the usual message; return the outcomes in recipient order."""
        report = self.report(delivery(nexthop, *addresses))
        return tuple(sorted(report.outcomes, key=lambda outcome: outcome.number))

    def deliver_in_turn(self, deliveries: Sequence[Delivery], pause: float = 0.0) -> list[Report]:
        """Attempt several deliveries one after the other, in one process."""

        async def work(agent: SmtpAgent) -> list[Report]:
            reports = []
            for one in deliveries:
                reports.append(await agent.deliver(one, HeldContent(CONTENT)))
                await asyncio.sleep(pause)
            return reports

        return self.run(work)
