"""Standing rules: what they make of mail that is queued and of mail that comes, and of its end."""

import json

import pytest

from spoolmta.message.envelope import Client, Trace
from spoolmta.message.outcome import Action as Ended
from spoolmta.message.outcome import Delivery, Outcome
from spoolmta.spool import deliveries
from spoolmta.spool.deliveries import Report
from spoolmta.spool.questions import inspect
from spoolmta.spool.questions.audit import audit
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin, bindings, edits, operations, rules, selection
from spoolmta.spool.surgery.operations import Author, Deed
from spoolmta.spool.surgery.rule import Action, Rule, Slowness, Terms
from spoolmta.spool.surgery.selection import Selector
from spoolmta.spool.surgery.ways import Route
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta
from tests.support.replay import replay

LATER = "inline:{ {x.example = retry:4.3.0 not today} {z.example = discard:} }"
BY = Author("carol", 1000)
FROM_NEWS = Selector(sender=("*@news.example",))
FOR_INBOX = Selector(domain=("inbox.example",))


@pytest.fixture
def mta(make_mta: MakeMta) -> Mta:
    return make_mta(transport_maps=LATER)


def make(
    mta: Mta,
    action: Action,
    selection_: Selector = FROM_NEWS,
    lasts: float | None = None,
    **how: object,
) -> Rule:
    """Make a rule as the command does."""
    spool = mta.context.spool
    now = mta.clock.now()
    meant = selection.select(spool, selection_, states=bindings.BINDABLE).message_ids
    ends_at = None if lasts is None else now + lasts
    terms = Terms(action, selection_, ends_at=ends_at, **how)
    with spool.transaction() as tx:
        rule = rules.add(tx, terms, BY, "ticket 17")
        bindings.begin(tx, rule, meant, now)
    return rule


def end(mta: Mta, rule: Rule, *, release: bool = False) -> None:
    with mta.context.spool.transaction() as tx:
        assert bindings.end(tx, rule, "carol", "over", release=release) is not None


def new(mta: Mta, *recipients: str, sender: str = "s@news.example", **envelope: object) -> str:
    queue_id = mta.submit(sender, recipients or ["alice@inbox.example"], **envelope)
    mta.run_until_idle()
    return queue_id


def alices(mta: Mta) -> int:
    return len(mta.maildir("inbox.example", "alice"))


def told_by_the_journal(mta: Mta) -> None:
    """The tables can be told from the events, and every recipient is accounted for."""
    lives = replay(mta.rows("SELECT at, message_id, kind, detail FROM event ORDER BY event_id"))
    for state in State:
        rows = mta.rows(f"SELECT message_id FROM {state}")
        assert {row[0] for row in rows} == {i for i, life in lives.items() if life.state == state}
    assert not [one for _, account in audit(mta.context.spool) for one in account.violators]


def test_new_mail_that_fits_is_held_and_other_mail_is_not(mta: Mta) -> None:
    make(mta, Action.HOLD)
    new(mta)
    new(mta, sender="s@shop.example")
    assert mta.states() == {"hold": 1}
    assert alices(mta) == 1
    (reason,) = mta.rows("SELECT reason FROM hold")
    assert reason == ("rule 1 of carol: ticket 17",)
    assert "hold: rule 1 of carol: ticket 17" in mta.log()
    told_by_the_journal(mta)


def test_queued_mail_that_fits_is_held_at_once(mta: Mta) -> None:
    new(mta, "a@x.example")
    mta.submit("s@news.example", ["alice@inbox.example"])
    make(mta, Action.HOLD)
    assert mta.states() == {"hold": 2}
    told_by_the_journal(mta)


def test_held_mail_stays_when_the_rule_is_removed_and_goes_if_that_is_asked_for(mta: Mta) -> None:
    rule = make(mta, Action.HOLD)
    new(mta)
    end(mta, rule)
    mta.run_until_idle()
    assert mta.states() == {"hold": 1}
    again = make(mta, Action.HOLD)
    new(mta)
    end(mta, again, release=True)
    mta.run_until_idle()
    assert mta.states() == {"hold": 1}
    assert alices(mta) == 1
    told_by_the_journal(mta)


def test_what_somebody_released_is_not_held_again(mta: Mta) -> None:
    rule = make(mta, Action.HOLD)
    queue_id = new(mta)
    with mta.context.spool.transaction() as tx:
        admin.release(tx, [int(queue_id, 16)])
    mta.run_until_idle()
    assert (mta.states(), alices(mta)) == ({}, 1)
    with mta.context.spool.transaction() as tx:
        assert bindings.count(tx, rule) == 1


