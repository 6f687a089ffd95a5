"""spoolmta restore where the present spool is damaged, or the restore is killed."""

import getpass
import os
from pathlib import Path

import pytest

from spoolmta.errors import SpoolUnusable
from spoolmta.message.outcome import Action, Outcome
from spoolmta.spool import replacement
from spoolmta.spool.backup import back_up, verify
from spoolmta.spool.connection import Spool, numbers
from spoolmta.spool.history import History
from spoolmta.spool.outcomes import record_outcomes
from spoolmta.spool.questions.audit import audit
from spoolmta.spool.surgery import admin
from tests.support import forked
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Run

PAGE = 4096


def end(sample: SampleSpool, *names: str) -> None:
    """Let messages leave after the backup."""
    with sample.spool.transaction() as tx:
        admin.delete(tx, [sample.number(name) for name in names])


def answer(sample: SampleSpool, name: str, number: int, action: Action, address: str) -> None:
    """Let a recipient have its answer after the backup; of a refusal the sender hears."""
    with sample.spool.transaction() as tx:
        outcome = Outcome(number, action, "5.1.1", "said so")
        record_outcomes(tx, sample.number(name), [outcome], {number: address})
        tx.run("mark_noticed", (sample.number(name), number, 0))


def overwrite(sample: SampleSpool, tables: tuple[str, ...]) -> None:
    """Destroy the first page of some tables."""
    pages = {
        name: sample.spool._connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (name,)
        ).fetchall()[0][0]
        for name in tables
    }
    ((size,),) = sample.spool._connection.execute("PRAGMA page_size").fetchall()
    sample.spool.checkpoint(3)
    sample.close()
    for suffix in ("-wal", "-shm"):
        sample.path.with_name(sample.path.name + suffix).unlink(missing_ok=True)
    with sample.path.open("r+b") as file:
        for page in pages.values():
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)


def messages(sample: SampleSpool) -> set[int]:
    sample.reopen()
    return {row[0] for row in sample.spool._connection.execute("SELECT message_id FROM message")}


def answers(sample: SampleSpool, name: str) -> dict[str, str]:
    rows = sample.spool._connection.execute(
        "SELECT recipient.address, outcome.action FROM recipient JOIN outcome USING (message_id,"
        " number) WHERE message_id = ? AND part = 0",
        (sample.number(name),),
    )
    return {str(address): str(action) for address, action in rows}


def aside(sample: SampleSpool) -> Path:
    (found,) = [path for path in sample.queue.glob("spool.db.replaced-*") if path.name[-4] != "-"]
    return found


def test_a_file_that_is_no_spool_is_put_aside_only_when_one_says_so(
    sample: SampleSpool, restore: Run
) -> None:
    sample.close()
    sample.path.write_bytes(b"not a database at all" * 500)
    log = sample.path.with_name("spool.db-wal")
    log.write_bytes(b"what is left of the log")
    for arguments in ((), ("--force",), ("--without-delivered",)):
        ended = restore(*arguments)
        assert (ended.status, ended.out) == (1, "")
        assert "--damaged" in ended.err
        assert sample.path.read_bytes().startswith(b"not a database")
    ended = restore("--damaged")
    assert ended.status == 0, ended.err
    assert f"the damaged spool that was there is {aside(sample)}" in ended.out
    assert aside(sample).read_bytes().startswith(b"not a database")
    assert replacement.beside(aside(sample), "-wal").read_bytes() == b"what is left of the log"
    assert len(messages(sample)) == 6


def test_what_a_damaged_spool_still_tells_is_left_out(sample: SampleSpool, restore: Run) -> None:
    answer(sample, "active", 0, Action.SENT, "d@big.example")
    end(sample, "hold")
    overwrite(sample, ("message", "outcome", "content"))
    refused = restore()
    assert refused.status == 1
    assert f"{sample.ids['hold']} (whole)" in refused.err
    assert "cannot be read: " in refused.err
    assert restore("--damaged").status == 0
    assert sample.number("hold") not in messages(sample)
    assert answers(sample, "active") == {"d@big.example": "sent"}
    *_, (_, account) = audit(sample.spool)
    assert account.violators == []


