"""Mail that cannot be delivered now."""

import pytest

from tests.flow.conftest import MakeMta
from tests.support.mta import Mta

LATER = "inline:{ {x.example = retry:4.3.0 not today} }"
DAY = 86_400


@pytest.fixture
def deferring(make_mta: MakeMta) -> Mta:
    return make_mta(transport_maps=LATER, maximal_queue_lifetime="5d")


def attempts(mta: Mta) -> int:
    return int(mta.rows("SELECT count(*) FROM event WHERE kind = 'deferred'")[0][0])


def test_a_deferred_message_waits_for_the_minimal_backoff(deferring: Mta) -> None:
    deferring.submit("a@x.example", ["b@x.example"])
    deferring.run_until_idle()
    assert (deferring.states(), attempts(deferring)) == ({"deferred": 1}, 1)
    deferring.clock.jump(299)
    deferring.run_until_idle()
    assert attempts(deferring) == 1
    deferring.clock.jump(1)
    deferring.run_until_idle()
    assert attempts(deferring) == 2


def test_the_pause_grows_with_the_age_up_to_the_maximal_backoff(deferring: Mta) -> None:
    deferring.submit("a@x.example", ["b@x.example"])
    pauses = []
    for _ in range(7):
        deferring.run_until_idle()
        (retry_at,) = deferring.rows("SELECT retry_at FROM deferred")[0]
        pause = retry_at / 1_000_000 - deferring.clock.now()
        pauses.append(pause)
        deferring.clock.jump(pause)
    assert pauses == [300, 300, 600, 1200, 2400, 4000, 4000]


def test_the_reason_is_kept_with_the_recipient(deferring: Mta) -> None:
    deferring.submit("a@x.example", ["b@x.example"])
    deferring.run_until_idle()
    assert deferring.rows("SELECT dsn, reason FROM outcome") == [("4.3.0", "not today")]


def test_a_changed_map_reaches_queued_mail(deferring: Mta) -> None:
    deferring.submit("a@x.example", ["b@x.example"])
    deferring.run_until_idle()
    assert deferring.states() == {"deferred": 1}
    deferring.restart(transport_maps="inline:{x.example=discard:}")
    deferring.clock.jump(300)
    deferring.run_until_idle()
    assert deferring.states() == {}


def test_delivered_recipients_are_not_tried_again(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps=LATER)
    mta.submit("a@x.example", ["alice@inbox.example", "b@x.example"])
    for _ in range(3):
        mta.run_until_idle()
        mta.clock.jump(4000)
    assert len(mta.maildir("inbox.example", "alice")) == 1
    assert attempts(mta) == 3


def test_a_transport_that_does_not_exist_defers(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps="inline:{x.example=nowhere:}")
    mta.submit("a@x.example", ["b@x.example"])
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert mta.rows("SELECT reason FROM outcome") == [("mail transport unavailable",)]


def test_a_lookup_error_defers_and_never_bounces(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps="fail:down")
    mta.submit("a@x.example", ["b@x.example"])
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert mta.rows("SELECT dsn FROM outcome") == [("4.3.0",)]


def test_new_and_deferred_mail_alternate(deferring: Mta) -> None:
    for _ in range(3):
        deferring.submit("a@x.example", ["b@x.example"])
    deferring.run_until_idle()
    deferring.clock.jump(300)
    deferring.submit("a@x.example", ["alice@inbox.example"])
    deferring.run_until_idle()
    assert len(deferring.maildir("inbox.example", "alice")) == 1


def test_mail_that_was_flushed_is_not_tried_again_all_at_once(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps=LATER)
    for _ in range(20):
        mta.submit("a@x.example", ["b@x.example"])
    mta.run_until_idle()
    assert mta.rows("SELECT count(DISTINCT retry_at) FROM deferred") == [(1,)]
    mta.flush()
    mta.run_until_idle()
    now = int(mta.clock.now() * 1_000_000)
    assert mta.rows("SELECT count(DISTINCT retry_at) FROM deferred") == [(20,)]
    bounds = mta.rows(f"SELECT min(retry_at) - {now}, max(retry_at) - {now} FROM deferred")
    assert 300_000_000 <= bounds[0][0] < bounds[0][1] <= 330_000_000
