"""Mail that an agent leaves to another transport, in the commit that ends its own attempt."""

from spoolmta.message.outcome import Action, Outcome, Passed, defer
from spoolmta.spool import deliveries, plans, queues
from spoolmta.spool.deliveries import Report
from spoolmta.spool.outcomes import record_outcomes
from spoolmta.spool.plans import Plan
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta

LOOPS = "inline:{x.example=smtp:[127.0.0.1]}"


def test_mail_that_would_loop_goes_to_the_best_mx_transport(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps=LOOPS, best_mx_transport="discard:ours")
    queue_id = mta.submit("a@y.example", ["b@x.example", "c@x.example"])
    mta.run_until_idle()
    assert mta.states() == {}
    log = mta.log()
    for name in ("b", "c"):
        assert f"{queue_id}: passing <{name}@x.example> to transport=discard" in log
        assert f"{queue_id}: to=<{name}@x.example>, relay=none, " in log
    assert log.count("status=sent (ours)") == 2
    assert mta.events(queue_id).count("passed") == 2


def test_the_next_hop_stays_if_the_transport_has_none_of_its_own(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps=LOOPS, best_mx_transport="discard")
    mta.submit("a@y.example", ["b@x.example"])
    mta.run_until_idle()
    assert "status=sent ([127.0.0.1])" in mta.log()


def test_a_best_mx_transport_without_a_name_makes_mail_wait(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps=LOOPS, best_mx_transport=":nowhere")
    mta.submit("a@y.example", ["b@x.example"])
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert 'missing transport name in ":nowhere"' in mta.log()


def test_a_transport_that_nobody_serves_makes_passed_mail_wait(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps=LOOPS, best_mx_transport="nosuch")
    mta.submit("a@y.example", ["b@x.example"])
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert "status=deferred (mail transport unavailable)" in mta.log()


def test_mail_that_is_passed_in_a_circle_ends_as_a_bounce(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps=LOOPS, best_mx_transport="smtp")
    mta.submit("", ["b@x.example"])
    mta.run_until_idle()
    assert mta.states() == {}
    assert mta.log().count("passing <b@x.example> to transport=smtp") == 5
    assert "dsn=5.4.6, status=bounced (mail for b@x.example is passed on from" in mta.log()


def test_passed_mail_is_resolved_afresh_at_the_next_try(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps=LOOPS, best_mx_transport="retry:not now")
    mta.submit("a@y.example", ["b@x.example"])
    for _ in range(3):
        mta.run_until_idle()
        assert mta.states() == {"deferred": 1}
        mta.clock.jump(5000)
    assert mta.log().count("passing <b@x.example> to transport=retry") == 3


def test_what_is_passed_after_a_deferral_is_gone_once_it_is_delivered(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps="inline:{{x.example=retry:not now}}")
    queue_id = mta.submit("a@y.example", ["b@x.example"])
    mta.run_until_idle()
    mta.restart(transport_maps=LOOPS, best_mx_transport="discard:ours")
    mta.clock.jump(5000)
    mta.run_until_idle()
    assert mta.states() == {}
    assert mta.events(queue_id)[-3:] == ["granted", "sent", "removed"]


def test_of_several_deliveries_for_one_recipient_each_answer_stands_the_worst_first(
    mta: Mta,
) -> None:
    for answers in (
        (Action.SENT, Action.DEFERRED),
        (Action.DEFERRED, Action.SENT),
        (Action.SENT, Action.BOUNCED, Action.BOUNCED),
        (Action.BOUNCED, Action.SENT, Action.DEFERRED),
        (Action.SENT, Action.SENT),
    ):
        severity = (Action.DEFERRED, Action.BOUNCED, Action.SENT)
        worst = min(answers, key=severity.index)
        first, *others = _combined(mta, answers)
        assert first == worst
        assert sorted([first, *others]) == sorted(answers)


def test_an_attempt_that_is_not_ours_any_more_passes_nothing_on(mta: Mta) -> None:
    first = _attempted(mta)
    spool = mta.context.spool
    with spool.transaction() as tx:
        deliveries.withdraw(tx, [first.message_id])
        settled = deliveries.report(
            tx, mta.context.process_id, [(first, Report((), passed=(_passed("m1"),)))]
        )
    assert settled.lost == (first,)
    assert mta.rows("SELECT * FROM delivery WHERE message_id = ?", first.message_id) == []
    with spool.transaction() as tx:
        queues.remove(tx, "active", [first.message_id])


def _passed(name: str) -> Passed:
    return Passed(0, f"{name}@z.example", "discard", "z.example", "z.example")


def _attempted(mta: Mta) -> deliveries.Delivery:
    """Return the delivery of a message, deferred before, that the harness attempts."""
    message_id = int(mta.submit("a@y.example", ["list@x.example"]), 16)
    spool, process_id = mta.context.spool, mta.context.process_id
    with spool.transaction() as tx:
        record_outcomes(tx, message_id, (defer(0, "4.0.0", "last time"),), {})
    mta.clock.jump(300)
    with spool.transaction() as tx:
        queues.claim(tx, "incoming", process_id, 1)
        queues.activate(tx, process_id, [message_id], [])
        plans.plan(tx, [Plan(message_id, "local", "x.example", "", ((0, "list@x.example"),))])
    return _claimed(mta, "local")[0]


def _claimed(mta: Mta, transport: str) -> list[deliveries.Delivery]:
    spool = mta.context.spool
    with spool.transaction() as tx:
        waiting = [w for w in deliveries.waiting(tx, 0, 10) if w.transport == transport]
        deliveries.grant(tx, waiting)
        claim = deliveries.claim_granted(tx, transport, mta.context.process_id, 10)
    return deliveries.load(spool, claim.delivery_ids)


def _combined(mta: Mta, answers: tuple[Action, ...]) -> list[str]:
    """Return what is on record, by part, when each passed delivery of a recipient has ended."""
    spool, process_id = mta.context.spool, mta.context.process_id
    first = _attempted(mta)
    with spool.transaction() as tx:
        passed = tuple(_passed(f"m{number}") for number in range(len(answers)))
        deliveries.report(tx, process_id, [(first, Report((), passed=passed))])
    for delivery, action in zip(_claimed(mta, "discard"), answers, strict=True):
        with spool.transaction() as tx:
            said = Report((Outcome(0, action, "2.0.0", "as told"),))
            deliveries.report(tx, process_id, [(delivery, said)])
    rows = mta.rows(
        "SELECT action FROM outcome WHERE message_id = ? AND part >= 0 ORDER BY part",
        first.message_id,
    )
    with spool.transaction() as tx:
        deliveries.withdraw(tx, [first.message_id])
        queues.remove(tx, "active", [first.message_id])
    return [str(action) for (action,) in rows]
