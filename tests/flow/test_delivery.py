"""Mail that is delivered at once."""

from spoolmta.spool import queues
from spoolmta.spool.state import State
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta


def test_a_message_reaches_its_maildir_and_leaves_only_its_history(mta: Mta) -> None:
    queue_id = mta.submit("a@x.example", ["alice@inbox.example"])
    mta.run_until_idle()
    (delivered,) = mta.maildir("inbox.example", "alice")
    assert delivered.startswith(b"Return-Path: <a@x.example>\n")
    assert delivered.endswith(b"\n\nBody.\n")
    assert mta.states() == {}
    assert mta.events(queue_id) == ["accepted", "resolved", "granted", "sent", "removed"]


def test_each_recipient_gets_a_copy(mta: Mta) -> None:
    mta.submit("a@x.example", ["alice@inbox.example", "bob@inbox.example"])
    mta.run_until_idle()
    assert len(mta.maildir("inbox.example", "alice")) == 1
    assert len(mta.maildir("inbox.example", "bob")) == 1


def test_the_log_tells_the_way_of_a_message_as_postfix_does(mta: Mta) -> None:
    queue_id = mta.submit("a@x.example", ["alice@inbox.example"])
    mta.run_until_idle()
    active, delivered, removed = [line.partition("]: ")[2] for line in mta.log().splitlines()]
    assert active == f"{queue_id}: from=<a@x.example>, size=61, nrcpt=1 (queue active)"
    assert delivered.startswith(f"{queue_id}: to=<alice@inbox.example>, relay=virtual, delay=")
    assert delivered.endswith("dsn=2.0.0, status=sent (delivered to maildir)")
    assert removed == f"{queue_id}: removed"


def test_a_discarded_message_is_gone(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps="inline:{x.example=discard:}")
    mta.submit("a@x.example", ["b@x.example"])
    mta.run_until_idle()
    assert mta.states() == {}
    assert "status=sent" in mta.log()


def test_recipients_of_one_destination_share_a_delivery_up_to_the_limit(make_mta: MakeMta) -> None:
    mta = make_mta(
        transport_maps="inline:{x.example=discard:}", discard_destination_recipient_limit="2"
    )
    mta.submit("a@x.example", [f"user{number}@x.example" for number in range(5)])
    mta.run_until_idle()
    resolved = mta.rows("SELECT detail ->> 'recipients' FROM event WHERE kind = 'resolved'")
    assert sorted(row[0] for row in resolved) == [1, 2, 2]


def test_the_active_queue_takes_no_more_than_its_limit(make_mta: MakeMta) -> None:
    mta = make_mta(qmgr_message_active_limit="3", transport_maps="inline:{x.example=discard:}")
    for _ in range(7):
        mta.submit("a@x.example", ["b@x.example"])
    mta.step()
    assert mta.states().get("active", 0) <= 3
    mta.run_until_idle()
    assert mta.states() == {}


def test_mail_on_hold_stays_until_somebody_releases_it(mta: Mta) -> None:
    mta.submit("a@x.example", ["alice@inbox.example"], state=State.HOLD)
    mta.run_until_idle()
    mta.clock.jump(100 * 86_400)
    mta.run_until_idle()
    assert mta.states() == {"hold": 1}


def test_a_message_without_envelope_goes_to_corrupt_and_the_rest_flows(mta: Mta) -> None:
    broken = mta.submit("a@x.example", ["alice@inbox.example"])
    mta.submit("a@x.example", ["bob@inbox.example"])
    with mta.context.spool.transaction() as tx:
        tx.run("delete_recipients", {"ids": queues.numbers([int(broken, 16)])})
    mta.run_until_idle()
    assert mta.states() == {"corrupt": 1}
    assert len(mta.maildir("inbox.example", "bob")) == 1


def test_next_hops_that_differ_in_case_alone_are_one_destination(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps="static:discard:", mydestination="")
    mta.submit("a@x.example", ["b@Far.example", "c@far.EXAMPLE"])
    mta.run_until_idle()
    resolved = mta.rows("SELECT detail FROM event WHERE kind = 'resolved'")
    assert len(resolved) == 1
    assert '"nexthop":"Far.example"' in resolved[0][0]


def test_mail_for_the_sender_of_double_bounces_is_discarded(make_mta: MakeMta) -> None:
    mta = make_mta(mydestination="here.example")
    mta.submit("", ["double-bounce@here.example"])
    mta.submit("", ["Double-Bounce@Here.example"])
    mta.run_until_idle()
    assert mta.states() == {}
    told = "relay=none, delay=0, delays=0/0/0/0, dsn=2.0.0, status=sent"
    assert mta.log().count(f"{told} (undeliverable postmaster notification discarded)") == 2
