"""An operator's hand in the queue, and what the stages make of it."""

import pytest

from spoolmta.spool.questions import inspect
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin
from spoolmta.spool.surgery.admin import Done
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta

LATER = "inline:{ {x.example = retry:4.3.0 not today} }"


@pytest.fixture
def mta(make_mta: MakeMta) -> Mta:
    """One recipient has a mailbox, the other must wait."""
    return make_mta(transport_maps=LATER)


def number(queue_id: str) -> int:
    return int(queue_id, 16)


def deferred_message(mta: Mta) -> str:
    queue_id = mta.submit("s@news.example", ["alice@inbox.example", "b@x.example"])
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert len(mta.maildir("inbox.example", "alice")) == 1
    return queue_id


def test_held_mail_is_not_tried_however_long_it_is_held(mta: Mta) -> None:
    queue_id = deferred_message(mta)
    with mta.context.spool.transaction() as tx:
        admin.hold(tx, [number(queue_id)], "wait")
    mta.clock.jump(10 * 86_400)
    mta.run_until_idle()
    assert mta.states() == {"hold": 1}
    assert mta.events(queue_id)[-1] == "held"


def test_released_mail_is_tried_at_once_and_delivered_once(mta: Mta) -> None:
    queue_id = deferred_message(mta)
    with mta.context.spool.transaction() as tx:
        admin.hold(tx, [number(queue_id)], "wait")
    mta.run_until_idle()
    mta.restart(transport_maps="inline:{x.example=discard:}")
    with mta.context.spool.transaction() as tx:
        admin.release(tx, [number(queue_id)])
    mta.run_until_idle()
    assert mta.states() == {}
    assert len(mta.maildir("inbox.example", "alice")) == 1


def test_requeued_mail_passes_cleanup_and_reaches_only_who_waits(mta: Mta) -> None:
    queue_id = deferred_message(mta)
    with mta.context.spool.transaction() as tx:
        assert admin.requeue(tx, [number(queue_id)]) == Done([number(queue_id)])
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert len(mta.maildir("inbox.example", "alice")) == 1
    answers = list(inspect.recipients(mta.context.spool, number(queue_id)))
    assert [(a.address, a.answer) for a in answers] == [("b@x.example", "deferred")]
    assert "cleaned" in mta.events(queue_id)


def test_the_lifetime_of_requeued_mail_starts_afresh(mta: Mta) -> None:
    queue_id = deferred_message(mta)
    mta.clock.jump(4 * 86_400)
    with mta.context.spool.transaction() as tx:
        admin.requeue(tx, [number(queue_id)])
    mta.run_until_idle()
    mta.clock.jump(2 * 86_400)
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}


def test_deleted_mail_is_gone_and_its_history_is_not(mta: Mta) -> None:
    queue_id = deferred_message(mta)
    with mta.context.spool.transaction() as tx:
        admin.delete(tx, [number(queue_id)])
    mta.clock.jump(86_400)
    mta.run_until_idle()
    assert mta.states() == {}
    assert mta.events(queue_id)[-1] == "deleted"


def test_a_flush_tries_what_is_not_due(mta: Mta) -> None:
    queue_id = deferred_message(mta)
    mta.flush()
    mta.run_until_idle()
    assert mta.events(queue_id).count("deferred") == 2


@pytest.mark.parametrize("steps", range(8))
def test_a_hold_in_the_middle_of_anything_leaves_the_system_sound(mta: Mta, steps: int) -> None:
    """Whatever stage the message is in, it is held and later delivered, and nothing twice."""
    queue_id = mta.submit("s@news.example", ["alice@inbox.example"])
    for _ in range(steps):
        mta.step()
    with mta.context.spool.transaction() as tx:
        held = admin.hold(tx, [number(queue_id)], "wait").done
    mta.run_until_idle()
    assert mta.states() == ({"hold": 1} if held else {})
    with mta.context.spool.transaction() as tx:
        admin.release(tx, held)
    mta.run_until_idle()
    mta.assert_sound()
    assert mta.states() == {}
    assert len(mta.maildir("inbox.example", "alice")) == 1


@pytest.mark.parametrize("steps", range(8))
def test_a_requeue_in_the_middle_of_anything_delivers_once(mta: Mta, steps: int) -> None:
    queue_id = mta.submit("s@news.example", ["alice@inbox.example"], state=State.MAILDROP)
    for _ in range(steps):
        mta.step()
    with mta.context.spool.transaction() as tx:
        admin.requeue(tx, [number(queue_id)])
    mta.run_until_idle()
    assert mta.states() == {}
    assert len(mta.maildir("inbox.example", "alice")) == 1
