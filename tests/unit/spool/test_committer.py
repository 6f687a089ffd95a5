"""Group commit."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from spoolmta.clock import ManualClock
from spoolmta.spool import queues
from spoolmta.spool.committer import Committer
from spoolmta.spool.connection import Spool, Transaction
from spoolmta.spool.queues import NewMessage

Make = Callable[..., NewMessage]


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
