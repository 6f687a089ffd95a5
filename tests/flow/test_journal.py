"""The journal tells everything: from the events alone follow the state tables and the answers."""

import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoolmta.message.envelope import Notify, Recipient
from spoolmta.spool.history import History
from spoolmta.spool.questions.audit import Audit, audit
from spoolmta.spool.queues import State
from spoolmta.spool.surgery import admin, operations
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta
from tests.support.replay import replay
from tests.support.surgery import VERBS, operate, take_back

DAY = 86_400
TABLES = {
    "transport_maps": "inline:{ {x.example = error:5.1.1 no such user},"
    " {late.example = retry:4.3.0 not today}, {gone.example = discard:thrown away} }",
    "virtual_alias_domains": "shop.example",
    "virtual_alias_maps": "inline:{ {both@shop.example = bob@inbox.example, x@x.example},"
    " {late@shop.example = a@late.example, alice@inbox.example} }",
    "delay_warning_time": "1h",
}
PLACES = (
    "bob@inbox.example", "alice@inbox.example", "x@x.example", "a@late.example", "b@late.example",
    "a@gone.example", "both@shop.example", "late@shop.example", "nobody@inbox.example",
)  # fmt: skip

PEOPLE = (
    ("alice@inbox.example",),
    ("a@late.example", "b@late.example"),
    ("x@x.example", "b@late.example", "bob@inbox.example"),
)


@pytest.fixture
def mta(make_mta: MakeMta) -> Mta:
    return make_mta(**TABLES)


def assert_the_journal_tells_the_tables(mta: Mta) -> None:
    events = mta.rows("SELECT at, message_id, kind, detail FROM event ORDER BY event_id")
    lives = replay(events)
    told = {message_id: (life.state, life.reason) for message_id, life in lives.items()}
    places = " UNION ALL ".join(
        f"SELECT message_id, '{state}', {'reason' if state in ('hold', 'corrupt') else repr('')}"
        f" FROM {state}"
        for state in State
    )
    assert told == {row[0]: row[1:] for row in mta.rows(places)}
    senders = {message_id: life.sender for message_id, life in lives.items()}
    here = "NOT EXISTS (SELECT 1 FROM trash WHERE trash.message_id = {}.message_id)"
    of = {name: here.format(name) for name in ("message", "recipient", "outcome")}
    rows = mta.rows(f"SELECT message_id, sender FROM message WHERE {of['message']}")
    assert senders == dict(rows)
    recipients = {(id_, n): a for id_, life in lives.items() for n, a in life.recipients.items()}
    rows = mta.rows(f"SELECT message_id, number, address FROM recipient WHERE {of['recipient']}")
    assert recipients == {row[:2]: row[2] for row in rows}
    answers = {(id_, n): a for id_, life in lives.items() for n, a in life.answers.items()}
    rows = mta.rows(
        f"SELECT message_id, number, action FROM outcome WHERE part = 0 AND {of['outcome']}"
    )
    assert answers == {row[:2]: row[2] for row in rows}
    due = {id_: life.retry_at for id_, life in lives.items() if life.retry_at is not None}
    rows = mta.rows("SELECT message_id, retry_at / 1000000.0 FROM deferred")
    assert due == pytest.approx(dict(rows))


def assert_nobody_is_unaccounted_for(mta: Mta) -> Audit:
    *_, (_, account) = audit(mta.context.spool)
    assert account.violators == []
    rows = mta.rows("SELECT count(*) FROM recipient")
    waiting = sum(account.accounts[state] for state in State)
    assert waiting <= rows[0][0]
    return account


def test_each_way_that_a_message_may_take_is_told(mta: Mta) -> None:
    mta.submit("a@x.example", ["bob@inbox.example", "x@x.example", "a@late.example"])
    mta.submit("", ["b@late.example", Recipient("x@x.example", notify=Notify.FAILURE)])
    mta.submit("root", ["both@shop.example", "a@gone.example"], state=State.MAILDROP)
    mta.submit("root", ["late@shop.example"], state=State.HOLD)
    for hours in (0, 1, 2, 40, 80):
        mta.clock.jump(hours * 3600)
        while mta.step():
            assert_the_journal_tells_the_tables(mta)
    assert mta.states() == {"hold": 1}
    accounts = assert_nobody_is_unaccounted_for(mta).accounts
    assert accounts["hold"] == 1
    assert all(accounts[name] for name in ("delivered", "bounced", "expired")), accounts
    assert "expired" in {row[0] for row in mta.rows("SELECT DISTINCT kind FROM event")}


def test_all_recipients_of_a_huge_message_are_named(mta: Mta) -> None:
    mta.submit("a@x.example", [f"u{number}@late.example" for number in range(1234)])
    mta.run_until_idle()
    assert_the_journal_tells_the_tables(mta)


@pytest.mark.parametrize("seed", range(4))
def test_operators_may_do_whatever_they_like(mta: Mta, seed: int) -> None:
    rng = random.Random(seed)
    verbs = (
        lambda tx, ids: admin.hold(tx, ids, "said so"),
        admin.release,
        admin.requeue,
        admin.delete,
        admin.make_due,
    )
    for _ in range(60):
        people = rng.sample(PLACES, rng.randrange(1, 4))
        mta.submit("a@x.example", people, state=rng.choice((State.INCOMING, State.MAILDROP)))
        for _ in range(rng.randrange(4)):
            mta.step()
        ids = [row[0] for row in mta.rows("SELECT message_id FROM message")]
        some = rng.sample(ids, min(len(ids), 3))
        with mta.context.spool.transaction() as tx:
            rng.choice(verbs)(tx, some)
        assert_the_journal_tells_the_tables(mta)
        assert_nobody_is_unaccounted_for(mta)
        mta.clock.jump(rng.choice((1, 600, 7000)))
    mta.run_until_idle()
    assert_the_journal_tells_the_tables(mta)
    while History(mta.context.spool).move():
        pass
    assert_nobody_is_unaccounted_for(mta)


@settings(max_examples=40, deadline=None)
@given(
    deeds=st.lists(
        st.tuples(
            st.sampled_from([*sorted(VERBS), "undo", "undo", "undo"]),
            st.integers(0, 3),  # how far the mail goes before it
            st.sampled_from([0, 1, 600, 90_000]),
            st.sampled_from(PEOPLE),
        ),
        max_size=8,
    )
)
def test_the_journal_tells_what_operators_did_and_took_back(
    deeds: list[tuple[str, int, int, tuple[str, ...]]],
) -> None:
    with TemporaryDirectory() as folder, Mta(Path(folder), TABLES) as mta:
        for verb, steps, pause, people in deeds:
            mta.submit("a@x.example", people)
            for _ in range(steps):
                mta.step()
            mta.clock.jump(pause)
            if verb != "undo":
                operate(mta, verb, [row[0] for row in mta.rows("SELECT message_id FROM message")])
            elif operations.find(mta.context.spool) is not None:
                take_back(mta)
            assert_the_journal_tells_the_tables(mta)
            assert_nobody_is_unaccounted_for(mta)
        mta.run_until_idle()
        assert_the_journal_tells_the_tables(mta)
        assert_nobody_is_unaccounted_for(mta)
