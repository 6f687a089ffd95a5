"""Deliveries are paced and windows learnt, and a restart forgets neither."""

from tests.flow.conftest import MakeMta

TO_DISCARD = {"transport_maps": "inline:{slow.example=discard:, other.example=discard:}"}
TEN_SECONDS = {**TO_DISCARD, "discard_destination_rate_delay": "10s"}


def test_a_destination_rests_between_deliveries_as_it_is_told(make_mta: MakeMta) -> None:
    mta = make_mta(**TEN_SECONDS)
    for _ in range(3):
        mta.submit("a@x.example", ["b@slow.example"])
    mta.submit("a@x.example", ["b@other.example"])
    mta.run_until_idle()
    assert mta.states() == {"active": 2}
    mta.clock.jump(9)
    mta.run_until_idle()
    assert mta.states() == {"active": 2}
    mta.clock.jump(1)
    mta.run_until_idle()
    assert mta.states() == {"active": 1}


def test_a_rest_goes_on_after_a_restart(make_mta: MakeMta) -> None:
    mta = make_mta(**TEN_SECONDS)
    for _ in range(2):
        mta.submit("a@x.example", ["b@slow.example"])
    mta.run_until_idle()
    mta.restart(**TEN_SECONDS)
    mta.run_until_idle()
    assert mta.states() == {"active": 1}
    mta.clock.jump(10)
    mta.run_until_idle()
    assert mta.states() == {}


def test_a_transport_pauses_between_deliveries_as_it_is_told(make_mta: MakeMta) -> None:
    mta = make_mta(**TO_DISCARD, discard_transport_rate_delay="5s")
    mta.submit("a@x.example", ["b@slow.example"])
    mta.submit("a@x.example", ["b@other.example"])
    mta.run_until_idle()
    assert mta.states() == {"active": 1}
    mta.clock.jump(5)
    mta.run_until_idle()
    assert mta.states() == {}


def test_a_window_that_was_learnt_is_taken_up_by_the_next_queue_manager(
    make_mta: MakeMta,
) -> None:
    settings = {**TO_DISCARD, "initial_destination_concurrency": "2"}
    learnt = "SELECT concurrency FROM v1_destinations WHERE destination = 'slow.example'"
    mta = make_mta(**settings)
    for _ in range(40):
        mta.submit("a@x.example", ["b@slow.example"])
    for _ in range(4):
        mta.step()
        mta.clock.jump(11)
    [(window,)] = mta.rows(learnt)
    assert window > 2
    mta.restart(**settings)
    mta.step()
    mta.clock.jump(11)
    mta.step()
    assert mta.rows(learnt) >= [(window,)]
    mta.run_until_idle()
    mta.clock.jump(11)
    mta.run_until_idle()
    assert mta.rows(learnt) == []


def test_mail_of_a_deferred_transport_waits_until_somebody_asks_for_it(make_mta: MakeMta) -> None:
    mta = make_mta(**TO_DISCARD, defer_transports="discard, lmtp")
    mta.submit("a@x.example", ["b@slow.example"])
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    assert mta.rows("SELECT dsn, reason FROM outcome") == [("4.3.2", "deferred transport")]
    mta.clock.jump(300)
    mta.run_until_idle()
    assert mta.states() == {"deferred": 1}
    mta.flush()
    mta.run_until_idle()
    assert mta.states() == {}