def test_suspended_mail_waits_untried_and_goes_when_the_rule_ends(mta: Mta) -> None:
    rule = make(mta, Action.SUSPEND)
    queue_id = new(mta)
    for _ in range(8):
        mta.clock.jump(86_400)  # beyond its lifetime
        mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert set(mta.events(queue_id)) == {"accepted", "postponed"}
    end(mta, rule)
    mta.run_until_idle()
    assert (mta.states(), alices(mta)) == ({}, 1)
    assert mta.rows("SELECT * FROM bound") == []


def test_a_rule_ends_by_itself_at_its_time(mta: Mta) -> None:
    make(mta, Action.SUSPEND, lasts=600)
    new(mta)
    mta.clock.jump(599)
    mta.run_until_idle()
    assert alices(mta) == 0
    mta.clock.jump(1)
    mta.run_until_idle()
    assert (mta.states(), alices(mta)) == ({}, 1)
    (rule,) = rules.every(mta.context.spool)
    assert (rule.ended_by, rule.ended_at) == ("time", mta.clock.now())


def test_a_rule_survives_a_restart_and_ends_at_the_start_if_its_time_has_come(mta: Mta) -> None:
    make(mta, Action.SUSPEND, lasts=600)
    new(mta)
    mta.restart(transport_maps=LATER)
    new(mta)
    assert mta.states() == {"deferred": 2}
    mta.clock.jump(700)
    mta.restart(transport_maps=LATER)
    mta.run_until_idle()
    assert (mta.states(), alices(mta)) == ({}, 2)


def test_mail_on_its_way_to_agents_is_called_back_and_suspended(mta: Mta) -> None:
    mta.submit("s@news.example", ["alice@inbox.example"])
    mta.plan()
    assert mta.states() == {"active": 1}
    rule = make(mta, Action.SUSPEND)
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    told_by_the_journal(mta)
    end(mta, rule)
    mta.run_until_idle()
    assert alices(mta) == 1


def test_deferred_mail_that_is_suspended_is_not_tried_when_it_is_due_nor_when_it_is_flushed(
    mta: Mta,
) -> None:
    queue_id = new(mta, "a@x.example")
    tried = mta.events(queue_id).count("deferred")
    rule = make(mta, Action.SUSPEND)
    mta.clock.jump(5000)
    mta.run_until_idle()
    mta.flush()
    mta.run_until_idle()
    assert mta.events(queue_id).count("deferred") == tried
    end(mta, rule)
    mta.run_until_idle()
    assert mta.events(queue_id).count("deferred") == tried + 1


def test_recipients_beside_suspended_ones_get_their_mail(mta: Mta) -> None:
    rule = make(mta, Action.SUSPEND, Selector(recipient=("bob@*",)))
    queue_id = new(mta, "alice@inbox.example", "bob@inbox.example")
    mta.clock.jump(5000)
    mta.run_until_idle()
    answers = {
        a.address: a.answer for a in inspect.recipients(mta.context.spool, int(queue_id, 16))
    }
    assert answers == {"alice@inbox.example": "sent", "bob@inbox.example": "deferred"}
    assert "suspended by the administrator (rule 1)" in mta.log()
    told_by_the_journal(mta)
    end(mta, rule)
    mta.run_until_idle()
    assert (mta.states(), len(mta.maildir("inbox.example", "bob")), alices(mta)) == ({}, 1, 1)


def test_rerouted_mail_goes_elsewhere_new_and_queued_and_its_own_way_afterwards(mta: Mta) -> None:
    new(mta, "a@x.example")
    rule = make(mta, Action.REROUTE, transport="discard", nexthop="")
    queue_id = new(mta, "b@x.example")
    assert mta.states() == {}
    told = mta.rows(
        "SELECT detail FROM event WHERE kind = 'ruled' AND message_id = ?", int(queue_id, 16)
    )
    assert [json.loads(row[0]) for row in told] == [
        {"action": "reroute", "rule": 1, "by": "carol", "because": "ticket 17"}
    ]
    end(mta, rule)
    new(mta, "c@x.example")
    assert mta.states() == {"deferred": 1}


def test_mail_that_waits_to_go_elsewhere_goes_its_own_way_when_the_rule_ends(mta: Mta) -> None:
    rule = make(mta, Action.REROUTE, transport="retry", nexthop="4.3.0 not there")
    mta.submit("s@news.example", ["alice@inbox.example"])
    mta.plan()
    assert mta.rows("SELECT transport FROM delivery") == [("retry",)]
    end(mta, rule)
    mta.run_until_idle()
    assert (mta.states(), alices(mta)) == ({}, 1)


