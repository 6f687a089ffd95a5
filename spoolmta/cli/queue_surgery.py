"""spoolmta queue hold, release, requeue, delete, flush: which messages, the question, the work.

The work goes in slices, each of them one transaction, so that mail flows on meanwhile.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from spoolmta.cli.output import Progress, note, print_json, printable
from spoolmta.cli.queue_choice import Choice
from spoolmta.cli.queue_listing import to_filter
from spoolmta.cli.units import plural
from spoolmta.errors import UsageError
from spoolmta.spool import admin, inspect
from spoolmta.spool.admin import Done
from spoolmta.spool.connection import Spool, Transaction
from spoolmta.spool.inspect import Filter
from spoolmta.spool.queues import State

SLICE = 500
HELD_BY_OPERATOR = "held by an operator"

WAKES: Mapping[str, tuple[str, ...]] = {
    "hold": ("qmgr",),
    "release": ("trivial_rewrite",),
    "requeue": ("pickup", "qmgr"),
    "delete": ("qmgr",),
    "flush": ("qmgr", "trivial_rewrite"),
}

_PAST = {
    "hold": "put on hold",
    "release": "released",
    "requeue": "requeued",
    "delete": "deleted",
    "flush": "made due",
}
_DOING = {
    "hold": "holding",
    "release": "releasing",
    "requeue": "requeueing",
    "delete": "deleting",
    "flush": "flushing",
}
_STATES: Mapping[str, tuple[State, ...]] = {
    "hold": admin.HOLDABLE,
    "release": (State.HOLD,),
    "requeue": admin.REQUEUABLE,
    "delete": tuple(State),
    "flush": (State.DEFERRED,),
}
_SAMPLES = 5


@dataclass(slots=True)
class Tally:
    """What became of the messages."""

    done: int = 0
    busy: list[int] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)


def operate(spool: Spool, verb: str, choice: Choice, *, yes: bool, as_json: bool) -> bool:
    """Do *verb* to the messages that are meant; return True if it was done to all of them.

    Raises UsageError: nothing was named, or the question could not be asked.
    """
    _require_choice(verb, choice)
    tally = Tally()
    if verb == "flush" and not choice.ids and not choice.filters.given:
        _flush_all(spool, tally)
    else:
        ids = _choose(spool, verb, choice, tally)
        if choice.is_bulk and not (yes or _agreed(spool, verb, ids)):
            note("Nothing was done.")
            return False
        _work(spool, verb, ids, tally)
    _tell(spool, verb, tally, as_json=as_json)
    return not (tally.busy or tally.unknown or tally.elsewhere)


def _require_choice(verb: str, choice: Choice) -> None:
    if choice.ids and choice.is_bulk:
        raise UsageError("name messages by ID, or by filters, not both")
    if verb != "flush" and not choice.ids and not choice.is_bulk:
        raise UsageError(
            f"which messages? Give IDs, filters or --all (spoolmta queue {verb} --help)"
        )


def _choose(spool: Spool, verb: str, choice: Choice, tally: Tally) -> list[int]:
    if not choice.ids:
        wanted = to_filter(choice.filters, now=spool.clock.now())
        states = tuple(state for state in _STATES[verb] if state in wanted.states)
        return _search(spool, replace(wanted, states=states))
    ids = []
    for queue_id in choice.ids:
        entry = inspect.find(spool, queue_id)
        if entry is None:
            tally.unknown.append(queue_id)
        elif State(entry.state) not in _STATES[verb]:
            tally.elsewhere[queue_id] = entry.state
        else:
            ids.append(entry.message_id)
    return ids


def _search(spool: Spool, wanted: Filter) -> list[int]:
    progress = Progress("looked at")
    found: list[int] = []
    for seen, ids in inspect.search(spool, wanted):
        progress.advance(seen)
        found += ids
    progress.end()
    return found


def _agreed(spool: Spool, verb: str, ids: Sequence[int]) -> bool:
    note(f"{verb}: {plural(len(ids), 'message')}")
    if not ids:
        return True
    for entry in inspect.entries(spool, ids[:_SAMPLES]):
        who = f"from {entry.sender or '<>'} to {entry.first_recipient}"
        note(f"  {entry.queue_id}  {entry.state}  {printable(who)}")
    if len(ids) > _SAMPLES:
        note(f"  ... and {len(ids) - _SAMPLES:,} more")
    if not sys.stdin.isatty():
        raise UsageError(f"{verb} of {plural(len(ids), 'message')} is not confirmed: add --yes")
    sys.stderr.write(f"{verb} them? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _work(spool: Spool, verb: str, ids: Sequence[int], tally: Tally) -> None:
    operation = _OPERATIONS[verb]
    progress = Progress(_DOING[verb])
    for piece in _slices(ids):
        with spool.transaction() as tx:
            done = operation(tx, piece)
        tally.done += len(done.done)
        tally.busy += done.busy
        progress.advance(len(piece), len(ids))
    if verb == "flush":
        with spool.transaction() as tx:
            admin.request_flush(tx)
    progress.end()


def _flush_all(spool: Spool, tally: Tally) -> None:
    progress = Progress(_DOING["flush"])
    while True:
        with spool.transaction() as tx:
            count = admin.make_next_due(tx, SLICE)
            if not count:
                admin.request_flush(tx)
        if not count:
            break
        tally.done += count
        progress.advance(count)
    progress.end()


def _tell(spool: Spool, verb: str, tally: Tally, *, as_json: bool) -> None:
    busy = [entry.queue_id for entry in inspect.entries(spool, tally.busy)]
    if as_json:
        print_json(
            {
                "verb": verb,
                "done": tally.done,
                "busy": busy,
                "unknown": tally.unknown,
                "elsewhere": tally.elsewhere,
            }
        )
        return
    for queue_id in tally.unknown:
        note(f"{printable(queue_id)}: not in the queue; spoolmta trace tells what became of it")
    for queue_id, state in tally.elsewhere.items():
        note(f"{queue_id}: is {state}; {verb} is for {', '.join(_STATES[verb])}")
    for queue_id in busy:
        note(f"{queue_id}: being delivered at this moment, left as it is")
    print(f"{plural(tally.done, 'message')} {_PAST[verb]}")


def _slices(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), SLICE):
        yield ids[start : start + SLICE]


def _hold(tx: Transaction, ids: Sequence[int]) -> Done:
    return admin.hold(tx, ids, HELD_BY_OPERATOR)


def _flush(tx: Transaction, ids: Sequence[int]) -> Done:
    return Done(list(ids[: admin.make_due(tx, ids)]))


_OPERATIONS: Mapping[str, Callable[[Transaction, Sequence[int]], Done]] = {
    "hold": _hold,
    "release": admin.release,
    "requeue": admin.requeue,
    "delete": admin.delete,
    "flush": _flush,
}
