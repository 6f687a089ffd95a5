"""A whole mail system as a deterministic function: every stage takes one step at a time.

The spool, the maps, the sockets of agents are real; only the clock is set by hand and the
processes are one. A flow test reads as a script:

    mta.submit("a@x.example", ["alice@inbox.example"])
    mta.run_until_idle()
    mta.clock.jump(300)
    assert mta.states() == {"deferred": 1}
"""

import asyncio
import importlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import apsw

from spoolmta.clock import ManualClock
from spoolmta.config.loader import Configuration, from_text
from spoolmta.config.master_cf import Service
from spoolmta.maillog import MailLog
from spoolmta.message.envelope import Envelope, Recipient
from spoolmta.message.outcome import Delivery
from spoolmta.message.queue_id import MessageIds
from spoolmta.service.agent import AgentLoop, Report
from spoolmta.service.context import ServiceContext
from spoolmta.service.wakeup import Wakeup
from spoolmta.service.worker import Stage
from spoolmta.spool import processes, queues
from spoolmta.spool.committer import Committer
from spoolmta.spool.connection import FILE_NAME, Row, Spool
from spoolmta.spool.content import Content
from spoolmta.spool.queues import NewMessage, State
from spoolmta.spool.surgery import flushing

T = TypeVar("T")

STAGES = {
    "pickup": "spoolmta.stages.pickup",
    "rewrite": "spoolmta.stages.trivial_rewrite",
    "qmgr": "spoolmta.scheduler.qmgr",
    "bounce": "spoolmta.stages.bounce",
}
AGENTS = {
    "virtual": "spoolmta.agents.virtual",
    "error": "spoolmta.agents.error",
    "retry": "spoolmta.agents.error",
    "discard": "spoolmta.agents.discard",
    "smtp": "spoolmta.agents.smtp.agent",
    "relay": "spoolmta.agents.smtp.agent",
}
MASTER = """
pickup  unix n - n 60 1 pickup
qmgr    unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce  unix - - n - 0 bounce
smtp    unix - - n - - smtp
relay   unix - - n - - smtp
error   unix - - n - - error
retry   unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
"""
STATES = tuple(State)
CONTENT = b"From: a@x.example\r\nTo: b@y.example\r\nSubject: hello\r\n\r\nBody.\r\n"
_STEPS = 10_000


