"""Requests for delivery now, on a real socket, over a real spool."""

import asyncio
import getpass
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from spoolmta.protocols import flush
from spoolmta.protocols.flush import Request, format_request, parse_answer
from spoolmta.spool import flushes
from spoolmta.spool.questions import inspect
from spoolmta.stages import flush as service
from tests.support.sample_spool import SampleSpool


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[SampleSpool]:
    sample = SampleSpool(tmp_path, getpass.getuser())
    with (sample.configuration / "main.cf").open("a") as main_cf:
        main_cf.write("fast_flush_domains = slow.example, big.example\n")
    yield sample
    sample.close()


def asked(sample: SampleSpool, *parts: bytes) -> bytes:
    """Return what the service answers to a request that comes in *parts*."""

    async def ask() -> bytes:
        path = sample.queue / "public" / "flush"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        context = sample.context("flush", sockets=(listener,), session_limit=2)
        running = asyncio.create_task(service.serve(context))
        reader, writer = await asyncio.open_unix_connection(str(path))
        for part in parts:
            writer.write(part)
            await writer.drain()
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        context.drain()
        await running
        await context.committer.close()
        context.log.close()
        return answer

    return asyncio.run(ask())


def is_due(sample: SampleSpool) -> bool:
    entry = inspect.find(sample.spool, sample.ids["deferred"])
    assert entry is not None
    assert entry.next_try_at is not None
    return entry.next_try_at <= sample.clock.now()


@pytest.mark.parametrize("verb", [flush.ALL, flush.SITE, flush.MESSAGE])
def test_what_is_asked_for_is_due_and_dead_destinations_are_forgotten(
    sample: SampleSpool, verb: str
) -> None:
    operand = {flush.SITE: "SLOW.example", flush.MESSAGE: sample.ids["deferred"]}.get(verb, "")
    request = format_request(Request(verb, operand))
    assert not is_due(sample)
    assert parse_answer(asked(sample, request[:7], request[7:])) == flush.OK
    assert is_due(sample)
    assert flushes.asked(sample.spool)


def test_mail_of_other_sites_goes_on_to_wait(sample: SampleSpool) -> None:
    request = format_request(Request(flush.SITE, "big.example"))
    assert parse_answer(asked(sample, request)) == flush.OK
    assert not is_due(sample)


def test_a_site_that_is_not_eligible_is_refused(sample: SampleSpool) -> None:
    request = format_request(Request(flush.SITE, "slow.test"))
    assert parse_answer(asked(sample, request)) == flush.NOT_ELIGIBLE


def test_a_table_that_gives_no_answer_is_no_refusal(sample: SampleSpool) -> None:
    with (sample.configuration / "main.cf").open("a") as main_cf:
        main_cf.write("fast_flush_domains = fail:test\n")
    request = format_request(Request(flush.SITE, "slow.example"))
    assert parse_answer(asked(sample, request)) == flush.FAILED


@pytest.mark.parametrize(
    "data",
    [b"request\0rm\0\0", b"request\0send_site\0\0", b"x" * 2000, b"request\0send_all\0"],
    ids=["no such verb", "no site", "too long", "cut off"],
)
def test_what_is_not_understood_is_logged_and_not_done(sample: SampleSpool, data: bytes) -> None:
    assert asked(sample, data) == b""
    assert "flush request not understood" in (sample.queue / "maillog").read_text()
    assert not is_due(sample)
