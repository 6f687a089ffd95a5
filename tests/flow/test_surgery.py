"""What an operator's verbs make of mail, every stage at work; and what an undo makes of them."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoolmta.message.envelope import Recipient
from spoolmta.spool.connection import Row
from spoolmta.spool.questions import inspect
from spoolmta.spool.questions.audit import audit
from spoolmta.spool.state import State
from spoolmta.spool.surgery import edits, operations
from spoolmta.spool.surgery.admin import Done
from spoolmta.spool.surgery.operations import Deed
from spoolmta.spool.surgery.ways import Route
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta
from tests.support.surgery import BY, VERBS, operate, take_back

BOUNCED = "relay=none, delay=AGE, delays=AGE/0/0/0, dsn=5.7.0, status=bounced (no)"
NOT_TRIED = (
    "relay=none, delay=AGE, delays=AGE/0/0/0, dsn=4.7.0,"
    " status=deferred (message is administratively expired)"
)
LATER = "inline:{ {x.example = retry:4.3.0 not today} {z.example = discard:} }"
ROWS = (
    *State, "trash", "message", "recipient", "outcome", "crash", "reroute", "priority", "notice",
    "forced_expiry",
    "delivery", "delivery_recipient",
)  # fmt: skip


@pytest.fixture
def mta(make_mta: MakeMta) -> Mta:
    return make_mta(transport_maps=LATER)


def do(mta: Mta, verb: str, *queue_ids: str) -> Done:
    return operate(mta, verb, [int(one, 16) for one in queue_ids])


def deferred(mta: Mta) -> str:
    queue_id = mta.submit("s@news.example", ["alice@inbox.example", "a@x.example", "b@x.example"])
    mta.run_until_idle()
    return queue_id


def rows(mta: Mta) -> dict[str, list[Row]]:
    return {table: sorted(mta.rows(f"SELECT * FROM {table}"), key=repr) for table in ROWS}


def test_rerouted_mail_goes_elsewhere_at_once_whatever_the_tables_say(mta: Mta) -> None:
    do(mta, "reroute", deferred(mta))
    mta.run_until_idle()
    assert mta.states() == {}


def test_a_route_stands_at_every_later_try_until_it_is_undone(mta: Mta) -> None:
    queue_id = mta.submit("s@news.example", ["a@z.example"])
    number = int(queue_id, 16)
    with mta.context.spool.transaction() as tx:
        operation = operations.begin(tx, Deed("reroute", BY))
        edits.reroute(tx, [number], Route("retry", "4.3.0 not there"), None, operation)
        operations.finish(tx, operation, 1)
    for _ in range(3):
        mta.clock.jump(5000)
        mta.run_until_idle()
        assert mta.states() == {"deferred": 1}
    assert take_back(mta).back == [number]
    mta.run_until_idle()
    mta.clock.jump(5000)
    mta.run_until_idle()
    assert mta.states() == {}


def test_only_the_recipients_that_are_meant_are_rerouted(mta: Mta) -> None:
    queue_id = deferred(mta)
    with mta.context.spool.transaction() as tx:
        operation = operations.begin(tx, Deed("reroute", BY))
        number = int(queue_id, 16)
        edits.reroute(tx, [number], Route("discard", ""), {(number, 1)}, operation)
    mta.run_until_idle()
    answers = {a.address: a.answer for a in inspect.recipients(mta.context.spool, number)}
    assert answers == {
        "alice@inbox.example": "sent", "a@x.example": "sent", "b@x.example": "deferred",
    }  # fmt: skip


def test_bounced_mail_is_reported_to_its_sender_with_the_reason(mta: Mta) -> None:
    queue_id = mta.submit("alice@inbox.example", ["a@x.example"])
    mta.run_until_idle()
    do(mta, "bounce", queue_id)
    mta.run_until_idle()
    assert mta.states() == {}
    (report,) = mta.maildir("inbox.example", "alice")
    assert b"5.7.0" in report
    undone = take_back(mta)
    assert (undone.back, list(undone.left)) == (
        [],
        ["was returned: the report to the sender is written"],
    )


def test_prioritised_mail_goes_before_all_that_waits(make_mta: MakeMta) -> None:
    mta = make_mta(
        virtual_destination_concurrency_limit="1", virtual_initial_destination_concurrency="1"
    )
    for number in range(5):
        mta.submit("s@news.example", [f"u{number}@inbox.example"])
    last = mta.submit("s@news.example", ["alice@inbox.example"])
    do(mta, "prioritise", last)
    mta.run_until_idle()
    granted = mta.rows("SELECT message_id FROM event WHERE kind = 'granted' ORDER BY event_id")
    # One was under way already.
    assert int(last, 16) in {row[0] for row in granted[:2]}


def test_a_replaced_recipient_gets_the_mail_once(mta: Mta) -> None:
    do(mta, "replace-recipient", deferred(mta))
    mta.clock.jump(5000)
    mta.run_until_idle()
    assert len(mta.maildir("inbox.example", "bob")) == 1
    assert len(mta.maildir("inbox.example", "alice")) == 1


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("steps", range(6))
def test_a_verb_in_the_middle_of_anything_and_its_undo_lose_and_double_nothing(
    mta: Mta, verb: str, steps: int
) -> None:
    queue_id = mta.submit("s@news.example", [Recipient("alice@inbox.example")])
    for _ in range(steps):
        mta.step()
    if do(mta, verb, queue_id).done:
        mta.step()
        take_back(mta)
    mta.run_until_idle()
    mta.assert_sound()
    delivered = len(mta.maildir("inbox.example", "alice"))
    assert delivered <= 1
    ended = {row[0] for row in mta.rows("SELECT kind FROM event")} & {"sent", "bounced"}
    assert delivered or mta.states() or ended


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_leaves_mail_alone_that_has_its_answers_and_is_about_to_end(
    make_mta: MakeMta, verb: str
) -> None:
    mta = make_mta(transport_maps="inline:{ {x.example = error:5.1.1 nobody} }")
    queue_id = mta.submit("alice@inbox.example", ["a@x.example", "b@x.example"])
    while not mta.rows("SELECT 1 FROM report"):
        mta.step()
    done = do(mta, verb, queue_id)
    mta.run_until_idle()
    assert mta.states() in ({}, {"hold": 1}, {"trash": 1})
    if not done.done:
        (report,) = mta.maildir("inbox.example", "alice")
        assert b"5.1.1" in report


@settings(max_examples=25, deadline=None)
@given(
    # What is being returned is active, and that is resolved afresh.
    before=st.lists(st.sampled_from(sorted(VERBS.keys() - {"bounce", "expire"})), max_size=3),
    verb=st.sampled_from(sorted(VERBS)),
)
def test_a_verb_and_its_undo_leave_the_same_rows(before: list[str], verb: str) -> None:
    with TemporaryDirectory() as folder, Mta(Path(folder), {"transport_maps": LATER}) as mta:
        ids = [deferred(mta), mta.submit("t@news.example", ["a@x.example", "b@x.example"])]
        for one in before:
            do(mta, one, *ids)
            mta.clock.jump(1)
        was = rows(mta)
        if do(mta, verb, *ids).done:
            mta.clock.jump(1)
            undone = take_back(mta)
            assert not undone.left
            assert rows(mta) == was


def test_the_sender_hears_of_who_is_left_after_a_recipient_was_dropped(mta: Mta) -> None:
    queue_id = mta.submit("alice@inbox.example", ["b@x.example", "c@x.example", "d@x.example"])
    mta.run_until_idle()
    do(mta, "drop-recipient", queue_id)
    do(mta, "bounce", queue_id)
    mta.run_until_idle()
    (report,) = mta.maildir("inbox.example", "alice")
    told = re.findall(rb"^Final-Recipient: rfc822; (.*?)\r?$", report, re.MULTILINE)
    assert told == [b"c@x.example", b"d@x.example"]


def test_the_sender_hears_of_who_is_left_of_requeued_mail_that_is_refused(
    make_mta: MakeMta, tmp_path: Path
) -> None:
    checks = tmp_path / "checks"
    checks.write_text("/^Subject: hello/ REJECT not this\n")
    mta = make_mta(transport_maps=LATER, header_checks=f"regexp:{checks}")
    people = ["bob@inbox.example", "b@x.example"]
    queue_id = mta.submit("alice@inbox.example", people, b"Subject: hello\r\n\r\ntext\r\n")
    mta.run_until_idle()
    do(mta, "requeue", queue_id)
    mta.run_until_idle()
    (report,) = mta.maildir("inbox.example", "alice")
    assert b"Final-Recipient: rfc822; b@x.example\n" in report
    *_, (_, account) = audit(mta.context.spool)
    assert not account.violators


@pytest.mark.parametrize(
    ("verb", "lines"),
    [
        (
            "bounce",
            [
                f"error: ID: to=<a@x.example>, {BOUNCED}",
                f"error: ID: to=<b@x.example>, {BOUNCED}",
            ],
        ),
        ("expire", ["qmgr: ID: from=<bob@inbox.example>, status=expired, returned to sender"]),
    ],
)
def test_the_log_tells_of_mail_that_an_operator_returned_as_of_any_other(
    mta: Mta, verb: str, lines: list[str]
) -> None:
    people = ["alice@inbox.example", "a@x.example", "b@x.example"]
    queue_id = mta.submit("bob@inbox.example", people)
    mta.run_until_idle()
    before = len(mta.log())
    do(mta, verb, queue_id)
    mta.run_until_idle()
    told = [*_lines(mta, before, queue_id)]
    assert told[0].startswith("qmgr: ID: from=<bob@inbox.example>, size=")
    assert told[0].endswith(", nrcpt=2 (queue active)")
    assert told[1:-2] == lines
    assert told[-2].startswith("bounce: ID: sender non-delivery notification: ")
    assert told[-1] == "qmgr: ID: removed"


def test_the_log_tells_the_reason_of_expired_mail_that_was_never_tried(mta: Mta) -> None:
    queue_id = mta.submit("", ["a@x.example"])
    do(mta, "expire", queue_id)
    mta.run_until_idle()
    assert _lines(mta, 0, queue_id)[1:] == [
        f"error: ID: to=<a@x.example>, {NOT_TRIED}",
        "qmgr: ID: from=<>, status=expired, returned to sender",
        "qmgr: ID: removed",
    ]


def test_mail_that_is_returned_after_an_undo_has_the_lines_of_its_own_end(mta: Mta) -> None:
    queue_id = mta.submit("s@news.example", ["a@x.example"])
    mta.run_until_idle()
    do(mta, "expire", queue_id)
    take_back(mta)
    before = len(mta.log())
    mta.clock.jump(6 * 86_400)
    mta.run_until_idle()
    ends = [line for line in _lines(mta, before, queue_id) if "expired" in line]
    assert ends == ["qmgr: ID: from=<s@news.example>, status=expired, returned to sender"]


def _lines(mta: Mta, after: int, queue_id: str) -> list[str]:
    """Return what the log says of a message: program and text, its id and times replaced."""
    found = re.findall(rf"postfix/(\w+)\[\d+\]: {queue_id}(: .*)", mta.log()[after:])
    aged = (re.sub(r"(delays?=)[\d.]+", r"\1AGE", text) for _, text in found)
    return [f"{program}: ID{text}" for (program, _), text in zip(found, aged, strict=True)]
