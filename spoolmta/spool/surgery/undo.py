"""What an operator did is taken back, as far as the mail is still as it was left.

One transaction takes back one operation. What has changed meanwhile (delivered, returned, tried
again, changed by a later command) is told and left alone. A message that was on its way to agents
cannot be put back into their hands: it is resolved afresh, at once.

Writes:   what the operation wrote, operation, event
Must not: take back half of what was done to a message
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spoolmta.errors import UsageError
from spoolmta.spool import deliveries, events, tally
from spoolmta.spool.connection import Transaction, numbers
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin
from spoolmta.spool.surgery.edits import EDITABLE
from spoolmta.spool.surgery.operations import Author, Operation

_GONE = "has left the queue"
_MOVED = "is not as it was left any more"
_LATER = "was changed by a later command, which stands: undo that first"
_BUSY = "is being delivered at this moment"
_TRIED = "was tried again since"
_CLEANED = "was requeued since, which numbered its recipients afresh; change them by hand"
_REPORTED = "was returned: the report to the sender is written"
_TELLING = "is being reported to its sender at this moment"
_EMPTIED = "is gone from the trash"

# Where each of these verbs leaves a message, and what became of one that is not there any more.
_PLACES: Mapping[str, tuple[str, str]] = {
    "hold": ("hold", _MOVED),
    "delete": ("trash", _EMPTIED),
    "requeue": ("maildrop", _MOVED),
    "bounce": ("active", _REPORTED),
    "expire": ("active", _REPORTED),
}
# Those that have changed rows beside the place.
_WITH_ROWS = frozenset({"requeue", "bounce", "expire"})
# These are taken back also of mail that was tried since, or passed cleanup again; by what.
_LASTING: Mapping[str, tuple[str, ...]] = {
    "reroute": ("take_back_reroutes",),
    "prioritise": ("delete_priorities", "restore_priorities"),
    "sender": ("restore_senders",),
}


@dataclass(slots=True)
class Undone:
    """What became of an operation's messages: those taken back, and the others by the reason."""

    back: list[int] = field(default_factory=list)
    left: dict[str, list[int]] = field(default_factory=dict)

    def leave(self, why: str, ids: Sequence[int]) -> None:
        """Note messages that are left alone."""
        if ids:
            self.left.setdefault(why, []).extend(ids)


def undo(tx: Transaction, operation: Operation, author: Author) -> Undone:
    """Take *operation* back; it stands as long as none of its messages could be.

    Raises UsageError: it has been taken back already, or its history is forgotten.
    """
    if operation.undone_at is not None:
        raise UsageError(f"operation {operation.operation_id} has been undone already")
    states: dict[int, str] = dict(tx.run("load_changes", {"operation": operation.operation_id}))
    if not states:
        raise UsageError(f"operation {operation.operation_id} is too old to be undone")
    undone = Undone()
    again = tx.run("changed_again", {"operation": operation.operation_id, "ids": numbers(states)})
    later = {row[0] for row in again}
    undone.leave(_LATER, sorted(later))
    ids = sorted(states.keys() - later)
    work = Undoing(tx, operation, author, undone, states)
    if operation.verb in _PLACES:
        work.place(ids)
    elif operation.verb == "release":
        work.release(ids)
    elif operation.verb == "force-expire":
        work.force_expire(ids)
    else:
        work.edit(ids)
    if undone.back:
        tx.run("mark_undone", {"operation": operation.operation_id, "now": tx.now})
    return undone


