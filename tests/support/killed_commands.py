"""An operator's commands on a mail system under load, killed with -9, and what is then on record.

What they print is in the file `said` of the system's folder.
"""

import asyncio
import contextlib
import os
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from spoolmta.clock import SystemClock
from spoolmta.spool.connection import FILE_NAME, Spool
from spoolmta.spool.questions.audit import audit
from tests.support.forked import Forked
from tests.support.ledger import Ledger
from tests.support.load import LocalUser, Session, Writer, keep_sending
from tests.support.mail_system import MailSystem, wait_for
from tests.support.nemesis import CRASH_VARIABLE
from tests.support.receiver import Receiver

SIGKILLED = -9
SESSIONS = 2
PAUSE = 0.3
POOL = 12
SHORTEST_COMMAND, LONGEST_COMMAND = 0.2, 0.9
_POLL_SECONDS = 0.0005


@dataclass
class Surgery:
    """A mail system, its next hop, the ledger of its clients."""

    system: MailSystem
    receiver: Receiver
    ledger: Ledger
    rng: random.Random

    def sender(self, pool: str) -> str:
        """Return the sender of all mail of a pool."""
        return f"pool-{pool}@back.example"

    def fill(self, pools: Sequence[str]) -> None:
        """Put mail that waits for long into the queue, so many messages in each pool."""
        with self.system.client() as client:
            for pool in pools:
                for number in range(POOL):
                    client.sendmail(
                        self.sender(pool),
                        ["b@pool.example", "c@pool.example"],
                        f"Subject: {number}\r\n\r\ntext\r\n",
                    )
        rows = "SELECT count(DISTINCT message_id) FROM event WHERE kind = 'deferred'"
        before = "SELECT count(*) FROM message WHERE sender LIKE '%@bench.example'"
        expected = POOL * len(pools) + self.number(before)
        wait_for(lambda: self.number(rows) >= expected, 60, "deferred pools")

    def hold(self, pools: Iterable[str]) -> None:
        """Put the mail of some pools on hold."""
        words = (word for pool in pools for word in ("--sender", self.sender(pool)))
        self.system.run("spoolmta", "queue", "hold", *words, "--yes")

    def run(self, *words: str, pool: str = "", crash: str = "", after: float | None = None) -> int:
        """Run a command, kill it *after* some seconds, or at a crash point; return its status."""
        names = "".join(f"{name}\n" for name in self.queued(pool)) if "-" in words else ""
        process = self._start(words, pool, crash, names)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(after or 60)
        return _ended(process)

    def run_until(self, folder: Path, pattern: str, *words: str) -> int:
        """Run a command, kill it about when a new file appears; return its status."""
        before = set(folder.glob(pattern))
        process = self._start(words, "", "", "")
        while process.poll() is None and set(folder.glob(pattern)) <= before:
            time.sleep(_POLL_SECONDS)
        time.sleep(self.rng.choice((0.0, self.rng.uniform(0.0, 0.02))))
        return _ended(process)

    def kill_in_the_middle(
        self,
        words: Sequence[str],
        pool: str,
        points: tuple[str, str],
        done: Callable[[], bool],
    ) -> None:
        """Kill a command before its commit, or at random, and after its commit: it is done then.

        *points* are the crash points at its commit; *done* tells whether all of it was done, and
        fails if some of it was.
        """
        before, after = points
        if self.rng.random() < 0.5:
            assert self.run(*words, pool=pool, crash=before) == SIGKILLED
            assert not done()
        else:
            seconds = self.rng.uniform(SHORTEST_COMMAND, LONGEST_COMMAND)
            self.run(*words, pool=pool, after=seconds)
        if not done():
            self.account_for_everybody()
            assert self.run(*words, pool=pool, crash=after) == SIGKILLED
            assert done()
        self.account_for_everybody()

    def queued(self, pool: str) -> list[str]:
        """Return the queue ids of a pool."""
        rows = self.system.read("SELECT queue_id FROM message WHERE sender = ?", self.sender(pool))
        return [name for (name,) in rows]

    def number(self, question: str, *bindings: object) -> int:
        """Return the one number that answers a question."""
        ((found,),) = self.system.read(question, *bindings)
        return int(found)

    def all_or_none(self, expected: int, question: str, *bindings: object) -> bool:
        """Return whether something is so of all that it may be so of; fail if of some only."""
        found = self.number(question, *bindings)
        assert found in (0, expected), question
        return found == expected

    def operations(self) -> list[tuple[int, str, int]]:
        """Return number, verb and count of what stands in the record, the latest first."""
        rows = self.system.read(
            "SELECT operation_id, verb, messages FROM operation ORDER BY operation_id DESC"
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def last_of(self, table: str) -> int:
        """Return the latest number that was given in a table that gives none twice."""
        named = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?"
        return self.number(named, table)

    def done_wholly(self, operation: int, messages: int, question: str) -> None:
        """Assert that everything tells the same of an operation."""
        changes = "SELECT count(*) FROM change WHERE operation_id = ?"
        assert self.number(changes, operation) == messages
        events = (
            "SELECT count(DISTINCT message_id) FROM event"
            " WHERE detail ->> 'operation' = ? AND kind NOT IN ('restored', 'undone')"
        )
        assert self.number(events, operation) == messages
        if question:
            assert self.number(question, operation) == messages

    def nothing_done(self, last: int) -> None:
        """Assert that nothing tells of an operation later than *last*."""
        assert self.system.read("SELECT 1 FROM change WHERE operation_id > ?", last) == []
        events = "SELECT 1 FROM event WHERE detail ->> 'operation' > ?"
        assert self.system.read(events, last) == []

    def account_for_everybody(self) -> None:
        """Assert what `spoolmta audit` does, while mail flows."""
        with contextlib.closing(Spool.open(self.system.queue / FILE_NAME, SystemClock())) as spool:
            *_, (_, account) = audit(spool)
        assert not account.violators, account.violators[:5]

    def _start(self, words: Sequence[str], pool: str, crash: str, given: str) -> Forked:
        environment = {**os.environ, "MAIL_CONFIG": str(self.system.configuration)}
        if crash:
            environment[CRASH_VARIABLE] = f"{crash}:1"
        command = [word.format(self.sender(pool)) for word in words]
        with tempfile.TemporaryFile() as stdin, (self.system.root / "said").open("ab") as said:
            stdin.write(given.encode())
            stdin.seek(0)
            said.write(f"{' '.join(command)} {crash}\n".encode())
            said.flush()
            streams = (stdin, said, said)
            return Forked(command, streams, folder=self.system.root, environment=environment)


def _ended(process: Forked) -> int:
    """Kill a process, if it is not over; return its status."""
    process.kill()
    return process.wait()


class Clients(threading.Thread):
    """Clients that send until they are stopped."""

    def __init__(self, surgery: Surgery) -> None:
        """They are not started yet."""
        super().__init__(name="clients")
        self._surgery = surgery
        self._stopped = threading.Event()

    def run(self) -> None:
        """Send."""
        asyncio.run(self._send())

    def stop(self) -> None:
        """Let them end what they are at."""
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
