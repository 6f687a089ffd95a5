"""A real spool for every test, under a clock that stands still."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spoolmta.clock import ManualClock
from spoolmta.message.envelope import Envelope, Recipient
from spoolmta.message.queue_id import MessageIds, format_queue_id
from spoolmta.spool import processes
from spoolmta.spool.connection import Spool
from spoolmta.spool.queues import NewMessage


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


@pytest.fixture
def spool(path: Path, clock: ManualClock) -> Iterator[Spool]:
    opened = Spool.open(path, clock, create=True)
    yield opened
    opened.close()


@pytest.fixture
def process_id(spool: Spool) -> int:
    with spool.transaction() as tx:
        return processes.register(tx, "test")


@pytest.fixture
def new_message(process_id: int, clock: ManualClock) -> Callable[..., NewMessage]:
    ids = MessageIds(process_id, clock)

    def make(*recipients: str, content: bytes = b"Subject: x\r\n\r\nbody\r\n") -> NewMessage:
        message_id = ids.next()
        people = tuple(Recipient(address) for address in recipients or ("b@y.example",))
        envelope = Envelope("a@x.example", people)
        queue_id = format_queue_id(message_id)
        return NewMessage(message_id, queue_id, envelope, len(content), (content,), clock.now())

    return make
