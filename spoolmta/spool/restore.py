"""A backup put in the place of the spool, less what became of its mail after it was made.

The present spool and its history tell what has become of the backup's mail since, as far as they
can be read (remains.py). The new spool is made ready beside the old one; replacement.py then puts
it in its place.

Must not: run beside a mail system (the caller holds its lock); change anything but the new spool
Limits:   a report of success that was about to be written is lost
"""

import contextlib
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import msgspec

from spoolmta.clock import Clock
from spoolmta.message.outcome import Action, Outcome
from spoolmta.spool import days, deliveries, events, queues, replacement
from spoolmta.spool.backup import Verified, verify
from spoolmta.spool.connection import Row, Spool, Transaction, numbers
from spoolmta.spool.outcomes import record_answers, record_outcomes
from spoolmta.spool.queues import NewMessage, State
from spoolmta.spool.remains import Copy, Remains, Told

# Behind what cannot be read there may be events whose numbers must not be given again.
_GAP = 1_000_000_000
_FINAL = (Action.SENT, Action.BOUNCED)
_UNKNOWN = "restored: it was requeued after the backup, and who has it already cannot be read"


@dataclass(slots=True)
class Since:
    """What became of a backup's mail after it was made.

    *ended* are messages that are gone, by id; *answered* recipients of others that have the mail,
    or whose refusal the sender knows of, by message id and number, as the journal tells it; *rows*
    the answers of a message as its table has them. Messages that passed cleanup *afresh* have
    other recipients now. What became of the *unknown* ones cannot be told; *damage* says what
    could not be read. *ends* are the events of other mail that came in since and is gone.
    *last_event* is the greatest number that was ever given.
    """

    ended: dict[int, str] = field(default_factory=dict)
    answered: dict[tuple[int, int], tuple[str, Outcome]] = field(default_factory=dict)
    rows: dict[int, list[Row]] = field(default_factory=dict)
    afresh: set[int] = field(default_factory=set)
    unknown: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    ends: list[Row] = field(default_factory=list)
    last_event: int = 0

    @property
    def told(self) -> list[str]:
        """What is known to have been delivered or ended, as lines."""
        whole = [f"{queue_id} (whole)" for queue_id in self.ended.values()]
        return whole + [who for who, _ in self.answered.values()]


@dataclass(frozen=True, slots=True)
class _Mail:
    """What is in a backup: queue ids by message id, and the day of its last event."""

    queue_ids: Mapping[int, str]
    day: str


def since(backup: Path, spool: Path) -> tuple[Verified, Since]:
    """Return what is in a backup, and what the present spool knows of it since.

    Raises SpoolUnusable: the backup cannot be read; the text says why.
    """
    verified = verify(backup)
    mail = _mail(backup)
    found = Since()
    _, last_day = days.bounds(spool.with_name(days.FOLDER))
    with contextlib.closing(Remains(spool)) as remains:
        told = remains.events(verified.last_event, mail.day, mail.queue_ids.keys())
        _Journal(found, mail.queue_ids).note(told)
        found.ends = remains.ends(verified.last_event, mail.queue_ids.keys())
        last = remains.last_event()
        is_later = max(last, last_day) > verified.last_event
        if not spool.exists():
            found.damage += [f"{spool}: is not there, and it delivered mail later"] * is_later
        else:
            _read_tables(found, remains, mail.queue_ids, is_later=is_later)
        found.damage += remains.damage
    found.last_event = max(last, last_day, verified.last_event) + (_GAP if found.damage else 0)
    return verified, found


def prepare(backup: Path, spool: Path, clock: Clock, since: Since, *, drop: bool) -> Path:
    """Make what is to be the spool, and return where it is.

    *drop*: what was delivered since is not delivered again.
    """
    ready = spool.with_name(spool.name + ".restored")
    try:
        _make(ready, backup, spool, clock, since, drop=drop)
    except BaseException:
        ready.unlink(missing_ok=True)
        replacement.remove_beside(ready)
        raise
    return ready


def _make(
    ready: Path, backup: Path, spool: Path, clock: Clock, since: Since, *, drop: bool
) -> None:
    # What a restore that was killed left must not be taken for the log of this copy.
    replacement.remove_beside(ready)
    shutil.copyfile(backup, ready)
    ready.chmod(0o660)
    with (
        contextlib.closing(Remains(spool)) as remains,
        contextlib.closing(Spool.open(ready, clock)) as new,
    ):
        with new.transaction(durable=True) as tx:
            # The day files may have the other half of them.
            tx.run_many("copy_event", since.ends)
            tx.run("skip_to_event", {"last": since.last_event, "now": tx.now})
            if drop:
                _Carrying(tx, since).carry(remains)
        new.checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)
    if spool.exists() and not since.damage:
        # One file, for whoever keeps it. What is damaged is better not touched.
        with contextlib.closing(Spool.open(spool, clock)) as present:
            present.checkpoint(apsw.SQLITE_CHECKPOINT_TRUNCATE)
    replacement.remove_beside(ready)


