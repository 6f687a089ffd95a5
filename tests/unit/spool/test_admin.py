"""Hold, release, requeue, delete, flush: by what a message is left as."""

import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest

from spoolmta.errors import ClaimLost
from spoolmta.message.outcome import Action, Outcome
from spoolmta.spool import completion, deliveries, liveness, processes, queues
from spoolmta.spool.connection import numbers
from spoolmta.spool.deliveries import Report
from spoolmta.spool.outcomes import record_outcomes
from spoolmta.spool.questions import inspect
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin
from tests.support.sample_spool import SampleSpool

EVERY_STATE = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")
SENT = Outcome(0, Action.SENT, "2.0.0", "ok", tell_success=None)


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[SampleSpool]:
    sample = SampleSpool(tmp_path, getpass.getuser())
    yield sample
    sample.close()


def state_of(sample: SampleSpool, name: str) -> str | None:
    entry = inspect.find(sample.spool, sample.ids[name])
    return entry.state if entry else None


def last_event(sample: SampleSpool, name: str) -> str:
    return list(inspect.events(sample.spool, sample.number(name)))[-1].kind


@pytest.mark.parametrize("name", EVERY_STATE)
def test_a_deleted_message_leaves_its_history_alone(sample: SampleSpool, name: str) -> None:
    number = sample.number(name)
    with sample.spool.transaction() as tx:
        assert admin.delete(tx, [number]).done == [number]
    assert state_of(sample, name) is None
    assert list(inspect.recipients(sample.spool, number)) == []
    assert inspect.deliveries(sample.spool, number) == []
    assert last_event(sample, name) == "deleted"


@pytest.mark.parametrize("name", ["incoming", "active", "deferred"])
def test_a_held_message_waits_in_hold_with_the_reason(sample: SampleSpool, name: str) -> None:
    with sample.spool.transaction() as tx:
        admin.hold(tx, [sample.number(name)], "spam")
    entry = inspect.find(sample.spool, sample.ids[name])
    assert entry is not None
    assert (entry.state, entry.reason) == ("hold", "spam")
    assert last_event(sample, name) == "held"


@pytest.mark.parametrize("name", ["maildrop", "hold", "corrupt"])
def test_what_is_not_cleaned_up_or_held_already_is_not_held(sample: SampleSpool, name: str) -> None:
    with sample.spool.transaction() as tx:
        assert admin.hold(tx, [sample.number(name)], "spam").done == []
    assert state_of(sample, name) == name


def test_a_released_message_is_due_at_once(sample: SampleSpool) -> None:
    with sample.spool.transaction() as tx:
        assert admin.release(tx, [sample.number("hold")]).done == [sample.number("hold")]
    entry = inspect.find(sample.spool, sample.ids["hold"])
    assert entry is not None
    assert (entry.state, entry.next_try_at) == ("deferred", sample.clock.now())
    assert last_event(sample, "hold") == "released"


def test_a_requeued_message_keeps_only_recipients_that_wait(sample: SampleSpool) -> None:
    number = sample.number("deferred")
    with sample.spool.transaction() as tx:
        assert admin.requeue(tx, [number]).done == [number]
    assert state_of(sample, "deferred") == "maildrop"
    answers = [(r.address, r.answer) for r in inspect.recipients(sample.spool, number)]
    assert answers == [("bob@slow.example", "waiting")]


def test_a_corrupt_message_can_be_requeued(sample: SampleSpool) -> None:
    with sample.spool.transaction() as tx:
        admin.requeue(tx, [sample.number("corrupt")])
    assert state_of(sample, "corrupt") == "maildrop"


def test_only_the_states_that_are_meant_are_touched(sample: SampleSpool) -> None:
    everything = [sample.number(name) for name in EVERY_STATE]
    with sample.spool.transaction() as tx:
        assert admin.delete(tx, everything, (State.HOLD,)).done == [sample.number("hold")]
    assert state_of(sample, "deferred") == "deferred"


def test_an_unknown_id_is_left_alone(sample: SampleSpool) -> None:
    with sample.spool.transaction() as tx:
        assert admin.delete(tx, [1, 2]) == admin.Done()