def test_bounced_recipients_are_returned_and_the_others_get_their_mail(mta: Mta) -> None:
    selected = Selector(recipient=("b@z.example",))
    make(mta, Action.BOUNCE, selected, dsn="5.7.1", text="not wanted here")
    new(mta, "bob@inbox.example", "b@z.example", sender="alice@inbox.example")
    assert (mta.states(), len(mta.maildir("inbox.example", "bob"))) == ({}, 1)
    (report,) = mta.maildir("inbox.example", "alice")
    assert b"Status: 5.7.1" in report
    assert b"not wanted here" in report


def test_queued_mail_is_returned_at_once(mta: Mta) -> None:
    new(mta, "a@x.example", sender="alice@inbox.example")
    make(mta, Action.BOUNCE, Selector(domain=("x.example",)), dsn="5.7.1", text="no")
    mta.run_until_idle()
    assert mta.states() == {}
    assert alices(mta) == 1


def test_slowed_mail_goes_beside_the_other_mail_of_its_destination(mta: Mta) -> None:
    make(mta, Action.SLOW_DOWN, slowness=Slowness(concurrency=2))
    for _ in range(5):
        mta.submit("s@news.example", ["alice@inbox.example"])
        mta.submit("s@shop.example", ["alice@inbox.example"])
    mta.plan()
    mta.run(mta.step_stages())
    granted = (
        "SELECT destination, count(*) FROM granted JOIN delivery USING (delivery_id) GROUP BY 1"
    )
    assert mta.rows(granted) == [("inbox.example", 5), ("rule:1:inbox.example", 2)]
    mta.run_until_idle()
    assert (mta.states(), alices(mta)) == ({}, 10)


def test_slowed_mail_rests_between_deliveries_until_the_rule_ends(mta: Mta) -> None:
    rule = make(mta, Action.SLOW_DOWN, slowness=Slowness(pause=60.0))
    for _ in range(5):
        mta.submit("s@news.example", ["alice@inbox.example"])
    mta.run_until_idle()
    assert alices(mta) == 1
    mta.clock.jump(60)
    mta.run_until_idle()
    assert alices(mta) == 2
    end(mta, rule)
    mta.run_until_idle()
    assert (mta.states(), alices(mta)) == ({}, 5)


def test_mail_on_its_way_is_slowed_down_and_after_a_restart_too(mta: Mta) -> None:
    for _ in range(3):
        mta.submit("s@news.example", ["alice@inbox.example"])
    mta.plan()
    make(mta, Action.SLOW_DOWN, slowness=Slowness(pause=60.0))
    mta.run_until_idle()
    assert alices(mta) == 1
    mta.restart(transport_maps=LATER)
    mta.run_until_idle()
    assert alices(mta) == 1
    mta.clock.jump(60)
    mta.run_until_idle()
    assert alices(mta) == 2


def test_hold_goes_before_bounce_and_the_latest_route_before_an_earlier_one(mta: Mta) -> None:
    make(mta, Action.BOUNCE, dsn="5.7.1", text="no")
    held = make(mta, Action.HOLD)
    new(mta, "a@x.example")
    assert mta.states() == {"hold": 1}
    end(mta, held)
    make(mta, Action.REROUTE, FOR_INBOX, transport="retry", nexthop="4.3.0 not there")
    make(mta, Action.REROUTE, FOR_INBOX, transport="discard")
    new(mta, sender="s@shop.example")
    assert (mta.states(), alices(mta)) == ({"hold": 1}, 0)


def test_mail_is_meant_by_its_client_login_and_next_hop(mta: Mta) -> None:
    client = Client(name="mx.shop.example", address="192.0.2.7", sasl_username="bob")
    for selected in (
        Selector(client=("192.0.2.*",)),
        Selector(client=("*.SHOP.example",)),
        Selector(sasl_user=("bob",)),
        Selector(nexthop=("INBOX.example",)),
    ):
        rule = make(mta, Action.HOLD, selected)
        new(mta, client=client)
        new(mta, "q@z.example", sender="s@other.example")
        assert mta.states() == {"hold": 1}, selected
        end(mta, rule, release=True)
        mta.run_until_idle()
        assert mta.states() == {}


def claimed(mta: Mta, transport: str, limit: int) -> list[Delivery]:
    """Let an agent take deliveries in hand."""
    mta.run(mta.step_stages())
    with mta.context.spool.transaction() as tx:
        ids = deliveries.claim_granted(tx, transport, mta.context.process_id, limit).delivery_ids
    return deliveries.load(mta.context.spool, ids)


