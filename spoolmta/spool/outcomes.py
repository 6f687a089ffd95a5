"""The latest answers for recipients: written by agents and the queue manager.

A recipient has one for each destination that it comes down to. Part 0 is the worst of them, and
counts for the recipient. Destinations that are not to get the message again have parts below 0,
which stay while the others are tried.

Writes:     outcome, event
"""

from collections.abc import Iterable, Sequence

from spoolmta.message.outcome import Action, Answer, Delivery, Outcome, Served, passed_name
from spoolmta.spool import events
from spoolmta.spool.connection import Reader, Transaction

_SEVERITY = (Action.SENT, Action.BOUNCED, Action.DEFERRED)


def record_outcomes(
    tx: Transaction, message_id: int, outcomes: Sequence[Outcome], addresses: dict[int, str]
) -> None:
    """Write outcomes and their events; *addresses* maps recipient numbers to addresses."""
    _put_instead(tx, message_id, outcomes)
    record_answers(tx, message_id, outcomes, addresses)


def _put_instead(tx: Transaction, message_id: int, outcomes: Sequence[Outcome]) -> None:
    """Write the latest answers for recipients of a message, in the place of all earlier ones."""
    told = [key for o in outcomes if _may_be_told(o) for key in _told(tx, message_id, o.number)]
    placed = [placed for o in outcomes for placed in enumerate((o, *o.further))]
    tx.run_many(
        "delete_further_outcomes", ((message_id, o.number, len(o.further)) for o in outcomes)
    )
    _put_parts(tx, message_id, placed)
    for part, outcome in placed if told else ():
        key = _key(outcome)
        if key in told:
            told.remove(key)
            tx.run("mark_noticed", (message_id, outcome.number, part))


def _may_be_told(outcome: Outcome) -> bool:
    """Return whether the sender may have heard of this end of a destination, at an earlier try."""
    if outcome.further:
        return True
    return bool(outcome.answers) and (outcome.action is Action.BOUNCED or not outcome.address)


def _told(tx: Transaction, message_id: int, number: int) -> list[tuple[int, str, str, str, str]]:
    bindings = {"message_id": message_id, "number": number}
    return [(number, *row) for row in tx.run("load_told", bindings)]


def _key(outcome: Outcome) -> tuple[int, str, str, str, str]:
    action = str(outcome.action)
    return (outcome.number, action, outcome.dsn, outcome.address, outcome.reason)


def record_answers(
    tx: Transaction, message_id: int, outcomes: Iterable[Outcome], addresses: dict[int, str]
) -> None:
    """Write the events of answers."""
    events.record_many(
        tx,
        (
            (
                message_id,
                str(answer.outcome.action),
                answer.address,
                _detail(answer.outcome, o.number),
            )
            for o in outcomes
            for answer in o.answers or (Answer(addresses.get(o.number, ""), "", o),)
        ),
    )


def put_outcomes(tx: Transaction, delivery: Delivery, outcomes: Sequence[Outcome]) -> None:
    """Write outcomes; those of what was passed on beside what is known of the same recipient.

    A recipient that was passed on may have several deliveries in one activation of its message.
    """
    known: dict[int, list[str]] = {}
    if delivery.passes:
        for number, _, action in tx.run("load_fresh_actions", (delivery.message_id,)):
            known.setdefault(number, []).append(action)
    _put_instead(tx, delivery.message_id, [o for o in outcomes if o.number not in known])
    for outcome in outcomes:
        if outcome.number in known:
            _put_beside(tx, delivery.message_id, outcome, known[outcome.number])
    if delivery.passes:
        _put_passed(tx, delivery, outcomes)


def put_served(tx: Transaction, message_id: int, served: Iterable[Served]) -> None:
    """Write which destinations are not to get a message again."""
    tx.run_many(
        "put_served",
        (
            {
                "message_id": message_id,
                "number": one.number,
                "destination": one.destination,
                "now": tx.now,
            }
            for one in served
        ),
    )


def served(reader: Reader, message_id: int, number: int) -> set[str]:
    """Return the names of the destinations of a recipient that are not to get it again."""
    bindings = {"message_id": message_id, "number": number}
    return {row[0] for row in reader.read("load_served", bindings)}


def _put_passed(tx: Transaction, delivery: Delivery, outcomes: Iterable[Outcome]) -> None:
    sent = {outcome.number for outcome in outcomes if outcome.action is Action.SENT}
    put_served(
        tx,
        delivery.message_id,
        (Served(r.number, passed_name(r.address)) for r in delivery.recipients if r.number in sent),
    )


def _put_beside(tx: Transaction, message_id: int, outcome: Outcome, known: Sequence[str]) -> None:
    """Write an outcome of a recipient beside others, whose actions are *known*, by part."""
    free = len(known)
    if _SEVERITY.index(outcome.action) > _SEVERITY.index(Action(known[0])):
        bindings = {"message_id": message_id, "number": outcome.number, "part": free}
        tx.run("make_further_outcome", bindings)
        parts = [0, *range(free + 1, free + 1 + len(outcome.further))]
    else:
        parts = list(range(free, free + 1 + len(outcome.further)))
    _put_parts(tx, message_id, zip(parts, (outcome, *outcome.further), strict=True))


def _put_parts(tx: Transaction, message_id: int, placed: Iterable[tuple[int, Outcome]]) -> None:
    now = tx.now
    tx.run_many(
        "put_outcome",
        (
            (
                message_id,
                o.number,
                part,
                o.action,
                o.dsn,
                o.reason,
                o.relay,
                o.remote,
                o.reply,
                o.tell_success or "" if o.action is Action.SENT else "",
                o.address,
                now,
            )
            for part, o in placed
        ),
    )


def _detail(outcome: Outcome, number: int) -> str:
    """Return what the journal says of an answer for the recipient of this number."""
    if not number:
        return events.detail(dsn=outcome.dsn, relay=outcome.relay, reason=outcome.reason)
    return events.detail(dsn=outcome.dsn, relay=outcome.relay, reason=outcome.reason, number=number)
