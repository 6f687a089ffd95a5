import email
import email.policy
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from spoolmta.message.envelope import Envelope, Notify, Recipient
from spoolmta.message.outcome import Action, Outcome, Success, bounce, defer
from spoolmta.spool import completion, content, queues
from spoolmta.spool.content import PIECE_BYTES
from spoolmta.spool.notices import Kind
from spoolmta.spool.outcomes import record_outcomes
from spoolmta.spool.queues import NewMessage
from spoolmta.stages.bounce import open_stage
from tests.support.mta import Mta

CONTENT = b"From: s@x.example\r\nSubject: hi\r\n\r\nbody\r\n"
SENDER = "s@x.example"
Open = Callable[..., Mta]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Open]:
    opened: list[Mta] = []

    def open_(**settings: str) -> Mta:
        opened.append(Mta(tmp_path, settings))
        return opened[-1]

    yield open_
    for mta in opened:
        mta.__exit__(None, None, None)


def _notice(
    mta: Mta,
    outcomes: list[Outcome],
    kind: Kind,
    *,
    sender: str = SENDER,
    body: bytes = CONTENT,
    retry_at: float | None = None,
    notify: Notify = Notify.ABSENT,
    **envelope: object,
) -> str:
    """Put an active message with these outcomes into the spool, and a notice about them."""
    people = [Recipient(f"r{n}@far.example", notify=notify) for n in range(len(outcomes))]
    context = mta.context
    message_id = context.ids.next()
    queue_id = context.queue_id(message_id)
    message = NewMessage(
        message_id,
        queue_id,
        Envelope(sender, tuple(people), **envelope),  # type: ignore[arg-type]
        len(body),
        tuple(body[at : at + PIECE_BYTES] for at in range(0, len(body), PIECE_BYTES)),
        mta.clock.now(),
    )
    addresses = {number: person.address for number, person in enumerate(people)}
    with context.spool.transaction() as tx:
        queues.enqueue(tx, "incoming", message)
        assert queues.claim(tx, "incoming", context.process_id, 1) == [message_id]
        queues.activate(tx, context.process_id, [message_id], [])
        record_outcomes(tx, message_id, outcomes, addresses)
        completion.ask_for_notice(tx, message_id, kind, retry_at)
    return queue_id