def report_sent(mta: Mta, delivery: Delivery) -> None:
    outcomes = tuple(Outcome(r.number, Ended.SENT, "2.0.0", "taken") for r in delivery.recipients)
    with mta.context.spool.transaction() as tx:
        deliveries.report(tx, mta.context.process_id, [(delivery, Report(outcomes))])


@pytest.mark.parametrize("action", [Action.SUSPEND, Action.REROUTE, Action.HOLD])
def test_of_a_message_in_the_hands_of_an_agent_the_other_recipients_are_bound(
    make_mta: MakeMta, action: Action
) -> None:
    mta = make_mta(virtual_destination_recipient_limit="1")
    mta.submit("s@news.example", ["alice@inbox.example", "bob@inbox.example"])
    mta.plan()
    (delivery,) = claimed(mta, "virtual", 1)
    rule = make(mta, action, transport="discard" if action is Action.REROUTE else "")
    report_sent(mta, delivery)
    mta.run_until_idle()
    mta.clock.jump(5000)
    mta.run_until_idle()
    assert alices(mta) + len(mta.maildir("inbox.example", "bob")) == 0
    told_by_the_journal(mta)
    end(mta, rule, release=True)
    mta.run_until_idle()
    assert mta.states() == {}
    expected = 0 if action is Action.REROUTE else 1
    assert alices(mta) + len(mta.maildir("inbox.example", "bob")) == expected


def let_slices_pass(mta: Mta) -> None:
    for _ in range(8):
        mta.clock.jump(1)
        mta.run_until_idle()


def test_a_message_with_very_many_recipients_is_suspended_in_part(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps="inline:{ {y.example = discard:} {z.example = discard:} }")
    rule = make(mta, Action.SUSPEND, Selector(domain=("y.example",)))
    new(mta, *[f"u{n}@{'y' if n < 700 else 'z'}.example" for n in range(1300)])
    let_slices_pass(mta)
    answered = "SELECT answer, count(*) FROM v1_recipients GROUP BY answer ORDER BY answer"
    assert mta.rows(answered) == [("deferred", 700), ("sent", 600)]
    mta.clock.jump(5000)
    let_slices_pass(mta)
    assert mta.states() == {"deferred": 1}
    told_by_the_journal(mta)
    end(mta, rule)
    let_slices_pass(mta)
    assert mta.states() == {}


def test_a_message_with_very_many_recipients_is_held_also_when_it_is_half_way(
    make_mta: MakeMta,
) -> None:
    mta = make_mta(transport_maps="inline:{ {z.example = discard:} }")
    make(mta, Action.HOLD, Selector(recipient=("last@z.example",)))
    new(mta, *[f"u{n}@z.example" for n in range(1200)], "last@z.example")
    assert mta.states() == {"hold": 1}
    told_by_the_journal(mta)


def test_what_a_rule_kept_is_forgotten_when_it_is_gone(mta: Mta) -> None:
    rule = make(mta, Action.HOLD)
    ids = [int(new(mta), 16) for _ in range(5)]
    with mta.context.spool.transaction() as tx:
        admin.delete(tx, ids[:3])
    places = [0]
    while place := bindings.forget_gone(mta.context.spool, places[-1], 2):
        places.append(place)
    assert places == [0, ids[1], ids[3], ids[4]]
    assert bindings.count(mta.context.spool, rule) == 2


def test_probes_are_not_held(mta: Mta) -> None:
    make(mta, Action.HOLD)
    new(mta, trace=Trace.VERIFY)
    assert "hold" not in mta.states()


def test_a_route_for_one_message_stands_over_the_rules(mta: Mta) -> None:
    queue_id = new(mta, "a@x.example")
    with mta.context.spool.transaction() as tx:
        operation = operations.begin(tx, Deed("reroute", BY))
        edits.reroute(tx, [int(queue_id, 16)], Route("discard", ""), None, operation)
        operations.finish(tx, operation, 1)
    make(mta, Action.REROUTE, transport="retry", nexthop="4.3.0 not there")
    mta.run_until_idle()
    assert mta.states() == {}


def test_mail_that_is_resolved_while_a_rule_is_made_is_bound(mta: Mta) -> None:
    """What a stage has in hand, and the selection did not see, is taken out of it."""
    mta.submit("s@news.example", ["alice@inbox.example"])
    rewrite = mta._stages[1]
    claims = rewrite._claim()
    assert claims.claimed
    make(mta, Action.HOLD, Selector(nexthop=("inbox.example",)))
    planned, kept = mta.run(rewrite._plans(claims, claims.cut))
    assert rewrite._advance(claims, claims.cut, planned, kept) == 0
    mta.run_until_idle()
    assert mta.states() == {"hold": 1}
