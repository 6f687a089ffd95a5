"""Mail of maildrop on its way through cleanup, over a real spool."""

import os
from pathlib import Path
from typing import Any

import pytest

from spoolmta.message.envelope import Client, Envelope, Recipient
from spoolmta.message.queue_id import format_queue_id
from spoolmta.spool import content, queues
from spoolmta.spool.queues import NewMessage, State
from spoolmta.stages.pickup.stage import Pickup, open_stage
from tests.support.mta import Mta

MAIL = b"Subject: hello\r\nTo: alice@inbox.example\r\nBcc: bob\r\n\r\nbody\r\n"


def submit(mta: Mta, text: bytes = MAIL, to: str = "alice@inbox.example", **more: Any) -> str:
    how = {"sender": "joe", "origin": "sendmail", "uid": 1000, **more}
    return mta.submit(how.pop("sender"), [to], text, state=State.MAILDROP, **how)


def stage(mta: Mta) -> Pickup:
    return next(stage for stage in mta._stages if isinstance(stage, Pickup))


def run(mta: Mta) -> int:
    moved = mta.run(stage(mta).run_once())
    for context in mta._contexts:
        context.flush_logs()
    return moved


def text_of(mta: Mta) -> bytes:
    rows = mta.rows("SELECT data FROM content ORDER BY message_id, piece")
    return b"".join(row[0] for row in rows)


def submit_large(mta: Mta, pieces: list[bytes]) -> int:
    """Put a message of several pieces into maildrop, as an upload does."""
    message_id = mta.context.ids.next()
    envelope = Envelope(
        "joe", (Recipient("alice@inbox.example"),), origin="sendmail", uid=1000, full_name="Joe"
    )
    with mta.context.spool.transaction() as tx:
        for number, piece in enumerate(pieces[1:], 1):
            content.upload(tx, message_id, number, piece, mta.context.process_id)
        size = sum(map(len, pieces))
        message = NewMessage(
            message_id,
            format_queue_id(message_id),
            envelope,
            size,
            (pieces[0],),
            mta.clock.now(),
            uploaded=len(pieces) - 1,
        )
        queues.enqueue(tx, State.MAILDROP, message)
    return message_id


def test_mail_of_a_user_becomes_incoming_and_is_delivered(tmp_path: Path) -> None:
    with Mta(tmp_path) as mta:
        queue_id = submit(mta, full_name="Joe Doe")
        assert run(mta) == 1
        assert mta.states() == {"incoming": 1}
        assert mta.rows("SELECT sender, origin, uid FROM message") == [
            ("joe@mx.test.example", "sendmail", 1000)
        ]
        assert f"pickup[{os.getpid()}]: {queue_id}: uid=1000 from=<joe>\n" in mta.log()
        assert f"cleanup[{os.getpid()}]: {queue_id}: message-id=<20" in mta.log()
        mta.run_until_idle()
        (delivered,) = mta.maildir("inbox.example", "alice")
        assert b"(Postfix, from userid 1000)\n\tid " + queue_id.encode() in delivered
        assert b"From: Joe Doe <joe@mx.test.example>\n" in delivered
        assert b"Bcc" not in delivered
        assert mta.events(queue_id)[:2] == ["accepted", "cleaned"]
        told = "SELECT detail ->> 'header_id' FROM event WHERE kind = 'cleaned'"
        assert mta.rows(told)[0][0].startswith("<20")


def test_mail_of_our_own_is_not_logged_as_a_users(tmp_path: Path) -> None:
    with Mta(tmp_path) as mta:
        submit(mta, sender="", origin="bounce", uid=None)
        run(mta)
        assert "uid=" not in mta.log()
        assert text_of(mta).startswith(b"Received: by mx.test.example (Postfix)\r\n\tid ")


def test_requeued_mail_from_the_network_is_ours(tmp_path: Path) -> None:
    client = Client("c.example", "c.example", "192.0.2.1", 25, "h", "ESMTP")
    with Mta(tmp_path) as mta:
        submit(mta, sender="a@b.example", origin="smtpd", uid=None, client=client)
        run(mta)
        assert f"uid={os.geteuid()} from=<a@b.example>" in mta.log()
        assert text_of(mta).startswith(b"Received: by mx.test.example (Postfix, from userid ")
        assert b"Message-Id:" not in text_of(mta)
        assert mta.rows("SELECT origin, client_address FROM message") == [("smtpd", "192.0.2.1")]