def test_who_works_on_a_message_that_is_taken_away_loses_its_claim(sample: SampleSpool) -> None:
    number = sample.number("incoming")
    with sample.spool.transaction() as tx:
        assert queues.claim(tx, "incoming", sample.process_id, 10) == [number]
    with sample.spool.transaction() as tx:
        admin.hold(tx, [number], "spam")
    with pytest.raises(ClaimLost), sample.spool.transaction() as tx:
        queues.activate(tx, sample.process_id, [number], [])
    assert state_of(sample, "incoming") == "hold"


def test_the_report_on_a_deleted_message_is_dropped(sample: SampleSpool) -> None:
    (delivery,) = deliveries.load(sample.spool, [sample.under_way])
    with sample.spool.transaction() as tx:
        admin.delete(tx, [sample.number("active")])
        settled = deliveries.report(tx, sample.process_id, [(delivery, Report((SENT,)))])
    assert settled.lost == (delivery,)


def test_an_attempt_under_way_is_not_repeated_after_a_hold(sample: SampleSpool) -> None:
    number = sample.number("active")
    with sample.spool.transaction() as tx:
        admin.hold(tx, [number], "spam")
    sample.report(sample.under_way, SENT)
    with sample.spool.transaction() as tx:
        assert completion.answered(tx, [number]) == []
        admin.release(tx, [number])
    unanswered = queues.load_unanswered(sample.spool, [number])
    assert [address for _, address in unanswered[0].recipients] == ["e@other.example"]


def test_a_held_message_is_not_let_go_when_its_agent_dies(sample: SampleSpool) -> None:
    number = sample.number("active")
    with sample.spool.transaction() as tx:
        admin.hold(tx, [number], "spam")
        dead = liveness.Process(sample.process_id, "smtp", 1, 1, "")
        processes.prune(tx, dead)
        (report,) = tx.run("load_reports", {"limit": 10})
        deliveries.forget_reports(tx, [report[0]])
        assert deliveries.grant(tx, deliveries.waiting(sample.spool, 0, 100)) == set()


@pytest.mark.parametrize("verb", [admin.release, admin.requeue], ids=["release", "requeue"])
def test_what_an_agent_has_in_hand_is_named_and_left_alone(
    sample: SampleSpool, verb: object
) -> None:
    number = sample.number("active")
    with sample.spool.transaction() as tx:
        if verb is admin.release:
            admin.hold(tx, [number], "spam")
        done = verb(tx, [number])  # type: ignore[operator]
    assert (done.done, done.busy) == ([], [number])
    assert state_of(sample, "active") == ("hold" if verb is admin.release else "active")


def test_a_released_message_without_recipients_that_wait_ends(sample: SampleSpool) -> None:
    number = sample.number("hold")
    with sample.spool.transaction() as tx:
        record_outcomes(tx, number, (SENT,), {})
        admin.release(tx, [number])
    assert state_of(sample, "hold") is None


def test_a_bounce_that_nobody_was_told_of_is_tried_again(sample: SampleSpool) -> None:
    number = sample.number("hold")
    refused = Outcome(0, Action.BOUNCED, "5.1.1", "no such user")
    with sample.spool.transaction() as tx:
        record_outcomes(tx, number, (refused,), {})
        admin.release(tx, [number])
    assert state_of(sample, "hold") == "deferred"
    assert len(queues.load_unanswered(sample.spool, [number])[0].recipients) == 1


def test_a_notice_that_was_asked_for_goes_with_its_message(sample: SampleSpool) -> None:
    number = sample.number("active")
    sample.report(sample.under_way, SENT)
    with sample.spool.transaction() as tx:
        completion.ask_for_notice(tx, number, "failure", None)
        admin.requeue(tx, [number])
        assert tx.run("load_notices", {"ids": numbers([number])}) == []


def test_one_message_is_made_due_once(sample: SampleSpool) -> None:
    with sample.spool.transaction() as tx:
        assert admin.make_due(tx, [sample.number("deferred"), sample.number("hold")]) == 1
        assert admin.make_due(tx, [sample.number("deferred")]) == 0
