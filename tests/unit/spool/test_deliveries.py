"""planned -> granted -> attempt -> report -> answered."""

from collections.abc import Callable

from spoolmta.clock import ManualClock
from spoolmta.message.outcome import Action, Delivery, Outcome, bounce, defer
from spoolmta.spool import completion, deliveries, notices, plans, processes, queues
from spoolmta.spool.connection import Spool, numbers
from spoolmta.spool.deliveries import Claim, Report, Verdict, Waiting
from spoolmta.spool.liveness import Process
from spoolmta.spool.outcomes import record_outcomes
from spoolmta.spool.plans import Plan
from spoolmta.spool.queues import NewMessage

Make = Callable[..., NewMessage]
SENT = Outcome(0, Action.SENT, "2.0.0", "ok", tell_success=None)


def planned(spool: Spool, process_id: int, message: NewMessage) -> Waiting:
    with spool.transaction() as tx:
        queues.enqueue(tx, "incoming", message)
        queues.claim(tx, "incoming", process_id, 1)
        queues.activate(tx, process_id, [message.message_id], [])
        plan = Plan(message.message_id, "smtp", "y.example", "y.example", ((0, "b@y.example"),))
        (delivery_id,) = plans.plan(tx, [plan])
    return Waiting(delivery_id, message.message_id, "smtp", "y.example")


def attempted(spool: Spool, process_id: int, message: NewMessage) -> Delivery:
    waiting = planned(spool, process_id, message)
    with spool.transaction() as tx:
        deliveries.grant(tx, [waiting])
        claim = deliveries.claim_granted(tx, "smtp", process_id, 10)
    (delivery,) = deliveries.load(spool, claim.delivery_ids)
    return delivery


