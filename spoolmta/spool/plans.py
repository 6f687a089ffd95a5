"""Deliveries that are to be made: planned when a message becomes active, or passed on by an agent.

A delivery has the number of the event that tells of it, whoever plans: so the numbers are never
used twice and grow in the order of commits, by which the scheduler reads on.

Writes:     delivery, delivery_recipient, event
"""

from collections.abc import Sequence
from typing import NamedTuple

from spoolmta.message.outcome import Delivery, Passed
from spoolmta.spool import events
from spoolmta.spool.connection import Transaction


class Plan(NamedTuple):
    """A delivery to be made; *recipients* are (number, address to deliver to).

    *passes*: how often an agent has passed the recipient on.
    """

    message_id: int
    transport: str
    nexthop: str
    destination: str
    recipients: tuple[tuple[int, str], ...]
    passes: int = 0


def plan(tx: Transaction, plans: Sequence[Plan], *, event: str = "resolved") -> range:
    """Insert deliveries of messages that are, or in this transaction become, active.

    Return their numbers.
    """
    first = events.last_number(tx) + 1
    numbered = list(enumerate(plans, first))
    now = tx.now
    tx.run_many(
        "insert_delivery",
        (
            (number, p.message_id, p.transport, p.nexthop, p.destination, now, p.passes)
            for number, p in numbered
        ),
    )
    tx.run_many(
        "insert_delivery_recipient",
        ((number, *recipient) for number, p in numbered for recipient in p.recipients),
    )
    events.record_many(
        tx,
        (
            (
                p.message_id,
                event,
                p.recipients[0][1] if len(p.recipients) == 1 else "",
                events.detail(
                    transport=p.transport,
                    nexthop=p.nexthop,
                    recipients=len(p.recipients),
                    destination=p.destination,
                ),
            )
            for p in plans
        ),
    )
    return range(first, first + len(plans))


def pass_on(tx: Transaction, delivery: Delivery, passed: Sequence[Passed]) -> None:
    """Insert a delivery for each recipient that the agent of *delivery* has passed on."""
    if passed:
        plan(
            tx,
            [
                Plan(
                    delivery.message_id,
                    one.transport,
                    one.nexthop,
                    one.destination,
                    ((one.number, one.address),),
                    delivery.passes + 1,
                )
                for one in passed
            ],
            event="passed",
        )
