"""Deliveries: some recipients of one message that go to one next hop by one transport.

planned (trivial_rewrite, plans.py) -> granted (qmgr) -> attempt (agent) -> report (agent) ->
answered (qmgr). A delivery is waiting while it stands in none of granted, attempt and report. The
report that ends a message, every recipient having it and nobody to be told, ends it at once; qmgr
is left the word on the destination.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from spoolmta.message.envelope import Notify, Trace
from spoolmta.message.outcome import Action, Delivery, DeliveryRecipient, Outcome, Passed, Served
from spoolmta.spool import events, plans, queues, slices
from spoolmta.spool.connection import Reader, Row, Transaction, micros, numbers, seconds
from spoolmta.spool.outcomes import put_outcomes, put_served, record_answers
from spoolmta.spool.queues import NewMessage, State

# A message that so many processes died with goes to corrupt (spool/processes.py).
CRASH_LIMIT = 3


class Verdict(StrEnum):
    """What an attempt says of its destination.

    DONE     it answered, whatever it said of the recipients
    FAILED   it failed as a whole, which counts against its concurrency window
    CRASHED  the agent died; nothing is known of the destination
    """

    DONE = "done"
    FAILED = "failed"
    CRASHED = "crashed"


class Feedback(NamedTuple):
    """An attempt's word on its destination; *dsn* and *reason* are set if it failed.

    *throttled*: it asked for less, by a reply of 421 or 4.7.x.
    """

    verdict: Verdict = Verdict.DONE
    dsn: str = ""
    reason: str = ""
    throttled: int = 0


class Waiting(NamedTuple):
    """A delivery as the scheduler sees it; *asked*: somebody asked to try its message now.

    An operator wants an *urgent* one to go before all others.
    """

    delivery_id: int
    message_id: int
    transport: str
    destination: str
    asked: int = 0
    urgent: int = 0


class Reported(NamedTuple):
    """An ended attempt, as the scheduler takes it; *delivery* is None if its message is gone."""

    delivery_id: int
    delivery: Waiting | None
    feedback: Feedback


@dataclass(frozen=True, slots=True)
class SuspendedRecipient:
    """A recipient of a waiting delivery; times are seconds."""

    delivery_id: int
    message_id: int
    queue_id: str
    arrived_at: float
    planned_at: float
    number: int
    address: str
    original: str
    trace: Trace = Trace.NONE


class Report(msgspec.Struct, frozen=True):
    """What an agent says of a delivery: an outcome for each recipient, and of its destination.

    *messages* are new ones (forwarded mail) that enter maildrop in the same commit; in it, too, the
    recipients that are *passed* get waiting deliveries by another transport, from which their
    outcomes come. *served* are destinations that have the message, of recipients others of whose
    destinations are still to be tried. *damage* tells why the message cannot be read at all: it
    goes to corrupt, unless another attempt at it is still under way; then the outcomes count.
    """

    outcomes: tuple[Outcome, ...]
    feedback: Feedback = Feedback()
    messages: tuple[NewMessage, ...] = ()
    passed: tuple[Passed, ...] = ()
    served: tuple[Served, ...] = ()
    damage: str = ""


Finished = tuple[Delivery, Report]


class Settled(NamedTuple):
    """What became of reports: whose messages are gone by them, and which were not ours any more."""

    removed: tuple[Delivery, ...]
    lost: tuple[Delivery, ...]


class Claim(NamedTuple):
    """What a process took; *pause*: it is to take no more until its hands are empty."""

    delivery_ids: tuple[int, ...] = ()
    pause: bool = False


class DestinationState(NamedTuple):
    """What the scheduler has learnt of a destination; times are seconds, 0 if they do not apply.

    *success*, *failure* and *failed_cohorts* are what feedback has added up to. It rests between
    deliveries until *resting_until*; it is dead, its mail deferred with *dsn* and *reason*, until
    *dead_until*. Since it asked for less at *slowed_at*, *pace* seconds are between deliveries.
    """

    transport: str
    destination: str
    window: int
    success: float
    failure: float
    failed_cohorts: float
    resting_until: float
    dead_until: float
    dsn: str
    reason: str
    pace: float = 0.0
    slowed_at: float = 0.0


def waiting(reader: Reader, after: int, limit: int) -> list[Waiting]:
    """Return deliveries above id *after* that wait for a grant, oldest first."""
    return [
        Waiting(*row) for row in reader.read("waiting_deliveries", {"after": after, "limit": limit})
    ]


def under_way(reader: Reader) -> list[Waiting]:
    """Return the deliveries that are granted or being attempted."""
    rows = reader.read("granted_deliveries") + reader.read("attempted_deliveries")
    return [Waiting(*row) for row in rows]


def grant(tx: Transaction, waiting: Sequence[Waiting]) -> set[int]:
    """Let deliveries go; return the ids of those that still existed."""
    bindings = {"ids": numbers(w.delivery_id for w in waiting), "now": tx.now}
    granted = {row[0] for row in tx.run("insert_granted", bindings)}
    events.record_many(
        tx,
        (
            (
                w.message_id,
                "granted",
                "",
                events.detail(transport=w.transport, destination=w.destination),
            )
            for w in waiting
            if w.delivery_id in granted
        ),
    )
    return granted


def claim_granted(tx: Transaction, transport: str, process_id: int, limit: int) -> Claim:
    """Take up to *limit* granted deliveries of a transport.

    A suspect, whose message goes to corrupt if one more process dies with it, is taken alone and
    only by a process with empty hands, so that the blame falls on nobody else.
    """
    taken = tx.run("take_granted", {"transport": transport, "limit": limit})
    ids = numbers(row[0] for row in taken)
    suspects = {row[0] for row in tx.run("suspects", {"ids": ids, "crashes": CRASH_LIMIT - 1})}
    alone = bool(suspects) and not tx.run("has_attempts", (process_id,))
    kept = {min(suspects)} if alone else {row[0] for row in taken} - suspects
    now = tx.now
    tx.run_many(
        "insert_attempt",
        ((delivery, process_id, granted, now) for delivery, granted in taken if delivery in kept),
    )
    if suspects:
        left = ((transport, *row) for row in taken if row[0] not in kept)
        tx.run_many("give_back_granted", left)
    return Claim(tuple(sorted(kept)), pause=bool(suspects))


def load(reader: Reader, delivery_ids: Sequence[int]) -> list[Delivery]:
    """Return claimed deliveries with their recipients."""
    recipients: dict[int, list[DeliveryRecipient]] = {}
    for row in reader.read("load_delivery_recipients", {"ids": numbers(delivery_ids)}):
        recipients.setdefault(row[0], []).append(DeliveryRecipient(*row[1:]))
    rows = reader.read("load_deliveries", {"ids": numbers(delivery_ids)})
    return [
        _delivery(row, tuple(recipients.get(row[0], ()))) for row in sorted(rows, key=itemgetter(0))
    ]


def report(tx: Transaction, process_id: int, finished: Sequence[Finished]) -> Settled:
    """End attempts with what the agent said; new messages enter maildrop.

    What is known of an attempt that is not ours any more is dropped.
    """
    bindings = {"process_id": process_id, "ids": _delivery_ids(finished)}
    ours = {row[0] for row in tx.run("end_attempts", bindings)}
    lost = tuple(delivery for delivery, _ in finished if delivery.delivery_id not in ours)
    kept = [(delivery, said) for delivery, said in finished if delivery.delivery_id in ours]
    answers = _set_damaged_aside(tx, kept)
    _insert_reports(tx, answers)
    removed = _last_of_their_messages(tx, answers)
    gone = {delivery.message_id for delivery in removed}
    for delivery, said in answers:
        addresses = _addresses(delivery)
        if delivery.message_id not in gone:
            put_outcomes(tx, delivery, said.outcomes)
            put_served(tx, delivery.message_id, said.served)
            plans.pass_on(tx, delivery, said.passed)
        record_answers(tx, delivery.message_id, said.outcomes, addresses)
        for message in said.messages:
            queues.enqueue(tx, State.MAILDROP, message)
    if removed:
        answer(tx, [delivery.delivery_id for delivery in removed])
        queues.remove(tx, State.ACTIVE, [delivery.message_id for delivery in removed])
    return Settled(removed, lost)


def reports(reader: Reader, limit: int) -> list[Reported]:
    """Return ended attempts that the scheduler has not taken yet."""
    return [
        Reported(
            delivery_id,
            None if message_id is None else Waiting(delivery_id, message_id, *route),
            Feedback(Verdict(verdict), dsn, reason, throttled),
        )
        for delivery_id, verdict, dsn, reason, throttled, message_id, *route in reader.read(
            "load_reports", {"limit": limit}
        )
    ]


def forget_reports(tx: Transaction, delivery_ids: Sequence[int]) -> None:
    """Delete reports; their deliveries wait again, unless they are answered."""
    tx.run("delete_reports", {"ids": numbers(delivery_ids)})


def answer(tx: Transaction, delivery_ids: Sequence[int]) -> None:
    """Delete deliveries that are over."""
    tx.run("delete_deliveries", {"ids": numbers(delivery_ids)})
    tx.run("delete_delivery_recipients", {"ids": numbers(delivery_ids)})


def existing(reader: Reader, delivery_ids: Sequence[int]) -> set[int]:
    """Return those of *delivery_ids* that an operator has not withdrawn."""
    return {row[0] for row in reader.read("existing_deliveries", {"ids": numbers(delivery_ids)})}


def load_suspended(reader: Reader, delivery_ids: Sequence[int]) -> list[SuspendedRecipient]:
    """Return the recipients of waiting deliveries whose destination is not to be tried now."""
    found = []
    for row in reader.read("load_suspended", {"ids": numbers(delivery_ids)}):
        delivery, message, queue_id, arrived, planned, *recipient, trace = row
        times = (seconds(arrived), seconds(planned))
        suspended = (delivery, message, queue_id, *times, *recipient, Trace(trace))
        found.append(SuspendedRecipient(*suspended))
    return found


def withdraw(tx: Transaction, message_ids: Sequence[int]) -> None:
    """Delete every delivery of messages, also those under way: their reports will be dropped."""
    ids = [row[0] for row in tx.run("deliveries_of_messages", {"ids": numbers(message_ids)})]
    if not ids:
        return
    for statement in ("delete_granted", "delete_attempts", "delete_reports"):
        tx.run(statement, {"ids": numbers(ids)})
    answer(tx, ids)


def set_aside(tx: Transaction, state: State | str, message_id: int, reason: str) -> None:
    """Move a message of *state* to corrupt, whatever was going to be done with it."""
    withdraw(tx, [message_id])
    tx.run("delete_notices_of_messages", {"ids": numbers([message_id])})
    slices.forget(tx, [message_id])
    tx.run(f"leave_{state}", {"ids": numbers([message_id])})
    tx.run("enter_corrupt", (message_id, tx.now, reason))
    tx.run("delete_crashes", {"ids": numbers([message_id])})
    events.record(tx, message_id, "corrupted", reason=reason)


def store_destinations(tx: Transaction, states: Iterable[DestinationState]) -> None:
    """Write what has been learnt of destinations."""
    tx.run_many(
        "put_destination",
        (
            (
                *state[:6],
                micros(state.resting_until),
                micros(state.dead_until),
                state.dsn,
                state.reason,
                state.pace,
                micros(state.slowed_at),
            )
            for state in states
        ),
    )


def forget_destinations(tx: Transaction, keys: Iterable[tuple[str, str]]) -> None:
    """Delete what was learnt of destinations, by transport and name."""
    tx.run_many("delete_destination", keys)


def stored_destinations(reader: Reader) -> list[DestinationState]:
    """Return what is written of destinations."""
    return [
        DestinationState._make(
            (*learnt, seconds(resting_until), seconds(dead_until), *why, seconds(slowed_at))
        )
        for *learnt, resting_until, dead_until, dsn, reason, pace, slowed_at in reader.read(
            "load_destinations"
        )
        for why in ((dsn, reason, pace),)
    ]


def _set_damaged_aside(tx: Transaction, finished: Sequence[Finished]) -> Sequence[Finished]:
    """Move messages that cannot be read to corrupt; return what the others' agents said."""
    damaged = [delivery.message_id for delivery, said in finished if said.damage]
    if not damaged:
        return finished
    rows = tx.run("attempts_of_messages", {"ids": numbers(damaged)})
    attempts = Counter(delivery.message_id for delivery, _ in finished)
    attempts.update(row[0] for row in rows)
    answers = []
    for delivery, said in finished:
        if said.damage and attempts[delivery.message_id] == 1:
            set_aside(tx, State.ACTIVE, delivery.message_id, said.damage)
        else:
            answers.append((delivery, said))
    return answers


