"""Our own sender and receiver, against each other."""

import asyncio
import re

from tests.support.mail_system import free_port
from tools.bench import generator, sink
from tools.bench.latency import Moments


async def _exchange(work: generator.Work, *, keeps: bool) -> list[bytes]:
    port, heads = free_port(), list[bytes]()
    server = await sink.listen(port, heads.append)
    async with server:
        await generator.send(port, 3, work, keeps=keeps, numbered=True, domain=b"outside.example")
    return heads


def test_every_message_arrives_once() -> None:
    for keeps in (False, True):
        heads = asyncio.run(_exchange(generator.Work(20, 300_000, 2), keeps=keeps))
        assert len(heads) == 20
        assert all(head.startswith(b"\r\nFrom: ") for head in heads)


def test_numbered_messages_have_recipients_of_their_own() -> None:
    work = generator.Work(5, 100, 2)
    said = [line for line, _ in work.dialogue(keeps=True, numbered=True, domain=b"x.example")]
    recipients = re.findall(rb"RCPT TO:<(\d+rcpt@x\.example)>", b"".join(said))
    assert len(set(recipients)) == 10


def test_the_moments_of_a_message_come_in_their_order() -> None:
    async def probe() -> Moments:
        port, moments = free_port(), Moments()
        async with await sink.listen(port, moments.note_arrival):
            await generator.converse(port, moments.dialogue(5))
        return moments

    moments = asyncio.run(probe())
    assert moments.sent[5] < moments.arrived[5] < moments.answered[5]
