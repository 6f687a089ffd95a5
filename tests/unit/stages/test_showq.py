"""The listing on a real socket, out of a real spool."""

import asyncio
import getpass
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from spoolmta.config.parameters.common import CommonParameters
from spoolmta.message.envelope import Envelope, Recipient
from spoolmta.protocols.showq import ListedMessage, Parser
from spoolmta.spool.questions import inspect
from spoolmta.spool.state import State
from spoolmta.stages import showq
from tests.support.sample_spool import TIMED_OUT, SampleSpool


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[SampleSpool]:
    sample = SampleSpool(tmp_path, getpass.getuser())
    yield sample
    sample.close()


def serve_and(sample: SampleSpool, *clients: object) -> list[object]:
    """Serve on public/showq until each of *clients* (coroutine functions) has its result."""

    async def serve() -> list[object]:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(sample.queue / "public" / "showq"))
        listener.listen()
        context = sample.context("showq", sockets=(listener,), session_limit=2)
        service = asyncio.create_task(showq.serve(context))
        try:
            return list(await asyncio.gather(*(client(sample) for client in clients)))  # type: ignore[operator]
        finally:
            context.drain()
            await service
            await context.committer.close()
            context.log.close()

    return asyncio.run(serve())


async def read_listing(sample: SampleSpool) -> list[ListedMessage]:
    path = str(sample.queue / "public" / "showq")
    reader, writer = await asyncio.open_unix_connection(path)
    parser = Parser()
    messages = list(parser.feed(await reader.read()))
    writer.close()
    await writer.wait_closed()
    assert parser.finished
    return messages


async def leave_at_once(sample: SampleSpool) -> None:
    _, writer = await asyncio.open_unix_connection(str(sample.queue / "public" / "showq"))
    writer.transport.abort()


def test_whoever_connects_gets_the_queue(sample: SampleSpool) -> None:
    (messages,) = serve_and(sample, read_listing)
    assert isinstance(messages, list)
    names = {queue_id: name for name, queue_id in sample.ids.items()}
    assert [(names[m.queue_id], m.queue_name) for m in messages] == [
        ("maildrop", "maildrop"),
        ("active", "active"),
        ("incoming", "incoming"),
        ("deferred", "deferred"),
        ("hold", "hold"),
    ]
    assert messages[2].sender == "MAILER-DAEMON"
    assert [(r.address, r.reason) for r in messages[3].recipients] == [
        ("bob@slow.example", TIMED_OUT)
    ]


def test_a_queue_of_several_pages_is_listed_whole(sample: SampleSpool) -> None:
    envelope = Envelope("a@b.example", (Recipient("c@d.example"),))
    count = 2 * inspect.PAGE + 10
    for _ in range(count):
        sample.enqueue("more", State.HOLD, envelope)
    (messages,) = serve_and(sample, read_listing)
    assert isinstance(messages, list)
    assert sum(message.queue_name == "hold" for message in messages) == count + 1


def test_more_readers_than_sessions_take_turns(sample: SampleSpool) -> None:
    results = serve_and(sample, *[read_listing] * 5)
    assert [len(messages) for messages in results if isinstance(messages, list)] == [5] * 5


def test_a_reader_that_leaves_harms_nobody(sample: SampleSpool) -> None:
    results = serve_and(sample, leave_at_once, leave_at_once, leave_at_once, read_listing)
    assert isinstance(results[-1], list)


def test_it_ends_when_nobody_has_asked_for_long(sample: SampleSpool) -> None:
    async def serve() -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(sample.queue / "public" / "showq"))
            listener.listen()
            context = sample.context("showq", sockets=(listener,), session_limit=2)
            service = asyncio.create_task(showq.serve(context))
            await read_listing(sample)
            sample.clock.jump(context.section(CommonParameters).max_idle)
            context.wakeup.wake()
            await asyncio.wait_for(service, 10)
            await context.committer.close()
            context.log.close()

    asyncio.run(serve())
