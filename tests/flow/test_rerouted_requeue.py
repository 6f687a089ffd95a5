"""A way that an operator gave to one of several recipients, when the message is requeued."""

from pathlib import Path

import pytest

from spoolmta.spool.surgery import edits, operations, undo
from spoolmta.spool.surgery.operations import Deed
from spoolmta.spool.surgery.undo import Undone
from spoolmta.spool.surgery.ways import Route
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta
from tests.support.surgery import BY, operate

PEOPLE = ("alice@inbox.example", "a@x.example", "b@x.example", "c@x.example")
ALL_WAIT = "inline:{ {x.example = retry:4.3.0 not today} {y.example = retry:4.3.0 not today} }"
BELOW = "SELECT operation_id, transport FROM reroute ORDER BY number, operation_id"


@pytest.fixture
def mta(make_mta: MakeMta) -> Mta:
    return make_mta(transport_maps=ALL_WAIT)


def waiting(mta: Mta) -> int:
    """Return a message: alice has it, the others wait."""
    number = int(mta.submit("s@news.example", PEOPLE), 16)
    mta.run_until_idle()
    mta.clock.jump(1)
    return number


def reroute(mta: Mta, message_id: int, address: str, transport: str = "discard") -> int:
    """Give one recipient another way; return the number that undoes it."""
    rows = mta.rows("SELECT number, address FROM recipient WHERE message_id = ?", message_id)
    these = {(message_id, number) for number, one in rows if one == address}
    with mta.context.spool.transaction() as tx:
        operation = operations.begin(tx, Deed("reroute", BY))
        done = edits.reroute(tx, [message_id], Route(transport, ""), these, operation)
        operations.finish(tx, operation, len(done.done))
    mta.clock.jump(1)
    return operation.operation_id


def requeue(mta: Mta, message_id: int, **settings: str) -> int:
    """Requeue a message, which is not picked up yet; return the number that undoes it."""
    if settings:
        mta.restart(transport_maps=ALL_WAIT, **settings)
    assert operate(mta, "requeue", [message_id]).done == [message_id]
    mta.clock.jump(1)
    found = operations.find(mta.context.spool)
    assert found is not None
    return found.operation_id


def take_back(mta: Mta, number: int) -> Undone:
    operation = operations.find(mta.context.spool, number)
    assert operation is not None
    with mta.context.spool.transaction() as tx:
        return undo.undo(tx, operation, BY)


def sent(mta: Mta) -> list[str]:
    """Return who was delivered to, in the order of deliveries."""
    return [
        row[0] for row in mta.rows("SELECT recipient FROM event WHERE kind = 'sent' ORDER BY 1")
    ]


def left(mta: Mta) -> list[str]:
    return [row[0] for row in mta.rows("SELECT address FROM recipient ORDER BY number")]


@pytest.mark.parametrize("address", PEOPLE[1:])
def test_a_requeue_takes_the_way_of_a_recipient_along(mta: Mta, address: str) -> None:
    message = waiting(mta)
    reroute(mta, message, address)
    requeue(mta, message)
    mta.run_until_idle()
    assert sent(mta) == sorted(["alice@inbox.example", address])
    assert mta.states() == {"deferred": 1}


def test_a_way_ends_with_its_recipient_and_binds_no_other(mta: Mta) -> None:
    message = waiting(mta)
    reroute(mta, message, "a@x.example", "discard")
    mta.run_until_idle()
    assert sent(mta) == ["a@x.example", "alice@inbox.example"]
    requeue(mta, message)
    mta.run_until_idle()
    assert left(mta) == ["b@x.example", "c@x.example"]
    assert sent(mta) == ["a@x.example", "alice@inbox.example"]
    assert mta.rows(BELOW) == []