class Undoing:
    """The undoing of one operation in one transaction."""

    def __init__(
        self,
        tx: Transaction,
        operation: Operation,
        author: Author,
        undone: Undone,
        states: Mapping[int, str],
    ) -> None:
        """Fill *undone*; *states* are those that the messages were found in."""
        self._states = states
        self._tx = tx
        self._operation = operation
        self._author = author
        self._undone = undone
        self._now = tx.now

    def place(self, ids: Sequence[int]) -> None:
        """Take messages back from where the verb left them."""
        verb = self._operation.verb
        place, otherwise = _PLACES[verb]
        there = self._free(self._left_in(place, ids, otherwise))
        self._take(place, there)
        if verb in _WITH_ROWS:
            self._restore_rows(there)
        self._restore_places(there)

    def release(self, ids: Sequence[int]) -> None:
        """Hold messages again, also those that were on their way, or tried and put off, since."""
        untouched = set(self._ids("left_in_deferred", ids))
        found = self._find([one for one in ids if one not in untouched], (State.HOLD,))
        self._take("deferred", sorted(untouched))
        self._restore_rows(self._with_rows(sorted(untouched)))
        moved = admin.all_of(found)
        self._withdraw(found)
        self._restore_places(sorted([*untouched, *moved]))

    def force_expire(self, ids: Sequence[int]) -> None:
        """Take back the wish that messages be returned, and hold those that it released."""
        states: dict[int, str] = dict(self._tx.run("states_of_messages", {"ids": numbers(ids)}))
        gone = set(ids).difference(states)
        returned = gone.intersection(self._ids("expired_since", sorted(gone)))
        telling = set(self._ids("noticed_messages", sorted(states)))
        for why, these in ((_REPORTED, returned), (_GONE, gone - returned), (_TELLING, telling)):
            self._undone.leave(why, sorted(these))
        here = [one for one in sorted(states) if one not in telling]
        released = {
            one for one in here if self._states[one] == State.HOLD and states[one] != State.HOLD
        }
        self.release(sorted(released))
        back = sorted(released.intersection(self._undone.back))
        marked = [one for one in here if one not in released]
        self._run("take_back_expiries", [*back, *marked], now=self._operation.stamp)
        events.record_each(self._tx, marked, "undone", **self._told)
        self._undone.back += marked

    def edit(self, ids: Sequence[int]) -> None:
        """Take back what was changed in messages that were not tried since."""
        found = self._find(ids, ())
        everything = admin.all_of(found)
        cleaned = set(self._ids("cleaned_since", everything))
        tried = cleaned.union(self._ids("tried_since", everything))
        if self._operation.verb in _LASTING:
            for statement in _LASTING[self._operation.verb]:
                self._run(statement, sorted(tried))
            events.record_each(self._tx, sorted(tried), "undone", **self._told)
            self._undone.back += sorted(tried)
        else:
            self._undone.leave(_CLEANED, sorted(cleaned))
            self._undone.leave(_TRIED, sorted(tried - cleaned))
        admin.leave_out(found, tried)
        untried = admin.all_of(found)
        self._withdraw(found)
        self._restore_rows(untried)
        self._restore_places(untried)

    @property
    def _told(self) -> dict[str, object]:
        return {"operation": self._operation.operation_id, "by": self._author.name}

    def _left_in(self, place: str, ids: Sequence[int], otherwise: str) -> list[int]:
        """Return the messages that are where the operation put them."""
        there = self._ids(f"left_in_{place}", ids)
        located = {row[0] for row in self._tx.run("states_of_messages", {"ids": numbers(ids)})}
        away = sorted(set(ids).difference(there))
        gone = otherwise if otherwise is not _MOVED else _GONE
        self._undone.leave(_MOVED, [one for one in away if one in located])
        self._undone.leave(gone, [one for one in away if one not in located])
        return there

    def _find(self, ids: Sequence[int], but: Sequence[State]) -> dict[State, list[int]]:
        """Return the messages that nobody has in hand, by state."""
        states = [state for state in EDITABLE if state not in but]
        located = admin.locate(self._tx, ids, tuple(State))
        self._undone.leave(_GONE, sorted(set(ids).difference(admin.all_of(located))))
        found = {state: located[state] for state in states}
        self._undone.leave(_MOVED, sorted(set(admin.all_of(located)) - set(admin.all_of(found))))
        noticed = set(self._ids("noticed_messages", admin.all_of(found)))
        self._undone.leave(_TELLING, sorted(noticed))
        admin.leave_out(found, noticed)
        self._undone.leave(_BUSY, admin.leave_out_attempted(self._tx, found))
        return found

    def _free(self, ids: Sequence[int]) -> list[int]:
        """Return the messages that no agent has in hand."""
        busy = set(self._ids("attempted_messages", ids))
        self._undone.leave(_BUSY, sorted(busy))
        return [one for one in ids if one not in busy]

    def _ids(self, statement: str, ids: Sequence[int]) -> list[int]:
        bindings: dict[str, object] = {"ids": numbers(ids)}
        if statement not in ("noticed_messages", "attempted_messages"):
            bindings["now"] = self._operation.stamp
        return sorted(row[0] for row in self._tx.run(statement, bindings))

    def _with_rows(self, ids: Sequence[int]) -> list[int]:
        """Return the messages whose rows the operation changed."""
        bindings = {"operation": self._operation.operation_id, "ids": numbers(ids)}
        return [row[0] for row in self._tx.run("changes_with_rows", bindings)]

    def _withdraw(self, found: dict[State, list[int]]) -> None:
        deliveries.withdraw(self._tx, admin.all_of(found))
        admin.take(self._tx, found)

    def _take(self, place: str, ids: Sequence[int]) -> None:
        deliveries.withdraw(self._tx, ids)
        if place == State.DEFERRED:
            tally.leave(self._tx, ids)
        else:
            self._tx.run(f"leave_{place}", {"ids": numbers(ids)})
        for statement in ("delete_claims_of_messages", "delete_notices_of_messages"):
            self._tx.run(statement, {"ids": numbers(ids)})

    def _restore_rows(self, ids: Sequence[int]) -> None:
        for statement in ("delete_recipients", "delete_outcomes", "delete_crashes"):
            self._tx.run(statement, {"ids": numbers(ids)})
        for statement in (
            "restore_recipients",
            "restore_outcomes",
            "restore_crashes",
            "restore_expiries",
        ):
            self._run(statement, ids)
        for statement in ("delete_reroutes", "delete_priorities"):
            self._tx.run(statement, {"ids": numbers(ids)})
        for statement in ("restore_reroutes", "restore_priorities", "restore_senders"):
            self._run(statement, ids)

    def _restore_places(self, ids: Sequence[int]) -> None:
        # While it was kept back, the last attempt may have ended what was active.
        active = [one for one in ids if self._states[one] == State.ACTIVE]
        ended = set(active).difference(admin.still_waiting(self._tx, active))
        self._undone.leave(_GONE, sorted(ended))
        kept = [one for one in ids if one not in ended]
        for state in State:
            self._restore(state, kept)
        self._run("tell_restored", kept, now=self._now, by=self._author.name)
        self._undone.back += kept

    def _restore(self, state: State, ids: Sequence[int]) -> None:
        bindings = {**self._bindings(ids), "now": self._now}
        if state in (State.DEFERRED, State.ACTIVE):
            tally.enter(self._tx, f"restore_{state}", bindings, len(ids))
        else:
            self._tx.run(f"restore_{state}", bindings)

    def _run(self, statement: str, ids: Sequence[int], **more: object) -> None:
        self._tx.run(statement, {**self._bindings(ids), **more})

    def _bindings(self, ids: Sequence[int]) -> dict[str, object]:
        return {"operation": self._operation.operation_id, "ids": numbers(ids)}
