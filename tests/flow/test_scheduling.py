"""Deliveries are paced and windows learnt, and a restart forgets neither."""

import pytest

from tests.flow.conftest import MakeMta
from tests.support.mta import Mta
from tests.support.scripted_server import ScriptedServer

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


def test_mail_that_waits_for_a_destination_is_not_looked_at_again(make_mta: MakeMta) -> None:
    domains = "slow", "first", "second"
    maps = "inline:{" + ", ".join(f"{name}.example=discard:" for name in domains) + "}"
    mta = make_mta(transport_maps=maps, discard_destination_rate_delay="1h")

    def steps_of_other_mail(name: str) -> int:
        mta.submit("a@x.example", [f"b@{name}.example"])
        return mta.database_steps(mta.run_until_idle)

    def let_wait(count: int) -> None:
        for _ in range(count):
            mta.submit("a@x.example", ["b@slow.example"])
        mta.run_until_idle()

    let_wait(20)
    few = steps_of_other_mail("first")
    let_wait(1000)
    many = steps_of_other_mail("second")
    assert mta.states() == {"active": 1019}
    assert few > 100
    assert many <= few * 1.2


PACE = "SELECT pace FROM v1_destinations WHERE pace IS NOT NULL"


def to(server: ScriptedServer, **settings: str) -> dict[str, str]:
    return {"relayhost": f"[127.0.0.1]:{server.port}", "relay_domains": "y.example", **settings}


def send(mta: Mta, count: int) -> None:
    for number in range(count):
        mta.submit("a@x.example", [f"r{number}@y.example"])


@pytest.mark.parametrize("reply", ["421 4.3.2 too busy", "450 4.7.1 too much mail from you"])
def test_a_destination_that_asks_for_less_gets_one_delivery_after_the_other(
    make_mta: MakeMta, reply: str
) -> None:
    with ScriptedServer({"MAIL": [reply, "250 2.1.0 Ok"]}) as server:
        mta = make_mta(**to(server, default_destination_slowdown_limit="60s"))
        send(mta, 1)
        mta.run_until_idle()
        assert mta.rows(PACE) == [(1.0,)]
        send(mta, 3)
        left = []
        for _ in range(3):
            mta.run_until_idle()
            left.append(mta.states().get("active", 0))
            mta.clock.jump(1)
    assert left == [2, 1, 0]


def test_a_destination_that_asks_for_less_is_not_heeded_without_the_option(
    make_mta: MakeMta,
) -> None:
    with ScriptedServer({"MAIL": ["450 4.7.1 too much mail from you", "250 2.1.0 Ok"]}) as server:
        mta = make_mta(**to(server))
        send(mta, 4)
        mta.run_until_idle()
        assert mta.states() == {"deferred": 1}
        assert mta.rows(PACE) == []


def test_a_pace_outlives_a_restart_and_comes_to_an_end(make_mta: MakeMta) -> None:
    with ScriptedServer({"MAIL": ["450 4.7.1 too much mail from you", "250 2.1.0 Ok"]}) as server:
        settings = to(server, default_destination_slowdown_limit="60s")
        mta = make_mta(**settings)
        send(mta, 1)
        mta.run_until_idle()
        mta.restart(**settings)
        send(mta, 2)
        mta.run_until_idle()
        assert mta.states() == {"active": 1, "deferred": 1}
        mta.clock.jump(4000)
        mta.run_until_idle()
        mta.clock.jump(11)
        mta.run_until_idle()
        assert mta.states() == {}
        assert mta.rows(PACE) == []