class Mta:
    """One mail system over a spool in *folder*; use it in a with statement."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.configuration = _configuration(folder, settings or {})
        self._loop = asyncio.new_event_loop()
        self._contexts: list[ServiceContext] = []
        self._agents: dict[str, AgentLoop] = {}
        self._start()

    def _start(self) -> None:
        self.context = self.run(self._context("harness"))
        self._stages = [self._stage(name) for name in STAGES]
        self._agents.update((name, self._agent(name)) for name in AGENTS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.assert_sound()
        self.run(self._close())
        self.run(_end_tasks())
        self._loop.close()

    def restart(self, **settings: str) -> None:
        """Stop every stage and start them anew over the same spool, with other settings."""
        self.run(self._close())
        self._contexts.clear()
        self._agents.clear()
        self.configuration = _configuration(self.folder, settings)
        self._start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something that may wait, to its end."""
        return self._loop.run_until_complete(work)

    def submit(
        self,
        sender: str,
        recipients: Sequence[str | Recipient],
        content: bytes = CONTENT,
        *,
        state: State = State.INCOMING,
        **envelope: Any,
    ) -> str:
        """Put a message into *state*; return its queue id."""
        message_id = self.context.ids.next()
        queue_id = self.context.queue_id(message_id)
        people = tuple(r if isinstance(r, Recipient) else Recipient(r) for r in recipients)
        message = NewMessage(
            message_id,
            queue_id,
            Envelope(sender, people, **envelope),
            len(content),
            (content,),
            self.clock.now(),
        )
        with self.context.spool.transaction(durable=True) as tx:
            queues.enqueue(tx, state, message)
        return queue_id

    def flush(self) -> None:
        """Ask to try all deferred mail now, as postqueue -f does."""
        for _ in flushing.flush_all(self.context.spool):
            pass

    def step(self) -> int:
        """Let every stage and agent take one step; return how much moved."""
        return self.run(self._step())

    def run_until_idle(self) -> None:
        """Step until nothing moves; the clock stands still meanwhile."""
        for _ in range(_STEPS):
            if not self.step():
                return
        raise AssertionError("the mail system does not come to rest")

    def states(self) -> dict[str, int]:
        """Return how many messages are in each state that has any."""
        counts = {state.value: self.rows(f"SELECT count(*) FROM {state}")[0][0] for state in STATES}
        return {state: count for state, count in counts.items() if count}

    def rows(self, sql: str, *bindings: object) -> list[Row]:
        """Return the rows of any SELECT over the spool."""
        return self.context.spool._connection.execute(sql, bindings).fetchall()

    def events(self, queue_id: str) -> list[str]:
        """Return the kinds of the events of a message, in order."""
        return [
            row[0]
            for row in self.rows(
                "SELECT kind FROM event WHERE message_id = ? ORDER BY event_id", int(queue_id, 16)
            )
        ]

    def maildir(self, domain: str, user: str) -> list[bytes]:
        """Return the messages in the maildir of a virtual mailbox."""
        new = self.folder / "mail" / domain / user / "new"
        return [path.read_bytes() for path in sorted(new.iterdir())] if new.is_dir() else []

    def log(self) -> str:
        """Return the mail log so far."""
        path = self.folder / "maillog"
        return path.read_text() if path.exists() else ""

    def assert_sound(self) -> None:
        """Each message is in one state or the trash, nothing is claimed, no row stands alone."""
        everywhere = " UNION ALL ".join(
            f"SELECT message_id FROM {place}" for place in (*STATES, "trash")
        )
        in_states = sorted(row[0] for row in self.rows(everywhere))
        messages = sorted(row[0] for row in self.rows("SELECT message_id FROM message"))
        assert in_states == messages, "a message is in no state, or in two"
        for table in ("claim", "attempt", "upload", "report"):
            assert self.rows(f"SELECT * FROM {table}") == [], f"{table} is not empty"
        for table in ("recipient", "content", "outcome"):
            alone = f"SELECT DISTINCT message_id FROM {table} EXCEPT SELECT message_id FROM message"
            assert self.rows(alone) == [], f"{table} has rows without a message"

    def database_steps(self, action: Callable[[], None]) -> int:
        """Return how many steps SQLite's engine takes for *action*: the rows that it looks at."""
        total = 0

        def count(told: dict[str, Any]) -> None:
            nonlocal total
            total += told["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]

        connections = [context.spool._connection for context in self._contexts]
        for connection in connections:
            connection.trace_v2(apsw.SQLITE_TRACE_PROFILE, count)
        action()
        for connection in connections:
            connection.trace_v2(0, None)
        return total

    def plan(self) -> None:
        """Let mail be cleaned up and resolved, and no more."""
        for stage in self._stages[: list(STAGES).index("rewrite") + 1]:
            self.run(stage.run_once())

    async def step_stages(self) -> int:
        """Let every stage, but no agent, take one step."""
        return sum([await stage.run_once() for stage in self._stages])

    async def deliver(self, transport: str, delivery: Delivery) -> Report:
        """Let the agent of a transport make a delivery, whatever comes of it."""
        body = Content(self.context.committer, delivery.message_id, delivery.size, None)
        return await self._agents[transport].agent.deliver(delivery, body)

    async def _step(self) -> int:
        moved = await self.step_stages()
        for agent in self._agents.values():
            moved += await agent.run_once()
            await agent.settle()
        for context in self._contexts:
            context.flush_logs()
        return moved

    async def _context(self, name: str, service: Service | None = None) -> ServiceContext:
        path = self.folder / FILE_NAME
        spool = Spool.open(path, self.clock, create=True)
        with spool.transaction() as tx:
            process_id = processes.register(tx, name)
        context = ServiceContext(
            configuration=self.configuration,
            service=service or Service(name=name, kind="unix", command=name),
            log=MailLog.open(self.configuration, name, clock=self.clock),
            clock=self.clock,
            spool=spool,
            committer=Committer(path, self.clock),
            ids=MessageIds(process_id, self.clock),
            process_id=process_id,
            wakeup=Wakeup(None),
            poke=self._poke,
        )
        self._contexts.append(context)
        return context

    def _stage(self, name: str) -> Stage:
        async def opened() -> Stage:
            context = await self._context(name, self.configuration.service(name))
            stage: Stage = importlib.import_module(STAGES[name]).open_stage(context)
            return stage

        return self.run(opened())

    def _agent(self, name: str) -> AgentLoop:
        async def opened() -> AgentLoop:
            context = await self._context(name, self.configuration.service(name))
            agent = importlib.import_module(AGENTS[name]).open_agent(context)
            return AgentLoop(context, agent)

        return self.run(opened())

    def _poke(self, name: str) -> None:
        if name in self._agents:
            self._agents[name].look_again()

    async def _close(self) -> None:
        for context in self._contexts:
            await context.committer.close()
            context.spool.close()
            context.log.close()


async def _end_tasks() -> None:
    """End what waits for its time, as the end of a process does."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _configuration(folder: Path, settings: Mapping[str, str]) -> Configuration:
    defaults = {
        "compatibility_level": "3.11",
        "myhostname": "mx.test.example",
        "queue_directory": str(folder),
        "mydestination": "",
        "mynetworks": "127.0.0.0/8",
        "inet_interfaces": "127.0.0.1",
        "alias_maps": "",
        "virtual_mailbox_domains": "inbox.example",
        "virtual_mailbox_base": str(folder / "mail"),
        "virtual_mailbox_maps": "inline:{alice@inbox.example=inbox.example/alice/,"
        " bob@inbox.example=inbox.example/bob/}",
        "maillog_file_prefixes": str(folder),
        "maillog_file": str(folder / "maillog"),
    }
    text = "".join(f"{name} = {value}\n" for name, value in {**defaults, **settings}.items())
    return from_text(text, MASTER)
