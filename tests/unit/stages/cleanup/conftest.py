"""Cleanup run on one message, over real tables and a real log."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from spoolmta.address.routing import Routing
from spoolmta.config.loader import from_text
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.maillog import MailLog
from spoolmta.message.envelope import Client, Recipient
from spoolmta.stages.cleanup.rules import CleanupRules
from spoolmta.stages.cleanup.run import Cleanup
from spoolmta.stages.cleanup.verdict import CleanupResult

QUEUE_ID = "1AC16E508018000"
ARRIVED_AT = 1_800_000_000.0
CLIENT = Client("client.example", "client.example", "192.0.2.1", 4242, "helo.example", "ESMTP")


@dataclass(frozen=True)
class Cleaned:
    """What came out: the verdict, the whole content, and what was logged."""

    result: CleanupResult
    content: bytes
    log: str

    @property
    def head(self) -> str:
        """The header lines."""
        return self.result.head.decode()

    @property
    def addresses(self) -> list[str]:
        """The recipients' addresses."""
        return [recipient.address for recipient in self.result.recipients]


Clean = Callable[..., Cleaned]


@pytest.fixture
def clean(tmp_path: Path) -> Clean:
    """Clean up *content*, fed in *pieces* of that many bytes, with main.cf *settings*."""

    def clean(
        content: bytes,
        recipients: Sequence[str | Recipient] = ("r@example.test",),
        *,
        settings: dict[str, str] | None = None,
        pieces: int = 1 << 20,
        **given: Any,
    ) -> Cleaned:
        configuration = from_text(_main_cf(tmp_path, settings or {}))
        log = MailLog.open(configuration, "cleanup")
        rules = CleanupRules.open(configuration, log)
        routing = Routing.open(configuration.section(RoutingParameters))
        people = [Recipient(r, r) if isinstance(r, str) else r for r in recipients]
        cleanup = begin(rules, routing, **given)
        body = b"".join(
            cleanup.feed(content[at : at + pieces]) for at in range(0, len(content), pieces)
        )
        result = asyncio.run(cleanup.finish(people))
        log.close()
        path = tmp_path / "maillog"
        logged = path.read_text() if path.exists() else ""
        path.unlink(missing_ok=True)
        return Cleaned(result, result.head + body + result.tail, logged)

    return clean


def begin(rules: CleanupRules, routing: Routing, **given: Any) -> Cleanup:
    """Return the cleaning up of a message of CLIENT, but for what is *given*."""
    how: dict[str, Any] = {
        "queue_id": QUEUE_ID,
        "sender": "a@b.test",
        "client": CLIENT,
        "origin": "smtpd",
        "local_rewrite": True,
        "arrived_at": ARRIVED_AT,
        **given,
    }
    return Cleanup(rules, routing, **how)


@cache
def quiet_rules() -> tuple[CleanupRules, Routing]:
    """Return rules without tables and without a log."""
    configuration = from_text("compatibility_level = 3.6\nmyhostname = mail.example.test\n")
    log = MailLog.open(configuration, "cleanup", command=True)
    routing = Routing.open(configuration.section(RoutingParameters))
    return CleanupRules.open(configuration, log), routing


def _main_cf(folder: Path, settings: dict[str, str]) -> str:
    values = {
        "compatibility_level": "3.6",
        "myhostname": "mail.example.test",
        "mydomain": "example.test",
        "mydestination": "$myhostname, example.test",
        "mynetworks": "127.0.0.0/8",
        "inet_interfaces": "127.0.0.1",
        "maillog_file": str(folder / "maillog"),
        "maillog_file_prefixes": str(folder),
        **settings,
    }
    return "".join(f"{name} = {value}\n" for name, value in values.items())