def test_a_way_ends_when_its_recipient_is_dropped(mta: Mta) -> None:
    message = waiting(mta)
    reroute(mta, message, "c@x.example")
    with mta.context.spool.transaction() as tx:
        operation = operations.begin(tx, Deed("drop-recipient", BY))
        edits.drop_recipient(tx, [message], "c@x.example", operation)
        operations.finish(tx, operation, 1)
        operation = operations.begin(tx, Deed("add-recipient", BY))
        edits.add_recipient(tx, [message], "d@x.example", operation)
        operations.finish(tx, operation, 1)
    mta.run_until_idle()
    assert sent(mta) == ["alice@inbox.example"]


def test_each_step_is_taken_back_by_itself(mta: Mta) -> None:
    message = waiting(mta)
    first = reroute(mta, message, "b@x.example", "retry")
    second = reroute(mta, message, "b@x.example", "discard")
    before = mta.rows("SELECT * FROM reroute")
    again = requeue(mta, message)
    assert list(take_back(mta, second).left) == [
        "was changed by a later command, which stands: undo that first"
    ]
    assert take_back(mta, again).back == [message]
    assert mta.rows("SELECT * FROM reroute") == before
    assert take_back(mta, second).back == [message]
    assert mta.rows(BELOW) == [(first, "retry")]
    assert take_back(mta, first).back == [message]
    assert mta.rows(BELOW) == []
    mta.run_until_idle()
    assert sent(mta) == ["alice@inbox.example"]


def test_a_way_is_taken_back_also_after_the_requeue_was_picked_up(mta: Mta) -> None:
    message = waiting(mta)
    first = reroute(mta, message, "b@x.example", "retry")
    second = reroute(mta, message, "b@x.example", "discard")
    again = requeue(mta, message)
    mta.plan()
    assert list(take_back(mta, again).left) == ["is not as it was left any more"]
    assert mta.rows(BELOW) == [(first, "retry"), (second, "discard")]
    assert take_back(mta, second).back == [message]
    mta.run_until_idle()
    mta.clock.jump(5000)
    mta.run_until_idle()
    assert take_back(mta, first).back == [message]
    assert mta.rows(BELOW) == []
    # What was answered before the requeue is not brought back.
    assert left(mta) == ["a@x.example", "b@x.example", "c@x.example"]


def test_changed_recipients_are_not_brought_back_after_a_requeue(mta: Mta) -> None:
    message = waiting(mta)
    operate(mta, "drop-recipient", [message])
    mta.clock.jump(1)
    dropped = operations.find(mta.context.spool)
    assert dropped is not None
    requeue(mta, message)
    mta.run_until_idle()
    assert list(take_back(mta, dropped.operation_id).left) == [
        "was requeued since, which numbered its recipients afresh; change them by hand"
    ]
    assert left(mta) == ["a@x.example", "c@x.example"]


def test_a_way_stays_with_what_becomes_of_the_recipient_in_its_domain(
    mta: Mta, tmp_path: Path
) -> None:
    message = waiting(mta)
    number = reroute(mta, message, "b@x.example")
    aliases = tmp_path / "aliases"
    aliases.write_text("b@x.example bob@X.example, b@y.example, bob@inbox.example\n")
    requeue(mta, message, virtual_alias_maps=f"texthash:{aliases}")
    mta.run_until_idle()
    assert sent(mta) == ["alice@inbox.example", "bob@X.example", "bob@inbox.example"]
    told = mta.rows("SELECT recipient, detail ->> 'transport' FROM event WHERE kind = 'unrouted'")
    assert sorted(told) == [("b@y.example", "discard"), ("bob@inbox.example", "discard")]
    assert [row[0] for row in mta.rows(BELOW)] == [number]


def test_of_two_recipients_that_become_one_it_goes_the_way_of_the_rerouted(
    mta: Mta, tmp_path: Path
) -> None:
    message = waiting(mta)
    reroute(mta, message, "c@x.example")
    aliases = tmp_path / "aliases"
    aliases.write_text("c@x.example B@x.example\n")
    settings = {"virtual_alias_maps": f"texthash:{aliases}", "enable_original_recipient": "no"}
    requeue(mta, message, **settings)
    mta.run_until_idle()
    assert sent(mta) == ["alice@inbox.example", "b@x.example"]
    assert left(mta) == ["a@x.example", "b@x.example"]