def test_the_day_files_tell_of_mail_that_a_lost_spool_delivered(
    sample: SampleSpool, restore: Run
) -> None:
    end(sample, "hold", "corrupt")
    while History(sample.spool).move():
        pass
    sample.close()
    sample.path.unlink()
    assert "is not there, and it delivered mail later" in restore().err
    assert restore("--damaged").status == 0
    assert messages(sample).isdisjoint({sample.number("hold"), sample.number("corrupt")})


def test_a_day_file_that_cannot_be_read_counts_as_deliveries(
    sample: SampleSpool, restore: Run
) -> None:
    end(sample, "hold")
    while History(sample.spool).move():
        pass
    (day,) = (sample.queue / "history").iterdir()
    day.write_bytes(b"x" * 9000)
    assert str(day) in restore("--without-delivered").err
    assert restore("--damaged").status == 0


def test_mail_that_the_present_spool_knows_nothing_of_may_have_been_delivered(
    sample: SampleSpool, restore: Run
) -> None:
    end(sample, "hold")
    with sample.spool.transaction() as tx:
        tx.run("delete_events", {"ids": numbers(_events_of(sample, "hold"))})
    sample.clock.jump(60)
    with sample.spool.transaction() as tx:
        admin.hold(tx, [sample.number("incoming")], "said so")
    ended = restore()
    assert "what became of 1 message after" in ended.err
    assert restore("--damaged").status == 0


def _events_of(sample: SampleSpool, name: str) -> list[int]:
    rows = sample.spool._connection.execute(
        "SELECT event_id FROM event WHERE message_id = ?", (sample.number(name),)
    )
    return [int(str(row[0])) for row in rows]


def test_a_recipient_that_was_refused_since_is_not_reported_again(
    sample: SampleSpool, restore: Run
) -> None:
    answer(sample, "deferred", 0, Action.BOUNCED, "bob@slow.example")
    answer(sample, "active", 1, Action.BOUNCED, "e@other.example")
    assert restore("--without-delivered").status == 0
    assert sample.number("deferred") not in messages(sample), "both recipients have their answer"
    assert answers(sample, "active") == {"e@other.example": "bounced"}


def test_requeued_mail_comes_back_as_it_is_now(sample: SampleSpool, restore: Run) -> None:
    with sample.spool.transaction() as tx:
        assert admin.requeue(tx, [sample.number("deferred")]).done
    assert restore("--without-delivered").status == 0
    assert len(messages(sample)) == 6
    rows = sample.spool._connection.execute(
        "SELECT address FROM recipient JOIN maildrop USING (message_id) WHERE message_id = ?",
        (sample.number("deferred"),),
    )
    assert rows.fetchall() == [("bob@slow.example",)], "alice has it"


POINTS = ("restore.before_decision", "restore.after_decision", "restore.after_aside")


@pytest.mark.parametrize("is_damaged", [False, True])
@pytest.mark.parametrize("point", POINTS)
def test_a_restore_that_is_killed_is_done_wholly_or_not_at_all(
    tmp_path: Path, point: str, is_damaged: bool
) -> None:
    sample = SampleSpool(tmp_path, getpass.getuser())
    back_up(sample.path, tmp_path / "night.db")
    end(sample, "hold")
    if is_damaged:
        overwrite(sample, ("message", "content"))
    sample.close()
    before = sample.path.stat().st_ino
    words = ("restore", tmp_path / "night.db", "--damaged", "--without-delivered")
    killed = forked.run(
        ("spoolmta", "-c", sample.configuration, *words),
        environment={**os.environ, "SPOOLMTA_CRASH": f"{point}:1"},
    )
    assert killed.returncode == -9
    if point == "restore.before_decision":
        assert sample.path.stat().st_ino == before
        return
    with pytest.raises(SpoolUnusable, match="restore was killed"):
        Spool.open(sample.path, sample.clock)
    assert replacement.finish(sample.path) == aside(sample)
    assert verify(sample.path).messages == 5
    assert sample.number("hold") not in messages(sample)
    assert aside(sample).stat().st_ino == before