def test_a_planned_delivery_waits_until_it_is_granted(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    waiting = planned(spool, process_id, new_message())
    assert deliveries.waiting(spool, 0, 10) == [waiting]
    with spool.transaction() as tx:
        assert deliveries.grant(tx, [waiting]) == {waiting.delivery_id}
    assert deliveries.waiting(spool, 0, 10) == []


def test_a_claimed_delivery_carries_what_its_agent_needs(
    spool: Spool, process_id: int, new_message: Make, clock: ManualClock
) -> None:
    message = new_message()
    delivery = attempted(spool, process_id, message)
    assert (delivery.sender, delivery.nexthop) == ("a@x.example", "y.example")
    assert [(r.number, r.address) for r in delivery.recipients] == [(0, "b@y.example")]
    assert (delivery.arrived_at, delivery.attempted_at) == (clock.now(), clock.now())


def test_agents_take_only_what_is_granted_to_their_transport(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    waiting = planned(spool, process_id, new_message())
    with spool.transaction() as tx:
        assert deliveries.claim_granted(tx, "smtp", process_id, 10) == Claim()
        deliveries.grant(tx, [waiting])
        assert deliveries.claim_granted(tx, "lmtp", process_id, 10) == Claim()


def test_what_two_processes_died_with_is_taken_alone_by_one_with_empty_hands(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    def grant_and_claim(waiting: Waiting, process: int) -> Claim:
        with spool.transaction() as tx:
            deliveries.grant(tx, [waiting])
            return deliveries.claim_granted(tx, "smtp", process, 10)

    suspect = planned(spool, process_id, new_message())
    for number in (1, 2):
        grant_and_claim(suspect, process_id + number)
        with spool.transaction() as tx:
            processes.prune(tx, Process(process_id + number, "smtp", 1, 1, "another boot"))
            deliveries.forget_reports(tx, [suspect.delivery_id])
    innocent = planned(spool, process_id, new_message())
    first = grant_and_claim(innocent, process_id)
    assert first == Claim((innocent.delivery_id,))
    assert grant_and_claim(suspect, process_id) == Claim((), pause=True)
    (delivery,) = deliveries.load(spool, first.delivery_ids)
    with spool.transaction() as tx:
        deliveries.report(tx, process_id, [(delivery, Report((SENT,)))])
    another = planned(spool, process_id, new_message())
    assert grant_and_claim(another, process_id) == Claim((suspect.delivery_id,), pause=True)


def test_a_message_that_everyone_has_is_gone_with_the_report(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    delivery = attempted(spool, process_id, new_message())
    with spool.transaction() as tx:
        settled = deliveries.report(tx, process_id, [(delivery, Report((SENT,)))])
        assert tx.run("states_of_messages", {"ids": numbers([delivery.message_id])}) == []
    assert settled.removed == (delivery,)
    (reported,) = deliveries.reports(spool, 10)
    assert reported.delivery is None


def test_a_message_that_was_deferred_before_is_left_to_the_queue_manager(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    delivery = attempted(spool, process_id, new_message())
    deferral = defer(0, "4.0.0", "not now")
    with spool.transaction() as tx:
        record_outcomes(tx, delivery.message_id, (deferral,), {})
        settled = deliveries.report(tx, process_id, [(delivery, Report((SENT,)))])
    assert settled.removed == ()
    (reported,) = deliveries.reports(spool, 10)
    with spool.transaction() as tx:
        deliveries.forget_reports(tx, [reported.delivery_id])
        deliveries.answer(tx, [reported.delivery_id])
        (answered,) = completion.answered(tx, [delivery.message_id])
    assert answered.open == ()


def test_an_end_that_the_sender_was_told_of_is_not_told_again_while_the_rest_is_tried(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    message_id = attempted(spool, process_id, new_message()).message_id

    def answer(*ends: Outcome) -> list[tuple[int, bool]]:
        waits = defer(0, "4.0.0", "not now", further=ends)
        with spool.transaction() as tx:
            record_outcomes(tx, message_id, (waits,), {})
        known = notices.outcomes(spool, message_id)
        told = [(message_id, one.number, one.part) for one in known if one.part]
        with spool.transaction() as tx:
            tx.run_many("mark_noticed", told)
        return [(one.part, one.noticed) for one in known]

    first, second = (bounce(0, "5.1.1", "no", address=address) for address in ("a@x", "b@x"))
    assert answer(first, second) == [(0, False), (1, False), (2, False)]
    assert answer(first, second) == [(0, False), (1, True), (2, True)]
    assert answer(second) == [(0, False), (1, True)]
    assert answer(second, second) == [(0, False), (1, True), (2, False)]


def test_a_report_on_an_attempt_that_was_taken_away_is_dropped(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    delivery = attempted(spool, process_id, new_message())
    with spool.transaction() as tx:
        deliveries.withdraw(tx, [delivery.message_id])
        settled = deliveries.report(tx, process_id, [(delivery, Report((SENT,)))])
    assert settled.lost == (delivery,)
    assert deliveries.reports(spool, 10) == []


def test_attempts_of_a_dead_agent_are_reported_as_crashed(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    delivery = attempted(spool, process_id, new_message())
    with spool.transaction() as tx:
        processes.prune(tx, Process(process_id, "smtp", 1, 1, "another boot"))
    (reported,) = deliveries.reports(spool, 10)
    assert (reported.delivery_id, reported.feedback.verdict) == (
        delivery.delivery_id,
        Verdict.CRASHED,
    )


def test_a_message_that_cannot_be_read_is_set_aside_with_the_reason(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    message = new_message()
    delivery = attempted(spool, process_id, message)
    with spool.transaction() as tx:
        deliveries.report(tx, process_id, [(delivery, Report((SENT,), damage="no content"))])
    assert deliveries.reports(spool, 10) == []
    assert deliveries.existing(spool, [delivery.delivery_id]) == set()
    with spool.transaction() as tx:
        states = tx.run("states_of_messages", {"ids": numbers([message.message_id])})
    assert states == [(message.message_id, "corrupt")]