@pytest.mark.parametrize("header_bytes", [100, 300_000])
def test_of_a_large_message_the_body_stays_where_it_is(tmp_path: Path, header_bytes: int) -> None:
    header = b"Subject: x\r\n" + b"X-Fill: " + b"y" * 80 + b"\r\n"
    header += (b"X-More: " + b"z" * 90 + b"\r\n") * (header_bytes // 100)
    body = b"".join(b"line %d\r\n" % number for number in range(120_000))
    text = header + b"\r\n" + body
    size = content.PIECE_BYTES
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    with Mta(tmp_path, {"header_size_limit": "600000"}) as mta:
        submit_large(mta, pieces)
        before = dict(mta.rows("SELECT piece, rowid FROM content"))
        run(mta)
        assert mta.states() == {"incoming": 1}
        cleaned = text_of(mta)
        assert cleaned.startswith(b"Received: ")
        assert cleaned.endswith(b"From: Joe <joe@mx.test.example>\r\n\r\n" + body)
        assert mta.rows("SELECT size FROM message") == [(len(cleaned),)]
        after = dict(mta.rows("SELECT piece, rowid FROM content"))
        assert sorted(after) == list(range(len(pieces)))
        assert after[len(pieces) - 1] == before[len(pieces) - 1]


def test_a_message_without_recipients_is_corrupt(tmp_path: Path) -> None:
    with Mta(tmp_path) as mta:
        queue_id = mta.submit("joe", [], MAIL, state=State.MAILDROP)
        good = submit(mta)
        assert run(mta) == 2
        assert mta.rows("SELECT reason FROM corrupt") == [("the message has no recipients",)]
        assert mta.states() == {"incoming": 1, "corrupt": 1}
        assert f"warning: {queue_id}: moved to corrupt: the message has no recipients" in mta.log()
        assert mta.events(good)[-1] == "cleaned"


def test_a_message_without_content_is_corrupt(tmp_path: Path) -> None:
    with Mta(tmp_path) as mta:
        submit(mta)
        with mta.context.spool.transaction() as tx:
            message_id = mta.rows("SELECT message_id FROM maildrop")[0][0]
            content.abandon(tx, message_id)
        run(mta)
        assert mta.rows("SELECT reason FROM corrupt") == [("the message has no content",)]


def test_a_message_without_its_row_is_corrupt(tmp_path: Path) -> None:
    mta = Mta(tmp_path)
    submit(mta)
    with mta.context.spool.transaction() as tx:
        queues.erase(tx, [mta.rows("SELECT message_id FROM maildrop")[0][0]])
    run(mta)
    assert mta.rows("SELECT reason FROM corrupt") == [("the message has no envelope",)]
    mta.run(mta._close())
    mta._loop.close()


def checks(folder: Path, rule: str) -> dict[str, str]:
    (folder / "checks").write_text(f"/^Subject: (.*)/ {rule}\n")
    return {"header_checks": f"regexp:{folder}/checks"}


def test_hold_puts_the_message_on_hold(tmp_path: Path) -> None:
    with Mta(tmp_path, checks(tmp_path, "HOLD look at it")) as mta:
        submit(mta)
        run(mta)
        assert mta.rows("SELECT reason FROM hold") == [("look at it",)]


def test_discard_ends_the_message(tmp_path: Path) -> None:
    with Mta(tmp_path, checks(tmp_path, "DISCARD")) as mta:
        queue_id = submit(mta)
        run(mta)
        assert mta.states() == {}
        assert mta.events(queue_id)[-1] == "removed"
        assert mta.rows("SELECT count(*) FROM content") == [(0,)]


def test_what_is_rejected_goes_back_to_its_sender(tmp_path: Path) -> None:
    (tmp_path / "checks").write_text("/^Subject: hello/ REJECT 5.7.9 no such thing\n")
    with Mta(tmp_path, {"header_checks": f"regexp:{tmp_path}/checks"}) as mta:
        queue_id = submit(mta, sender="bob@inbox.example")
        assert run(mta) == 1
        assert mta.rows("SELECT number, action, dsn, reason FROM outcome") == [
            (0, "bounced", "5.7.9", "no such thing")
        ]
        assert "dsn=5.7.9, status=bounced (no such thing)" in mta.log()
        assert mta.states() == {"active": 1}
        mta.run_until_idle()
        assert mta.states() == {}
        (notice,) = mta.maildir("inbox.example", "bob")
        assert b"Status: 5.7.9" in notice
        assert mta.events(queue_id)[-1] == "removed"


def test_a_message_that_is_too_large_goes_back_to_its_sender(tmp_path: Path) -> None:
    with Mta(tmp_path, {"message_size_limit": "300000"}) as mta:
        submit_large(mta, [b"Subject: x\r\n\r\n", b"y" * 400_000 + b"\r\n"])
        run(mta)
        assert mta.rows("SELECT action, dsn, reason FROM outcome") == [
            ("bounced", "5.3.4", "message file too big")
        ]
        mta.run_until_idle()


def test_a_lookup_that_fails_leaves_the_message_for_later(tmp_path: Path) -> None:
    settings = {"virtual_alias_maps": "fail:down", "virtual_alias_domains": ""}
    mta = Mta(tmp_path, settings)
    submit(mta)
    pickup = stage(mta)
    assert run(mta) == 0
    assert mta.states() == {"maildrop": 1}
    assert pickup.next_due() == mta.clock.now() + 60
    assert run(mta) == 0
    assert mta.log().count("uid=1000") == 1
    mta.clock.jump(61)
    assert run(mta) == 0
    assert mta.log().count("uid=1000") == 2
    mta.run(mta._close())
    mta._loop.close()


def test_a_letter_about_a_session_is_lost_while_a_lookup_fails(tmp_path: Path) -> None:
    settings = {"virtual_alias_maps": "fail:down", "virtual_alias_domains": ""}
    mta = Mta(tmp_path, settings)
    submit(mta, origin="notify", uid=None)
    assert run(mta) == 1
    assert mta.states() == {}
    assert "the postmaster is not told of a session" in mta.log()
    mta.run(mta._close())
    mta._loop.close()


def test_what_an_operator_took_away_is_left_alone(tmp_path: Path) -> None:
    with Mta(tmp_path) as mta:
        taken, kept = submit(mta), submit(mta)
        pickup = stage(mta)
        claimed, _ = pickup._claim()
        messages = queues.load(pickup._context.spool, claimed)
        moves = [move for m in messages if (move := mta.run(pickup._move(m, ()))) is not None]
        with mta.context.spool.transaction() as tx:
            queues.hold(
                tx, State.MAILDROP, int(taken, 16), pickup._context.process_id, "by the operator"
            )
        assert pickup._advance(moves) == 1
        assert mta.states() == {"hold": 1, "incoming": 1}
        assert mta.rows("SELECT message_id FROM incoming") == [(int(kept, 16),)]


def test_a_batch_is_advanced_together(tmp_path: Path) -> None:
    with Mta(tmp_path) as mta:
        for _ in range(120):
            submit(mta)
        before = stage(mta)._context.spool.commits
        assert run(mta) == 100
        assert stage(mta)._context.spool.commits == before + 2
        assert run(mta) == 20


def test_messages_that_a_process_died_with_are_taken_one_by_one(tmp_path: Path) -> None:
    with Mta(tmp_path) as mta:
        ids = [int(submit(mta), 16) for _ in range(4)]
        execute = mta.context.spool._connection.execute
        execute("INSERT INTO crash VALUES (?, 1), (?, 1)", (ids[1], ids[3]))
        assert run(mta) == 1
        assert mta.rows("SELECT message_id FROM incoming") == [(ids[1],)]
        assert mta.rows("SELECT * FROM claim") == []
        assert [run(mta), run(mta)] == [1, 2]


def test_open_stage_opens_the_tables(tmp_path: Path) -> None:
    with Mta(tmp_path) as mta:
        assert open_stage(mta.context).name == "pickup"
