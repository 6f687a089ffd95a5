import asyncio
from pathlib import Path

from spoolmta.agents.mailbox import maildir
from spoolmta.agents.mailbox.batch import MaildirBatches
from spoolmta.agents.mailbox.maildir import MaildirFile


def _file(folder: Path, number: int, limit: int = 0) -> MaildirFile:
    return MaildirFile(str(folder), f"1.QAR{number}.h", 0.0, limit, "4.2.0")


def test_many_deliveries_at_once_all_arrive(tmp_path: Path) -> None:
    async def deliver() -> list[str]:
        batches = MaildirBatches()
        results = await asyncio.gather(
            *(batches.deliver(_file(tmp_path / str(n % 7), n), [b"text"]) for n in range(200))
        )
        await batches.close()
        return [result.dsn for result in results]

    assert asyncio.run(deliver()) == ["2.0.0"] * 200
    assert len(list(tmp_path.glob("*/new/*"))) == 200


def test_one_that_fails_spoils_no_other(tmp_path: Path) -> None:
    async def deliver() -> list[str]:
        batches = MaildirBatches()
        results = await asyncio.gather(
            batches.deliver(_file(tmp_path / "a", 0), [b"text"]),
            batches.deliver(_file(tmp_path / "a", 1, limit=1), [b"text"]),
        )
        await batches.close()
        return [result.dsn for result in results]

    assert asyncio.run(deliver()) == ["2.0.0", "5.2.2"]


def test_a_message_written_piece_by_piece_is_published(tmp_path: Path) -> None:
    async def deliver() -> bool:
        batches = MaildirBatches()
        written = await batches.call(lambda: maildir.create(_file(tmp_path / "a", 0)))
        assert written is not None
        await batches.call(lambda: maildir.write(written, b"text"))
        result = await batches.publish(written)
        await batches.close()
        return result.is_sent

    assert asyncio.run(deliver())
    assert len(list(tmp_path.glob("a/new/*"))) == 1
