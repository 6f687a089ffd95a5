"""Numbers of deliveries: they only grow, whoever plans and whatever has moved to the history."""

from collections.abc import Callable

from spoolmta.spool import events, plans, queues
from spoolmta.spool.connection import Spool
from spoolmta.spool.history import History
from spoolmta.spool.plans import Plan
from spoolmta.spool.queues import NewMessage

Make = Callable[..., NewMessage]


def planned(spool: Spool, process_id: int, message: NewMessage, count: int) -> list[int]:
    """Plan *count* deliveries of a new message; return their numbers."""
    hop = ("smtp", "y.example", "y.example")
    with spool.transaction() as tx:
        queues.enqueue(tx, "incoming", message)
        queues.claim(tx, "incoming", process_id, 1)
        queues.activate(tx, process_id, [message.message_id], [])
        recipients = [((number, "b@y.example"),) for number in range(count)]
        return list(plans.plan(tx, [Plan(message.message_id, *hop, one) for one in recipients]))


def test_a_delivery_has_the_number_of_its_event(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    numbers = planned(spool, process_id, new_message(), 3)
    rows = spool._connection.execute(
        "SELECT event_id FROM event WHERE kind = 'resolved' ORDER BY event_id"
    ).fetchall()
    assert [row[0] for row in rows] == numbers


def test_the_numbers_grow_when_everything_is_delivered_and_all_history_has_moved(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    message = new_message()
    before = planned(spool, process_id, message, 2)
    with spool.transaction() as tx:
        queues.remove(tx, "active", [message.message_id])
        tx.run("delete_deliveries", {"ids": queues.numbers(before)})
        events.record(tx, events.NO_MESSAGE, "flushed")
    while History(spool).move():
        pass
    assert spool._connection.execute("SELECT count(*) FROM event").fetchall() == [(1,)]
    assert min(planned(spool, process_id, new_message(), 2)) > max(before)
