import asyncio
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from spoolmta.agents.mailbox import maildir, work
from spoolmta.agents.mailbox.batch import OwnersMaildirs, OwnMaildirs
from spoolmta.agents.mailbox.maildir import MaildirFile
from spoolmta.agents.recipient_user import Deliverer, DelivererLost, Identity

NOBODY = Identity(65534, 65534)
# With root we can be nobody, without it ourselves alone.
OWNER = NOBODY if os.geteuid() == 0 else Identity(os.geteuid(), os.getegid())


def _perform(request: bytes, descriptors: Sequence[int]) -> bytes:
    """Do the work, but die for a folder called die; leave a dot for each request."""
    if b"/die" in request:
        os.kill(os.getpid(), signal.SIGKILL)
    with Path("requests").open("ab") as requests:
        requests.write(b".")
    return work.perform(request, descriptors)


@pytest.fixture
def deliverer(folder: Path) -> Iterator[Deliverer]:
    os.chown(folder, *OWNER)
    started = Deliverer.start(_perform, folder=str(folder), mail_owner=65533)
    yield started
    started.close()


def _file(folder: Path, number: int, limit: int = 0) -> MaildirFile:
    return MaildirFile(str(folder), f"1.QAR{number}.h", 0.0, limit, "4.2.0")


def test_many_deliveries_at_once_all_arrive(tmp_path: Path) -> None:
    async def deliver() -> list[str]:
        maildirs = OwnMaildirs()
        results = await asyncio.gather(
            *(maildirs.deliver(_file(tmp_path / str(n % 7), n), b"text") for n in range(200))
        )
        await maildirs.close()
        return [result.dsn for result in results]

    assert asyncio.run(deliver()) == ["2.0.0"] * 200
    assert len(list(tmp_path.glob("*/new/*"))) == 200


def test_one_that_fails_spoils_no_other(tmp_path: Path) -> None:
    async def deliver() -> list[str]:
        maildirs = OwnMaildirs()
        results = await asyncio.gather(
            maildirs.deliver(_file(tmp_path / "a", 0), b"text"),
            maildirs.deliver(_file(tmp_path / "a", 1, limit=1), b"text"),
        )
        await maildirs.close()
        return [result.dsn for result in results]

    assert asyncio.run(deliver()) == ["2.0.0", "5.2.2"]


def test_a_message_written_piece_by_piece_is_published(tmp_path: Path) -> None:
    async def deliver() -> bool:
        maildirs = OwnMaildirs()
        written = await maildirs.call(lambda: maildir.create(_file(tmp_path / "a", 0)))
        assert written is not None
        await maildirs.call(lambda: maildir.write(written, b"text"))
        result = await maildirs.publish(written)
        await maildirs.close()
        return result.is_sent

    assert asyncio.run(deliver())
    assert len(list(tmp_path.glob("a/new/*"))) == 1


def test_deliveries_to_the_maildirs_of_one_owner_are_one_request(
    deliverer: Deliverer, folder: Path
) -> None:
    async def deliver() -> list[str]:
        maildirs = OwnersMaildirs(deliverer)
        results = await asyncio.gather(
            *(
                maildirs.deliver(OWNER, _file(folder / str(n % 3), n, limit=4), text)
                for n, text in enumerate([b"one", b"two", b"three", b"four"])
            )
        )
        return [result.dsn for result in results]

    assert asyncio.run(deliver()) == ["2.0.0", "2.0.0", "5.2.2", "2.0.0"]
    assert sorted(path.read_bytes() for path in folder.glob("*/new/*")) == [
        b"four",
        b"one",
        b"two",
    ]
    assert (folder / "requests").read_bytes() == b"."


def test_a_deliverer_that_is_lost_fails_all_of_the_batch(
    deliverer: Deliverer, folder: Path
) -> None:
    async def deliver() -> list[object]:
        maildirs = OwnersMaildirs(deliverer)
        return await asyncio.gather(
            *(maildirs.deliver(OWNER, _file(folder / "die", n), b"text") for n in range(2)),
            return_exceptions=True,
        )

    assert [type(result) for result in asyncio.run(deliver())] == [DelivererLost] * 2
