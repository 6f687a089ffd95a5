"""spoolmta restore: only while stopped, and nothing is delivered twice unless one says so."""

import shutil
from pathlib import Path

from spoolmta.cli.running import keep_stopped
from spoolmta.message.envelope import Envelope, Recipient
from spoolmta.spool import journal
from spoolmta.spool.connection import Spool
from spoolmta.spool.history import History
from spoolmta.spool.questions.audit import audit
from spoolmta.spool.queues import State
from spoolmta.spool.surgery import admin
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Run


def go_on(sample: SampleSpool) -> None:
    """Let the message on hold leave after the backup, and its events move to the history."""
    with sample.spool.transaction() as tx:
        admin.delete(tx, [sample.number("hold")])
        admin.hold(tx, [sample.number("incoming")], "said so")
    while History(sample.spool).move():
        pass


def messages(sample: SampleSpool) -> set[int]:
    sample.reopen()
    return {row[0] for row in sample.spool._connection.execute("SELECT message_id FROM message")}


def test_the_backup_becomes_the_spool_and_the_old_one_is_kept(
    sample: SampleSpool, restore: Run
) -> None:
    with sample.spool.transaction() as tx:
        admin.hold(tx, [sample.number("incoming")], "said so")
    last = journal.last_number(sample.spool)
    ended = restore()
    assert ended.status == 0, ended.err
    assert len(list(sample.queue.glob("spool.db.replaced-*"))) == 1
    assert len(messages(sample)) == 6
    assert journal.last_number(sample.spool) > last, "no number is given twice"


def test_the_journal_of_what_came_and_went_since_is_kept(sample: SampleSpool, restore: Run) -> None:
    # The day files may have half of it already, and an audit asks for the end.
    envelope = Envelope("a@news.example", (Recipient("m@y.example"),))
    message_id = sample.enqueue("late", State.INCOMING, envelope)
    with sample.spool.transaction() as tx:
        admin.delete(tx, [message_id])
    told = [one for one in journal.page(sample.spool, 0)[0] if one.message_id == message_id]
    assert restore().status == 0
    sample.reopen()
    kept = [one for one in journal.page(sample.spool, 0)[0] if one.message_id == message_id]
    assert [one.kind for one in told] == ["accepted", "deleted"]
    assert kept == told
    *_, (_, account) = audit(sample.spool)
    assert account.violators == []


def test_what_was_delivered_since_is_named_and_nothing_is_done(
    sample: SampleSpool, restore: Run
) -> None:
    go_on(sample)
    before = sample.path.stat().st_ino
    ended = restore()
    assert (ended.status, ended.out) == (1, "")
    assert sample.ids["hold"] in ended.err
    assert sample.path.stat().st_ino == before


def test_what_was_delivered_since_can_be_left_out(sample: SampleSpool, restore: Run) -> None:
    go_on(sample)
    assert restore("--without-delivered").status == 0
    assert sample.number("hold") not in messages(sample)
    *_, (_, account) = audit(sample.spool)
    assert account.violators == []


def test_what_was_delivered_since_can_be_sent_again(sample: SampleSpool, restore: Run) -> None:
    go_on(sample)
    assert restore("--force").status == 0
    assert sample.number("hold") in messages(sample)


def test_a_recipient_that_got_the_mail_since_does_not_get_it_again(
    sample: SampleSpool, restore: Run
) -> None:
    (delivery,) = sample.spool._connection.execute(
        "SELECT delivery_id FROM delivery WHERE nexthop = 'big.example'"
    ).fetchall()
    sample.report(delivery[0], sample.sent(0))
    assert restore().status == 1
    assert restore("--without-delivered").status == 0
    assert sample.number("active") in messages(sample)
    rows = sample.spool._connection.execute(
        "SELECT number, action FROM outcome WHERE message_id = ?", (sample.number("active"),)
    )
    assert rows.fetchall() == [(0, "sent")]
    planned = sample.spool._connection.execute("SELECT count(*) FROM delivery").fetchall()
    assert planned == [(0,)], "it is resolved afresh, for who waits still"
    *_, (_, account) = audit(sample.spool)
    assert account.violators == []


def test_nothing_is_done_while_the_mail_system_runs(sample: SampleSpool, restore: Run) -> None:
    with keep_stopped(sample.queue / "pid"):
        ended = restore()
    assert ended.status == 1
    assert "the mail system runs" in ended.err


def test_a_corrupt_backup_changes_nothing(sample: SampleSpool, restore: Run, backup: Path) -> None:
    backup.write_bytes(b"x" * 5000)
    before = sample.path.stat().st_ino
    ended = restore("--force")
    assert ended.status == 1
    assert "nothing was changed" in ended.err
    assert sample.path.stat().st_ino == before


def test_what_a_killed_restore_left_is_not_in_the_next_one(
    sample: SampleSpool, restore: Run, backup: Path
) -> None:
    begun = sample.path.with_name("spool.db.restored")
    shutil.copyfile(backup, begun)
    killed = Spool.open(begun, sample.clock)
    with killed.transaction(durable=True) as tx:
        admin.delete(tx, [sample.number("hold")])
    log = begun.with_name(begun.name + "-wal")
    left = log.read_bytes()
    killed.close()
    log.write_bytes(left)
    assert restore().status == 0
    assert len(messages(sample)) == 6