def _mail(backup: Path) -> _Mail:
    with contextlib.closing(days.open_read_only(backup)) as connection:
        rows = connection.execute("SELECT message_id, queue_id FROM message").fetchall()
        ((last,),) = connection.execute("SELECT coalesce(max(at), 0) FROM event").fetchall()
    day = time.strftime("%Y-%m-%d", time.gmtime(int(str(last)) // 1_000_000))
    return _Mail({int(str(number)): str(queue_id) for number, queue_id in rows}, day)


class _Journal:
    """What the events since say of the backup's messages."""

    def __init__(self, found: Since, queue_ids: Mapping[int, str]) -> None:
        self._found = found
        self._queue_ids = queue_ids
        self._refused: dict[int, dict[int, tuple[str, Outcome]]] = {}

    def note(self, events_since: Sequence[Told]) -> None:
        """Take the events in their order."""
        for told in events_since:
            try:
                self._note(told)
            except msgspec.DecodeError as error:
                self._found.damage.append(f"event {told.event_id}: {error}")

    def _note(self, told: Told) -> None:
        found, number = self._found, told.message_id
        if told.kind in ("removed", "deleted"):
            found.ended[number] = self._queue_ids[number]
            for gone in [one for one in found.answered if one[0] == number]:
                del found.answered[gone]
        elif told.kind == "restored":
            found.ended.pop(number, None)
        elif told.kind in ("cleaned", "requeued"):
            found.afresh.add(number)
        elif told.kind == "postponed":
            # Its report was written in the same commit.
            for place, answer in self._refused.pop(number, {}).items():
                found.answered[number, place] = answer
        elif told.kind in ("sent", "bounced", "deferred"):
            self._note_answer(told)

    def _note_answer(self, told: Told) -> None:
        detail = msgspec.json.decode(told.detail)
        key = (told.message_id, detail.get("number", 0))
        reason, dsn, relay = (str(detail.get(name, "")) for name in ("reason", "dsn", "relay"))
        outcome = Outcome(key[1], Action(told.kind), dsn, reason, relay=relay)
        who = f"{self._queue_ids[told.message_id]} {told.recipient}"
        self._found.answered.pop(key, None)
        refused = self._refused.setdefault(told.message_id, {})
        refused.pop(key[1], None)
        if outcome.action is Action.SENT:
            self._found.answered[key] = (who, outcome)
        elif outcome.action is Action.BOUNCED:
            refused[key[1]] = (who, outcome)


def _read_tables(
    found: Since, remains: Remains, queue_ids: Mapping[int, str], *, is_later: bool
) -> None:
    """Add what the tables say of the messages that are there still.

    *is_later*: it is the spool that the backup was made of. Another one, begun since, knows
    nothing of the mail, and has delivered none of it.
    """
    for message_id, queue_id in queue_ids.items():
        if message_id in found.ended:
            continue
        place = remains.place(message_id)
        if place == "trash":
            found.ended[message_id] = queue_id
        elif place is None or (place == "" and is_later):
            found.unknown.append(queue_id)
        elif place and message_id not in found.afresh:
            rows = remains.outcomes(message_id)
            if rows is not None:
                found.rows[message_id] = [row for row in rows if _stays(row)]


def _stays(outcome: Row) -> bool:
    """Return whether an answer is carried over: nobody is to get the mail, or to be told, again.

    A refusal that the sender was not told of yet is not: the recipient is tried again, once.
    """
    part, action, noticed, delay_told = outcome[2], outcome[3], outcome[11], outcome[12]
    if part < 0 or delay_told:
        return True
    return bool(action == Action.SENT or (action == Action.BOUNCED and noticed))


class _Carrying:
    """What became of the backup's mail, written into the new spool."""

    def __init__(self, tx: Transaction, since: Since) -> None:
        self._tx = tx
        self._since = since

    def carry(self, remains: Remains) -> None:
        """End what has ended, and write down who has the mail, or will not have it."""
        tx, since = self._tx, self._since
        _end(tx, sorted(since.ended), "deleted", "not restored: it left the queue after the backup")
        for message_id in sorted(since.afresh.difference(since.ended)):
            copy = remains.copy(message_id)
            if copy is None:
                self._hold(message_id)
            else:
                self._take_over(copy)
        for message_id, rows in since.rows.items():
            self._put(message_id, rows)
        for (message_id, number), (who, outcome) in since.answered.items():
            if message_id not in since.rows and message_id not in since.afresh:
                addresses = {number: who.partition(" ")[2]}
                record_outcomes(tx, message_id, [outcome], addresses)
                tx.run("mark_noticed", (message_id, number, 0))
        touched = {message_id for message_id, rows in since.rows.items() if rows}
        touched |= {message_id for message_id, _ in since.answered}
        self._settle(sorted(touched.difference(since.ended, since.afresh)))

    def _put(self, message_id: int, rows: Sequence[Row]) -> None:
        tx = self._tx
        bindings = {"ids": numbers([message_id])}
        people = {row[1]: row[2] for row in tx.run("load_recipients", bindings)}
        known = {
            (number, part): action
            for number, part, action in tx.run("load_actions", {"message_id": message_id})
        }
        fit = [row for row in rows if people.get(row[1], "").lower() == row[-1].lower()]
        tx.run_many("carry_outcome", (row[:-1] for row in fit))
        new = [row for row in fit if row[2] == 0 and row[3] in _FINAL]
        answers = [_outcome(row) for row in new if known.get((row[1], 0)) != row[3]]
        record_answers(tx, message_id, answers, people)

    def _settle(self, ids: Sequence[int]) -> None:
        """Let what was on its way be planned again: its deliveries knew nothing of the answers."""
        tx = self._tx
        tx.run("reopen_outcomes", {"ids": numbers(ids)})
        over = sorted(row[0] for row in tx.run("ended_messages", {"ids": numbers(ids)}))
        _end(tx, over, "removed", "every recipient had its answer when the backup was restored")
        states: dict[int, str] = dict(tx.run("states_of_messages", {"ids": numbers(ids)}))
        for message_id in ids:
            if states.get(message_id) == State.ACTIVE:
                deliveries.withdraw(tx, [message_id])
                tx.run("delete_notices_of_messages", {"ids": numbers([message_id])})
                queues.postpone(tx, message_id, tx.now / 1_000_000)

    def _hold(self, message_id: int) -> None:
        """Let an operator decide of a message whose recipients cannot be told any more."""
        tx = self._tx
        _leave(tx, [message_id])
        tx.run("enter_hold", (message_id, tx.now, _UNKNOWN))
        events.record(tx, message_id, "held", reason=_UNKNOWN)

    def _take_over(self, copy: Copy) -> None:
        """Put a message in the place of the backup's, as it was in the present spool."""
        tx, message_id = self._tx, int(copy.message[0])
        _leave(tx, [message_id])
        queues.erase(tx, [message_id])
        tx.run("delete_reroutes", {"ids": numbers([message_id])})
        tx.run("insert_message", copy.message)
        tx.run_many("insert_recipient", copy.recipients)
        tx.run_many("insert_content", copy.contents)
        tx.run_many("carry_outcome", copy.outcomes)
        state, row = copy.place
        if state in (State.HOLD, State.CORRUPT, State.MAILDROP):
            tx.run(f"enter_{state}", row)
        else:
            state = State.DEFERRED
            tx.run("enter_deferred", (message_id, tx.now, tx.now))
        self._tell(message_id, state, copy)
        self._settle([message_id])

    def _tell(self, message_id: int, state: State, copy: Copy) -> None:
        (message,) = queues.load(self._tx, [message_id])
        queues.tell_arrival(
            self._tx,
            "cleaned",
            NewMessage(
                message_id,
                message.queue_id,
                message.envelope,
                message.size,
                (),
                message.arrived_at,
            ),
            "",
            state=str(state),
            sender=message.envelope.sender,
        )
        people = {number: r.address for number, r in message.numbered.items()}
        final = [row for row in copy.outcomes if row[2] == 0 and row[3] in _FINAL]
        record_answers(self._tx, message_id, [_outcome(row) for row in final], people)


def _outcome(row: Row) -> Outcome:
    _, number, _, action, dsn, reason, relay, *_ = row
    return Outcome(number, Action(action), dsn, reason, relay=relay)


def _end(tx: Transaction, ids: Sequence[int], kind: str, reason: str) -> None:
    _leave(tx, ids)
    queues.erase(tx, ids)
    detail = events.detail(reason=reason)
    events.record_many(tx, ((message_id, kind, "", detail) for message_id in ids))


def _leave(tx: Transaction, ids: Sequence[int]) -> None:
    deliveries.withdraw(tx, ids)
    for state in State:
        tx.run(f"leave_{state}", {"ids": numbers(ids)})
    tx.run("delete_notices_of_messages", {"ids": numbers(ids)})
