"""An agent with its surroundings: a real spool, a real deliverer, one message after the other."""

import asyncio
import os
import pwd
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pytest

from spoolmta.clock import ManualClock
from spoolmta.config.loader import from_text
from spoolmta.config.master_cf import Service
from spoolmta.errors import ConfigError
from spoolmta.maillog import MailLog
from spoolmta.message.envelope import Client, Envelope, Notify, Recipient, Trace
from spoolmta.message.outcome import Delivery, DeliveryRecipient
from spoolmta.message.queue_id import MessageIds
from spoolmta.service.context import ServiceContext
from spoolmta.service.wakeup import Wakeup
from spoolmta.spool import content as spool_content
from spoolmta.spool import processes, queues
from spoolmta.spool.committer import Committer
from spoolmta.spool.connection import FILE_NAME, Spool
from spoolmta.spool.content import PIECE_BYTES, Content
from spoolmta.spool.deliveries import Report
from spoolmta.spool.queues import NewMessage

T = TypeVar("T")

IS_ROOT = os.geteuid() == 0
# With root, mail is delivered as somebody else; without, as ourselves.
USER = pwd.getpwnam("nobody") if IS_ROOT else pwd.getpwuid(os.geteuid())
MAIL_OWNER = "daemon" if IS_ROOT else USER.pw_name
CONTENT = b"From: s@src.example\r\nSubject: hi\r\n\r\nline\r\nFrom here\r\n"


@dataclass
class Bench:
    """One agent at work."""

    folder: Path
    clock: ManualClock
    context: ServiceContext
    agent: Any
    loop: asyncio.AbstractEventLoop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def deliver(self, *addresses: str, content: bytes = CONTENT, **more: Any) -> Report:
        """Deliver a new message to *addresses*; *more* are fields of the delivery."""
        message_id = self.enqueue(addresses, content)
        report: Report = self.run(
            self.agent.deliver(self.delivery(message_id, addresses, content, **more), self.content)
        )
        return report

    def probe(self, address: str) -> Report:
        """Let the agent say what would become of a delivery."""
        message_id = self.enqueue((address,), CONTENT)
        report: Report = self.run(
            self.agent.probe(
                self.delivery(message_id, (address,), CONTENT, trace=Trace.VERIFY), self.content
            )
        )
        return report

    def enqueue(self, addresses: tuple[str, ...], content: bytes) -> int:
        message_id = self.context.ids.next()
        pieces = tuple(content[at : at + PIECE_BYTES] for at in range(0, len(content), PIECE_BYTES))
        client = Client(name="client.example", address="192.0.2.1", protocol="ESMTP")
        envelope = Envelope("s@src.example", tuple(map(Recipient, addresses)), client=client)
        message = NewMessage(
            message_id,
            self.context.queue_id(message_id),
            envelope,
            len(content),
            pieces,
            self.clock.now(),
        )
        with self.context.spool.transaction() as tx:
            queues.enqueue(tx, "incoming", message)
        small = content if len(content) <= PIECE_BYTES else None
        self.content = Content(self.context.committer, message_id, len(content), small)
        return message_id

    def delivery(
        self, message_id: int, addresses: tuple[str, ...], content: bytes, **more: Any
    ) -> Delivery:
        now = self.clock.now()
        fields = {
            "delivery_id": 1,
            "message_id": message_id,
            "queue_id": self.context.queue_id(message_id),
            "transport": self.context.service.name,
            "nexthop": "",
            "sender": "s@src.example",
            "size": len(content),
            "encoding": "7bit",
            "smtputf8": False,
            "envid": "",
            "ret": "",
            "arrived_at": now,
            "activated_at": now,
            "granted_at": now,
            "attempted_at": now,
            "recipients": tuple(
                DeliveryRecipient(number, address, address, "", Notify.ABSENT)
                for number, address in enumerate(addresses)
            ),
        }
        return Delivery(**{**fields, **more})

    def text_of(self, message: NewMessage) -> bytes:
        """Return the content of a new message, what is uploaded of it included."""
        with self.context.spool.transaction() as tx:
            queues.enqueue(tx, "maildrop", message)
        return b"".join(spool_content.read(self.context.spool, message.message_id))

    def log(self) -> str:
        self.context.log.flush()
        return (self.folder / "maillog").read_text()


Open = Callable[..., Bench]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user of the machine may enter, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="spoolmta-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def bench(folder: Path) -> Iterator[Open]:
    """Opens agents: bench(module, settings, service="name", arguments=("user=nobody", ...))."""
    opened: list[Bench] = []

    def open_(
        module: ModuleType,
        settings: Mapping[str, str],
        service: str = "x",
        arguments: tuple[str, ...] = (),
    ) -> Bench:
        entry = Service(name=service, kind="unix", command=service, arguments=arguments)
        made = _open(folder, module, settings, entry)
        opened.append(made)
        return made

    yield open_
    for made in opened:
        made.run(made.agent.close())
        _close(made.loop, made.context)


def _open(folder: Path, module: ModuleType, settings: Mapping[str, str], entry: Service) -> Bench:
    defaults = {
        "compatibility_level": "3.11",
        "myhostname": "mx.test.example",
        "mydestination": "$myhostname, local.example",
        "inet_interfaces": "127.0.0.1",
        "queue_directory": str(folder),
        "mail_owner": MAIL_OWNER,
        "alias_maps": "",
        "local_recipient_maps": "",
        "recipient_delimiter": "+",
        "maillog_file": str(folder / "maillog"),
        "maillog_file_prefixes": str(folder),
    }
    text = "".join(f"{name} = {value}\n" for name, value in {**defaults, **settings}.items())
    configuration = from_text(text)
    prepare = getattr(module, "prepare", None)
    prepared = prepare(configuration, entry) if prepare else None
    clock = ManualClock()
    loop = asyncio.new_event_loop()

    async def make() -> ServiceContext:
        spool = Spool.open(folder / FILE_NAME, clock, create=True)
        with spool.transaction() as tx:
            process_id = processes.register(tx, entry.name)
        return ServiceContext(
            configuration=configuration,
            service=entry,
            log=MailLog.open(configuration, entry.name, clock=clock),
            clock=clock,
            spool=spool,
            committer=Committer(folder / FILE_NAME, clock),
            ids=MessageIds(process_id, clock),
            process_id=process_id,
            wakeup=Wakeup(None),
            poke=lambda _: None,
            prepared=prepared,
        )

    async def open_agent() -> Any:
        return module.open_agent(context)

    context = loop.run_until_complete(make())
    try:
        agent = loop.run_until_complete(open_agent())
    except ConfigError:
        if prepared is not None:
            prepared.close()
        _close(loop, context)
        raise
    return Bench(folder, clock, context, agent, loop)


def _close(loop: asyncio.AbstractEventLoop, context: ServiceContext) -> None:
    loop.run_until_complete(context.committer.close())
    context.spool.close()
    context.log.close()
    loop.close()