def _answer(mta: Mta) -> list[EmailMessage]:
    """Let the stage answer; return what it wrote."""
    mta.run(open_stage(mta.context).run_once())
    mta.context.flush_logs()
    ids = [row[0] for row in mta.rows("SELECT message_id FROM maildrop ORDER BY message_id")]
    reports = []
    for message_id in ids:
        text = b"".join(content.read(mta.context.spool, message_id))
        parsed = email.message_from_bytes(text, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        assert not parsed.defects
        ((size, sender, origin),) = mta.rows(
            "SELECT size, sender, origin FROM message WHERE message_id = ?", message_id
        )
        assert (size, origin) == (len(text), "bounce")
        assert sender in ("", "double-bounce@mx.test.example")
        reports.append(parsed)
    with mta.context.spool.transaction() as tx:
        queues.remove(tx, "maildrop", ids)
    return reports


def _parts(report: EmailMessage) -> list[str]:
    return [part.get_content_type() for part in report.iter_parts()]


def test_a_failure_is_reported_and_the_message_is_gone(system: Open) -> None:
    mta = system()
    queue_id = _notice(mta, [bounce(0, "5.1.1", "no such user")], Kind.FAILURE)
    (report,) = _answer(mta)
    assert report["To"] == SENDER
    assert report["From"] == "Mail Delivery System <MAILER-DAEMON@mx.test.example>"
    assert report["Subject"] == "Undelivered Mail Returned to Sender"
    assert report["Auto-Submitted"] == "auto-replied"
    assert _parts(report) == ["text/plain", "message/delivery-status", "message/rfc822"]
    assert "<r0@far.example>: no such user" in report.as_string()
    assert mta.states() == {}
    assert f"{queue_id}: sender non-delivery notification: " in mta.log()
    assert f"{queue_id}: removed" in mta.log()


def test_the_message_is_deferred_if_some_recipients_still_wait(system: Open) -> None:
    mta = system()
    later = mta.clock.now() + 300
    outcomes = [bounce(0, "5.1.1", "no"), defer(1, "4.2.0", "later")]
    _notice(mta, outcomes, Kind.FAILURE, retry_at=later)
    (report,) = _answer(mta)
    assert "r1@far.example" not in report.as_string()
    assert mta.states() == {"deferred": 1}
    assert mta.rows("SELECT number, noticed FROM outcome ORDER BY number") == [(0, 1), (1, 0)]
    mta.run(_forget(mta))


async def _forget(mta: Mta) -> None:
    ids = [row[0] for row in mta.rows("SELECT message_id FROM deferred")]
    with mta.context.spool.transaction() as tx:
        queues.remove(tx, "deferred", ids)


def test_a_delay_is_a_warning_with_the_headers(system: Open) -> None:
    mta = system(delay_warning_time="4h", maximal_queue_lifetime="2d")
    later = mta.clock.now() + 300
    _notice(mta, [defer(0, "4.2.0", "later")], Kind.DELAY, retry_at=later)
    (report,) = _answer(mta)
    assert report["Subject"] == "Delayed Mail (still being retried)"
    assert _parts(report)[2] == "text/rfc822-headers"
    text = report.as_string()
    assert "more than 4 hour(s)" in text
    assert "until it is 2 day(s) old" in text
    assert "Will-Retry-Until: " in text
    # The recipient still waits: its outcome stays open.
    assert mta.rows("SELECT noticed FROM outcome") == [(0,)]
    mta.run(_forget(mta))


def test_a_success_is_told_by_its_way(system: Open) -> None:
    mta = system()
    sent = Outcome(
        0,
        Action.SENT,
        "2.0.0",
        "delivered to mailbox",
        relay="local",
        tell_success=Success.DELIVERED,
    )
    _notice(mta, [sent], Kind.SUCCESS, notify=Notify.SUCCESS, envid="id")
    (report,) = _answer(mta)
    assert report["Subject"] == "Successful Mail Delivery Report"
    text = report.as_string()
    assert "<r0@far.example>: delivery via local: delivered to mailbox" in text
    assert "Action: delivered" in text


@pytest.mark.parametrize(
    ("ret", "limit", "expected"),
    [
        ("", "50000", "message/rfc822"),
        ("FULL", "50000", "message/rfc822"),
        ("HDRS", "50000", "text/rfc822-headers"),
        ("FULL", "30", "text/rfc822-headers"),
    ],
)
def test_how_much_comes_back_is_asked_for_and_limited(
    system: Open, ret: str, limit: str, expected: str
) -> None:
    mta = system(bounce_size_limit=limit)
    _notice(mta, [bounce(0, "5.1.1", "no")], Kind.FAILURE, ret=ret)
    (report,) = _answer(mta)
    assert _parts(report)[2] == expected


def test_a_large_message_is_returned_piece_by_piece(system: Open) -> None:
    mta = system(bounce_size_limit="100000000")
    body = CONTENT + (b"x" * 98 + b"\r\n") * 40_000
    _notice(mta, [bounce(0, "5.1.1", "no")], Kind.FAILURE, body=body)
    mta.run(open_stage(mta.context).run_once())
    ((message_id,),) = mta.rows("SELECT message_id FROM maildrop")
    pieces = list(content.read(mta.context.spool, message_id))
    assert len(pieces) > 4
    assert max(map(len, pieces)) < PIECE_BYTES + 4096
    assert body in b"".join(pieces)
    assert mta.rows("SELECT * FROM upload") == []
    with mta.context.spool.transaction() as tx:
        queues.remove(tx, "maildrop", [message_id])


def test_a_bounce_that_bounces_goes_to_the_postmaster_or_nowhere(system: Open) -> None:
    mta = system(notify_classes="2bounce", **{"2bounce_notice_recipient": "boss"})
    _notice(mta, [bounce(0, "5.1.1", "no")], Kind.FAILURE, sender="")
    (report,) = _answer(mta)
    assert report["To"] == "boss@mx.test.example"
    assert report["Subject"] == "Postmaster Copy: Undelivered Mail"
    assert report["Auto-Submitted"] == "auto-generated"
    assert "X-Postfix-Sender: rfc822; MAILER-DAEMON@mx.test.example" in report.as_string()
    queue_id = _notice(
        mta,
        [bounce(0, "5.1.1", "no")],
        Kind.FAILURE,
        sender="double-bounce@mx.test.example",
    )
    assert _answer(mta) == []
    assert f"{queue_id}: undeliverable postmaster notification discarded" in mta.log()


def test_a_message_without_content_is_reported_all_the_same(system: Open) -> None:
    mta = system()
    queue_id = _notice(mta, [bounce(0, "5.1.1", "no")], Kind.FAILURE)
    with mta.context.spool.transaction() as tx:
        content.abandon(tx, int(queue_id, 16))
    (report,) = _answer(mta)
    assert _parts(report) == ["text/plain", "message/delivery-status"]


def test_a_notice_that_somebody_else_answered_is_dropped(system: Open) -> None:
    mta = system()
    _notice(mta, [bounce(0, "5.1.1", "no")], Kind.FAILURE)
    stage = open_stage(mta.context)
    original = stage._report

    def lose(*arguments: object) -> object:
        # Somebody takes the claim away while the report is being written.
        with mta.context.spool.transaction() as tx:
            queues.release_all(tx, mta.context.process_id)
        return original(*arguments)

    stage._report = lose  # type: ignore[method-assign,assignment]
    mta.run(stage.run_once())
    assert mta.rows("SELECT * FROM maildrop") == []
    assert mta.states() == {"active": 1}
    (report,) = _answer(mta)
    assert report["To"] == SENDER
