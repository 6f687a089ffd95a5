"""postsuper -e: mail that an operator wants returned is not tried any more."""

import pytest

from spoolmta.spool.surgery import admin, expiry, operations
from spoolmta.spool.surgery.operations import Deed
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta
from tests.support.surgery import BY, operate, take_back


def expire(mta: Mta, queue_id: str) -> None:
    operate(mta, "force-expire", [int(queue_id, 16)])


def expire_and_release(mta: Mta, queue_id: str) -> None:
    """Do what postsuper -f does."""
    with mta.context.spool.transaction() as tx:
        operation = operations.begin(tx, Deed("force-expire", BY))
        for verb in (admin.expire, admin.release):
            verb(tx, [int(queue_id, 16)], operation)
        operations.finish(tx, operation, 1)


def hold(mta: Mta) -> str:
    """Return a message that is held."""
    queue_id = mta.submit("alice@inbox.example", ["x@far.example", "y@far.example"])
    operate(mta, "hold", [int(queue_id, 16)])
    return queue_id


def reports(mta: Mta) -> int:
    return len(mta.maildir("inbox.example", "alice"))


@pytest.fixture
def mta(make_mta: MakeMta) -> Mta:
    return make_mta(relay_transport="retry:4.4.1 nobody answers", relay_domains="far.example")


def test_deferred_mail_is_returned_with_its_last_reason_when_it_is_due(make_mta: MakeMta) -> None:
    mta = make_mta(relay_transport="retry:4.4.1 nobody answers", relay_domains="far.example")
    queue_id = mta.submit("alice@inbox.example", ["x@far.example"])
    mta.run_until_idle()
    expire(mta, queue_id)
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    mta.clock.jump(4000)
    mta.run_until_idle()
    assert mta.states() == {}
    mta.assert_sound()
    (notice,) = mta.maildir("inbox.example", "alice")
    assert b"nobody answers" in notice
    assert f"{queue_id}: from=<alice@inbox.example>, status=force-expired, returned" in mta.log()


def test_mail_that_was_never_tried_is_returned_for_the_operators_reason(
    make_mta: MakeMta,
) -> None:
    mta = make_mta()
    queue_id = mta.submit("alice@inbox.example", ["x@far.example"])
    expire(mta, queue_id)
    other = mta.submit("x@news.example", ["bob@inbox.example"])
    mta.run_until_idle()
    assert mta.states() == {}
    mta.assert_sound()
    (notice,) = mta.maildir("inbox.example", "alice")
    assert b"message is administratively expired" in notice
    assert len(mta.maildir("inbox.example", "bob")) == 1
    assert "dsn=4.7.0, status=deferred (message is administratively expired)" in mta.log()
    assert f"{other}: removed" in mta.log()


def test_a_requeue_forgets_what_was_asked(make_mta: MakeMta) -> None:
    mta = make_mta()
    queue_id = mta.submit("alice@inbox.example", ["bob@inbox.example"])
    expire(mta, queue_id)
    with mta.context.spool.transaction() as tx:
        admin.requeue(tx, [int(queue_id, 16)])
    mta.run_until_idle()
    assert len(mta.maildir("inbox.example", "bob")) == 1


def test_an_undo_takes_the_wish_back_and_the_mail_is_tried_again(mta: Mta) -> None:
    queue_id = mta.submit("alice@inbox.example", ["x@far.example"])
    mta.run_until_idle()
    expire(mta, queue_id)
    mta.clock.jump(1)
    undone = take_back(mta)
    assert (undone.back, undone.left) == ([int(queue_id, 16)], {})
    assert not expiry.marked(mta.context.spool, [int(queue_id, 16)])
    mta.clock.jump(4000)
    mta.run_until_idle()
    assert (mta.states(), reports(mta)) == ({"deferred": 1}, 0)


def test_an_undo_of_expiry_and_release_holds_the_mail_again_without_the_wish(mta: Mta) -> None:
    queue_id = hold(mta)
    expire_and_release(mta, queue_id)
    mta.clock.jump(1)
    undone = take_back(mta)
    assert (undone.back, undone.left) == ([int(queue_id, 16)], {})
    assert mta.states() == {"hold": 1}
    operate(mta, "release", [int(queue_id, 16)])
    mta.run_until_idle()
    assert (mta.states(), reports(mta)) == ({"deferred": 1}, 0)


def test_an_undo_leaves_the_older_wish_of_another_command(mta: Mta) -> None:
    queue_id = hold(mta)
    expire(mta, queue_id)
    mta.clock.jump(1)
    expire_and_release(mta, queue_id)
    take_back(mta)
    assert mta.states() == {"hold": 1}
    assert expiry.marked(mta.context.spool, [int(queue_id, 16)])
    take_back(mta)
    assert not expiry.marked(mta.context.spool, [int(queue_id, 16)])


def test_an_undo_says_so_if_the_mail_was_returned_or_delivered_already(mta: Mta) -> None:
    queue_id = hold(mta)
    expire_and_release(mta, queue_id)
    mta.plan()
    telling = take_back(mta)
    assert list(telling.left) == ["is being reported to its sender at this moment"]
    mta.run_until_idle()
    assert (mta.states(), reports(mta)) == ({}, 1)
    undone = take_back(mta)
    assert (undone.back, list(undone.left)) == (
        [],
        ["was returned: the report to the sender is written"],
    )
    active = mta.submit("alice@inbox.example", ["bob@inbox.example"])
    mta.plan()
    expire(mta, active)
    mta.run_until_idle()
    assert list(take_back(mta).left) == ["has left the queue"]
    assert len(mta.maildir("inbox.example", "bob")) == 1


def test_an_undo_of_an_expiry_at_once_leaves_no_trace_of_it(mta: Mta) -> None:
    queue_id = mta.submit("alice@inbox.example", ["x@far.example"])
    mta.run_until_idle()
    operate(mta, "expire", [int(queue_id, 16)])
    mta.clock.jump(1)
    assert take_back(mta).back == [int(queue_id, 16)]
    mta.clock.jump(4000)
    mta.run_until_idle()
    assert (mta.states(), reports(mta)) == ({"deferred": 1}, 0)
    assert not expiry.marked(mta.context.spool, [int(queue_id, 16)])
