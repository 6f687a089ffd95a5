"""Every verb of the operator's on a system under load, killed with -9: all of it or nothing.

Mail flows in and out meanwhile. The operation and its changes, the rows that they speak of and the
journal must agree after each kill, the audit must account for everybody, and what was promised to
clients must be delivered in the end.
"""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from spoolmta.clock import SystemClock
from spoolmta.spool.connection import FILE_NAME, Spool
from spoolmta.spool.questions.audit import audit
from tests.support.ledger import PROMISED, Ledger, read_tokens
from tests.support.load import LocalUser, Session, Writer, keep_sending
from tests.support.mail_system import BIN, MailSystem, wait_for
from tests.support.nemesis import CRASH_VARIABLE, describe
from tests.support.receiver import Receiver

SIGKILLED = -9
SESSIONS = 2
PAUSE = 0.3
POOL = 12
LONGEST_COMMAND = 0.9
PUT_OFF = {
    "transport_maps": "inline:{ {pool.example = smtp:[127.0.0.1]:1} }",
    "minimal_backoff_time": "10s",
    "maximal_backoff_time": "20s",
}

# By the name of its pool: the verb in the record, the program and its words ({} is the sender), and
# where the rows of what was done are.
HELD = "SELECT count(*) FROM hold JOIN change USING (message_id) WHERE operation_id = ?"
TRASHED = HELD.replace("hold", "trash")
QUEUE = ("spoolmta", "queue")
BY_SENDER = ("--sender", "{}", "--yes")
VERBS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "hold": ("hold", (*QUEUE, "hold", *BY_SENDER), HELD),
    "delete": ("delete", (*QUEUE, "delete", *BY_SENDER), TRASHED),
    "requeue": ("requeue", (*QUEUE, "requeue", *BY_SENDER), ""),
    "bounce": ("bounce", (*QUEUE, "bounce", *BY_SENDER), ""),
    "expire": ("expire", (*QUEUE, "expire", *BY_SENDER), ""),
    "reroute": (
        "reroute",
        (*QUEUE, "reroute", "--to", "retry:4.3.0 elsewhere", *BY_SENDER),
        HELD.replace("count(*)", "count(DISTINCT message_id)").replace("hold", "reroute"),
    ),
    "prioritise": (
        "prioritise",
        (*QUEUE, "prioritise", *BY_SENDER),
        HELD.replace("hold", "priority"),
    ),
    "sender": (
        "sender",
        (*QUEUE, "sender", "--to", "other@back.example", *BY_SENDER),
        HELD.replace("hold", "message") + " AND sender = 'other@back.example'",
    ),
    "add": (
        "add-recipient",
        (*QUEUE, "recipient", "add", "--address", "d@pool.example", *BY_SENDER),
        HELD.replace("hold", "recipient") + " AND address = 'd@pool.example'",
    ),
    "drop": (
        "drop-recipient",
        (*QUEUE, "recipient", "drop", "--address", "b@pool.example", *BY_SENDER),
        HELD.replace("hold", "recipient") + " AND address = 'c@pool.example'",
    ),
    "replace": (
        "replace-recipient",
        (*QUEUE, "recipient", "replace", "--address", "b@*", "--to", "e@pool.example", *BY_SENDER),
        HELD.replace("hold", "recipient") + " AND address = 'e@pool.example'",
    ),
    "incident": ("hold", ("spoolmta", "incident", "--sender", "{}"), HELD),
    "postsuper-d": ("delete", ("postsuper", "-d", "-"), TRASHED),
    "postsuper-h": ("hold", ("postsuper", "-h", "-"), HELD),
    "postsuper-r": ("requeue", ("postsuper", "-r", "-"), ""),
}


