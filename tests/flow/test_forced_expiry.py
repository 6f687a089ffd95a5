"""postsuper -e: mail that an operator wants returned is not tried any more."""

from spoolmta.spool.surgery import admin
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta


def expire(mta: Mta, queue_id: str) -> None:
    with mta.context.spool.transaction() as tx:
        admin.expire(tx, [int(queue_id, 16)])


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