def _insert_reports(tx: Transaction, answers: Iterable[Finished]) -> None:
    now = tx.now
    tx.run_many(
        "insert_report",
        ((delivery.delivery_id, *said.feedback, now) for delivery, said in answers),
    )


def _last_of_their_messages(tx: Transaction, answers: Sequence[Finished]) -> tuple[Delivery, ...]:
    """Return the deliveries with which everything is done for their messages."""
    plain = [answer for answer in answers if _leaves_nothing_to_do(*answer)]
    if not plain:
        return ()
    last = {row[0] for row in tx.run("last_deliveries", {"ids": _delivery_ids(plain)})}
    return tuple(delivery for delivery, _ in plain if delivery.delivery_id in last)


def _leaves_nothing_to_do(delivery: Delivery, said: Report) -> bool:
    """Return whether every recipient has the message and the sender wants to hear of none."""
    if said.passed or any(outcome.action is not Action.SENT for outcome in said.outcomes):
        return False
    asked = delivery.trace or any(r.notify & Notify.SUCCESS for r in delivery.recipients)
    return not asked and len(said.outcomes) == len(delivery.recipients)


def _delivery_ids(finished: Iterable[Finished]) -> Any:
    return numbers(delivery.delivery_id for delivery, _ in finished)


def _delivery(row: Row, recipients: tuple[DeliveryRecipient, ...]) -> Delivery:
    delivery_id, message_id, queue_id, transport, nexthop, sender, size, encoding = row[:8]
    smtputf8, envid, ret, arrived_at, planned_at, granted_at, started_at, *rest = row[8:]
    passes, trace = rest
    return Delivery(
        delivery_id=delivery_id,
        message_id=message_id,
        queue_id=queue_id,
        transport=transport,
        nexthop=nexthop,
        sender=sender,
        size=size,
        encoding=encoding,
        smtputf8=bool(smtputf8),
        envid=envid,
        ret=ret,
        arrived_at=seconds(arrived_at),
        activated_at=seconds(planned_at),
        granted_at=seconds(granted_at),
        attempted_at=seconds(started_at),
        recipients=recipients,
        passes=passes,
        trace=Trace(trace),
    )


def _addresses(delivery: Delivery) -> dict[int, str]:
    return {recipient.number: recipient.address for recipient in delivery.recipients}
