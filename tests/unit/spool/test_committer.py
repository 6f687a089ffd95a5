"""Group commit."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import apsw
import pytest

from spoolmta.clock import ManualClock
from spoolmta.errors import SpoolFailed
from spoolmta.spool import queues
from spoolmta.spool.committer import Committer
from spoolmta.spool.connection import Spool, Transaction
from spoolmta.spool.queues import NewMessage

Make = Callable[..., NewMessage]
T = TypeVar("T")


def fail(_: Transaction) -> None:
    raise ZeroDivisionError


def test_whatever_is_pending_shares_a_commit(
    spool: Spool, path: Path, clock: ManualClock, new_message: Make
) -> None:
    async def scenario() -> int:
        committer = Committer(path, clock)
        await committer.run(lambda spool: None)
        messages = [new_message() for _ in range(50)]
        await asyncio.gather(
            *(
                committer.submit(lambda tx, m=m: queues.enqueue(tx, "incoming", m), durable=True)
                for m in messages
            )
        )
        commits = await committer.run(lambda spool: spool.commits)
        await committer.close()
        return commits

    assert asyncio.run(scenario()) < 25
    assert len(spool.read("load_processes")) == 1


def test_an_operation_that_fails_spoils_nobody_elses(
    spool: Spool, path: Path, clock: ManualClock, new_message: Make
) -> None:
    good = [new_message() for _ in range(5)]

    async def scenario() -> list[object]:
        committer = Committer(path, clock)
        work = [
            committer.submit(lambda tx, m=m: queues.enqueue(tx, "incoming", m), durable=True)
            for m in good
        ]
        work.insert(2, committer.submit(fail))
        results = await asyncio.gather(*work, return_exceptions=True)
        await committer.close()
        return results

    results = asyncio.run(scenario())
    assert [type(result) for result in results].count(ZeroDivisionError) == 1
    assert len(queues.load(spool, [message.message_id for message in good])) == len(good)


def test_a_spool_that_cannot_be_opened_fails_every_operation(
    tmp_path: Path, clock: ManualClock
) -> None:
    async def scenario() -> None:
        committer = Committer(tmp_path / "missing.db", clock)
        try:
            await committer.submit(lambda tx: None)
        finally:
            await committer.close()

    with pytest.raises(Exception, match="cannot open the spool"):
        asyncio.run(scenario())


def scenario(
    path: Path, clock: ManualClock, play: Callable[[Committer], Coroutine[Any, Any, T]]
) -> T:
    """Return what *play* returns, with a committer that has its spool open."""

    async def whole() -> T:
        committer = Committer(path, clock)
        await committer.run(lambda _: None)
        try:
            return await play(committer)
        finally:
            await committer.close()

    return asyncio.run(whole())


def test_short_work_is_done_in_the_event_loops_thread(
    spool: Spool, path: Path, clock: ManualClock
) -> None:
    async def play(committer: Committer) -> tuple[int, int]:
        short = await committer.submit(lambda _: threading.get_ident(), durable=True)
        long = await committer.submit(lambda _: threading.get_ident(), short=False)
        return short, long

    short, long = scenario(path, clock, play)
    assert short == threading.get_ident() != long


def test_the_event_loop_goes_on_while_somebody_stands_in_the_gate(
    spool: Spool, path: Path, clock: ManualClock, new_message: Make
) -> None:
    message = new_message()

    async def play(committer: Committer) -> None:
        with spool.gate():
            work = committer.submit(lambda tx: queues.enqueue(tx, "incoming", message))
            _, waiting = await asyncio.wait([work], timeout=0.05)
            assert waiting
        await work

    scenario(path, clock, play)
    assert len(queues.load(spool, [message.message_id])) == 1


def test_the_event_loop_goes_on_while_another_program_has_the_spool_locked(
    spool: Spool, path: Path, clock: ManualClock, new_message: Make
) -> None:
    message = new_message()
    foreign = apsw.Connection(str(path))

    async def play(committer: Committer) -> None:
        foreign.execute("BEGIN IMMEDIATE")
        work = committer.submit(lambda tx: queues.enqueue(tx, "incoming", message), durable=True)
        _, waiting = await asyncio.wait([work], timeout=0.05)
        assert waiting
        foreign.execute("ROLLBACK")
        await work

    scenario(path, clock, play)
    foreign.close()
    assert len(queues.load(spool, [message.message_id])) == 1


def test_what_is_not_on_the_disk_is_not_promised(
    spool: Spool, path: Path, clock: ManualClock, new_message: Make
) -> None:
    async def play(committer: Committer) -> None:
        Path(f"{path}-wal").unlink()
        message = new_message()
        with pytest.raises(SpoolFailed, match="db-wal"):
            await committer.submit(lambda tx: queues.enqueue(tx, "incoming", message), durable=True)

    scenario(path, clock, play)