@dataclass
class Surgery:
    """A mail system, its next hop, the ledger of its clients."""

    system: MailSystem
    receiver: Receiver
    ledger: Ledger
    rng: random.Random

    def sender(self, pool: str) -> str:
        return f"pool-{pool}@back.example"

    def fill(self) -> None:
        """Put a pool of mail that waits for long into the queue for each verb."""
        with self.system.client() as client:
            for pool in VERBS:
                for number in range(POOL):
                    client.sendmail(
                        self.sender(pool),
                        ["b@pool.example", "c@pool.example"],
                        f"Subject: {number}\r\n\r\ntext\r\n",
                    )
        rows = "SELECT count(DISTINCT message_id) FROM event WHERE kind = 'deferred'"
        expected = POOL * len(VERBS)
        wait_for(lambda: self.system.read(rows)[0][0] >= expected, 60, "deferred pools")

    def run(self, *words: str, pool: str = "", crash: str = "", after: float | None = None) -> int:
        """Run a command, kill it *after* some seconds, or at a crash point; return its status."""
        environment = {**os.environ, "MAIL_CONFIG": str(self.system.configuration)}
        if crash:
            environment[CRASH_VARIABLE] = f"{crash}:1"
        process = subprocess.Popen(
            [BIN / words[0], *(word.format(self.sender(pool)) for word in words[1:])],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        names = "".join(f"{name}\n" for name in self.queued(pool)).encode()
        try:
            process.communicate(names if "-" in words else b"", timeout=after or 60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        return process.returncode

    def queued(self, pool: str) -> list[str]:
        rows = self.system.read("SELECT queue_id FROM message WHERE sender = ?", self.sender(pool))
        return [name for (name,) in rows]

    def operations(self) -> list[tuple[int, str, int]]:
        """Return number, verb and count of what stands in the record, the latest first."""
        rows = self.system.read(
            "SELECT operation_id, verb, messages FROM operation ORDER BY operation_id DESC"
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def done_wholly(self, operation: int, messages: int, question: str) -> None:
        """Assert that everything tells the same of an operation."""
        changes = "SELECT count(*) FROM change WHERE operation_id = ?"
        assert self.system.read(changes, operation) == [(messages,)]
        events = (
            "SELECT count(DISTINCT message_id) FROM event"
            " WHERE detail ->> 'operation' = ? AND kind NOT IN ('restored', 'undone')"
        )
        assert self.system.read(events, operation) == [(messages,)]
        if question:
            assert self.system.read(question, operation) == [(messages,)]

    def nothing_done(self, last: int) -> None:
        """Assert that nothing tells of an operation later than *last*."""
        assert self.system.read("SELECT 1 FROM change WHERE operation_id > ?", last) == []
        events = "SELECT 1 FROM event WHERE detail ->> 'operation' > ?"
        assert self.system.read(events, last) == []

    def try_verb(self, pool: str) -> None:
        """Kill a verb before its commit, or at random, and after its commit; then undo it."""
        verb, words, question = VERBS[pool]
        last = self.last()
        if self.rng.random() < 0.5:
            assert self.run(*words, pool=pool, crash="operate.before_commit") == SIGKILLED
            self.nothing_done(last)
        else:
            self.run(*words, pool=pool, after=self.rng.uniform(0.2, LONGEST_COMMAND))
        if self.last() == last:
            self.nothing_done(last)
            assert self.run(*words, pool=pool, crash="operate.after_commit") == SIGKILLED
        (number, done, messages), *_ = self.operations()
        assert (number, done) == (last + 1, verb)
        # An agent may have had one in hand.
        assert POOL - 2 <= messages <= POOL
        self.done_wholly(number, messages, question)
        self.account_for_everybody()
        self.try_undo(number, messages, question)

    def try_undo(self, number: int, messages: int, question: str) -> None:
        undo = ("spoolmta", "undo", str(number))
        undone = "SELECT undone_at FROM operation WHERE operation_id = ?"
        if self.rng.random() < 0.5:
            assert self.run(*undo, crash="undo.before_commit") == SIGKILLED
            assert self.system.read(undone, number) == [(None,)]
            self.done_wholly(number, messages, question)
        # What was returned is gone, what was tried again meanwhile is named: status 1.
        assert self.run(*undo) in (0, 1)
        assert self.system.read(undone, number) != [(None,)]
        self.account_for_everybody()

    def account_for_everybody(self) -> None:
        """Assert what `spoolmta audit` does, while mail flows."""
        with contextlib.closing(Spool.open(self.system.queue / FILE_NAME, SystemClock())) as spool:
            *_, (_, account) = audit(spool)
        assert account.violators == []

    def last(self) -> int:
        rows = self.system.read(
            "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?", "operation"
        )
        return int(rows[0][0]) if rows else 0


class Clients(threading.Thread):
    """Clients that send until they are stopped."""

    def __init__(self, surgery: Surgery) -> None:
        super().__init__(name="clients")
        self._surgery = surgery
        self._stopped = threading.Event()

    def run(self) -> None:
        asyncio.run(self._send())

    def stop(self) -> None:
        self._stopped.set()
        self.join(60)

    async def _send(self) -> None:
        surgery = self._surgery
        stopped = asyncio.Event()
        writer = Writer(surgery.rng, "alice+{}@inbox.example")
        sessions = [Session(surgery.system.port) for _ in range(SESSIONS)]
        user = LocalUser(surgery.system.queue / "public" / "submit")
        async with asyncio.TaskGroup() as clients:
            for submit in (*(session.submit for session in sessions), user.submit):
                clients.create_task(keep_sending(submit, writer, surgery.ledger, stopped, PAUSE))
            await asyncio.to_thread(self._stopped.wait)
            stopped.set()
        for session in sessions:
            await session.close()


@pytest.fixture
def surgery(tmp_path: Path) -> Iterator[Surgery]:
    seed = random.SystemRandom().randrange(1 << 32)
    print(describe(seed, tmp_path))
    ledger = Ledger(tmp_path / "ledger")
    with Receiver(tmp_path / "taken") as receiver:
        relay = {"relayhost": f"[127.0.0.1]:{receiver.port}"}
        with MailSystem(tmp_path, relay | PUT_OFF) as system:
            yield Surgery(system, receiver, ledger, random.Random(seed))
    ledger.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_verb_under_load_is_done_wholly_or_not_at_all(surgery: Surgery) -> None:
    system = surgery.system
    surgery.fill()
    clients = Clients(surgery)
    clients.start()
    try:
        for pool in VERBS:
            surgery.try_verb(pool)
    finally:
        clients.stop()
    _let_everything_go(surgery)
    system.wait_until_empty()
    assert surgery.run("spoolmta", "audit") == 0
    promised = {
        token
        for token in read_tokens(surgery.ledger.path, PROMISED)
        if token.startswith(("taken", "later"))
    }
    assert len(promised) > 100, "too little load to mean anything"
    assert promised - set(surgery.receiver.taken()) == set()


def _let_everything_go(surgery: Surgery) -> None:
    """Give the pools a way out."""
    system = surgery.system
    system.configure({"relayhost": system.settings["relayhost"]})
    system.master.send_signal(signal.SIGHUP)
    system.wait_for_log("reload")
    surgery.run("spoolmta", "queue", "release", "ALL", "--yes")
    wait_for(lambda: _flushed(system), 60, "an end of all deliveries")


def _flushed(system: MailSystem) -> bool:
    system.run("postqueue", "-f")
    return system.read("SELECT count(*) FROM message") == [(0,)]
