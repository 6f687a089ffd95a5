"""A message with very many recipients is brought in in slices, and holds up nobody."""

import pytest

from spoolmta.spool import slices
from spoolmta.spool.surgery import admin
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta

SETTINGS = {
    "transport_maps": "inline:{many.example=discard:, other.example=discard:}",
    "qmgr_message_active_limit": "20",
    "qmgr_message_recipient_limit": "40",
    "discard_destination_recipient_limit": "5",
    "discard_recipient_refill_limit": "10",
}


def people(count: int) -> list[str]:
    return [f"r{number}@many.example" for number in range(count)]


def planned(mta: Mta) -> int:
    count: int = mta.rows("SELECT count(*) FROM delivery_recipient")[0][0]
    return count


def test_a_large_message_becomes_active_with_as_many_recipients_as_there_is_room_for(
    make_mta: MakeMta,
) -> None:
    mta = make_mta(**SETTINGS)
    mta.submit("a@x.example", people(100))
    mta.plan()
    assert planned(mta) == 40
    assert mta.rows("SELECT next_number FROM unplanned") == [(40,)]


def test_every_recipient_of_a_large_message_gets_it_once(make_mta: MakeMta) -> None:
    mta = make_mta(**SETTINGS)
    queue_id = mta.submit("a@x.example", people(100))
    for _ in range(100):
        mta.step()
        assert planned(mta) <= 40
        mta.clock.jump(1)
    assert mta.states() == {}
    sent = mta.rows("SELECT recipient FROM event WHERE kind = 'sent'")
    assert sorted(sent) == sorted((address,) for address in people(100))
    assert mta.events(queue_id)[-1] == "removed"
    assert mta.log().count("nrcpt=100 (queue active)") == 1
    assert mta.rows("SELECT * FROM unplanned") == []


def test_each_message_gets_a_few_recipients_even_if_there_is_no_room(make_mta: MakeMta) -> None:
    mta = make_mta(**SETTINGS, qmgr_message_recipient_minimum="3")
    mta.submit("a@x.example", people(100))
    mta.submit("a@x.example", people(100))
    mta.plan()
    assert planned(mta) == 43


def test_a_message_that_came_later_does_not_wait_for_a_large_one(make_mta: MakeMta) -> None:
    mta = make_mta(**SETTINGS, discard_destination_rate_delay="10s")
    mta.submit("a@x.example", people(100))
    mta.run_until_idle()
    one = mta.submit("a@x.example", ["b@other.example"])
    mta.run_until_idle()
    assert mta.events(one)[-1] == "removed"
    assert mta.states() == {"active": 1}


def test_a_transport_has_a_limit_of_its_own(make_mta: MakeMta) -> None:
    mta = make_mta(**SETTINGS, discard_recipient_limit="20", discard_destination_rate_delay="10s")
    mta.submit("a@x.example", people(100))
    mta.run_until_idle()
    counts = []
    for _ in range(10):
        mta.clock.jump(10)
        mta.run_until_idle()
        counts.append(planned(mta))
    # What it began with ends first; then it is not filled beyond its own limit.
    assert counts[0] == 30
    assert max(counts[5:]) <= 20


def test_a_few_places_are_filled_only_after_a_while(make_mta: MakeMta) -> None:
    mta = make_mta(**SETTINGS, discard_destination_rate_delay="2s")
    mta.submit("a@x.example", people(100))
    mta.run_until_idle()
    mta.clock.jump(2)
    mta.run_until_idle()
    assert planned(mta) == 30  # ten had been answered, and made room for ten
    mta.clock.jump(1)
    mta.run_until_idle()
    assert planned(mta) == 40


@pytest.mark.parametrize("fate", ["hold", "delete", "requeue"])
def test_what_an_operator_takes_away_is_not_brought_in_any_more(
    make_mta: MakeMta, fate: str
) -> None:
    mta = make_mta(**SETTINGS)
    number = int(mta.submit("a@x.example", people(100)), 16)
    mta.plan()
    with mta.context.spool.transaction() as tx:
        if fate == "hold":
            admin.hold(tx, [number], "asked")
        elif fate == "delete":
            admin.delete(tx, [number])
        else:
            admin.requeue(tx, [number])
    assert mta.rows("SELECT * FROM unplanned") == []
    mta.run_until_idle()
    if fate == "hold":
        with mta.context.spool.transaction() as tx:
            admin.release(tx, [number])
    for _ in range(100):
        mta.step()
        mta.clock.jump(1)
    assert mta.states() == {}
    sent = mta.rows("SELECT count(DISTINCT recipient) FROM event WHERE kind = 'sent'")
    assert sent == [(0 if fate == "delete" else 100,)]


def test_a_slice_that_an_operator_takes_away_meanwhile_is_dropped(make_mta: MakeMta) -> None:
    mta = make_mta(**SETTINGS)
    number = int(mta.submit("a@x.example", people(100)), 16)
    mta.plan()
    with mta.context.spool.transaction() as tx:
        slices.claim(tx, mta.context.process_id, number)
    assert mta.step() > 0
    with mta.context.spool.transaction() as tx:
        admin.hold(tx, [number], "asked")
    mta.run_until_idle()
    assert mta.states() == {"hold": 1}


def test_the_next_queue_manager_goes_on_with_the_slices(make_mta: MakeMta) -> None:
    mta = make_mta(**SETTINGS)
    mta.submit("a@x.example", people(100))
    mta.plan()
    mta.restart(**SETTINGS)
    for _ in range(100):
        mta.step()
        mta.clock.jump(1)
    assert mta.states() == {}
    assert len(mta.rows("SELECT * FROM event WHERE kind = 'sent'")) == 100


def test_recipients_that_must_wait_are_tried_again_in_slices(make_mta: MakeMta) -> None:
    mta = make_mta(**SETTINGS, defer_transports="discard")
    mta.submit("a@x.example", people(100))
    for _ in range(20):
        mta.step()
        mta.clock.jump(1)
    assert mta.states() == {"deferred": 1}
    assert mta.rows("SELECT count(*) FROM outcome WHERE action = 'deferred'") == [(100,)]
    mta.flush()
    for _ in range(100):
        mta.step()
        mta.clock.jump(1)
    assert mta.states() == {}
