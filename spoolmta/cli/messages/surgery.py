"""The verbs of spoolmta queue that change messages: which ones, the question, the work, the tale.

A command is one transaction and one row of `operation`, which spoolmta undo takes back. Only a
flush of everything goes in slices: it changes nothing that would have to be undone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from spoolmta.cli.access import Access
from spoolmta.cli.messages import preview
from spoolmta.cli.messages.choice import Choice, to_selector
from spoolmta.cli.messages.queue_verbs import Verb
from spoolmta.cli.output import Progress, note, print_json, printable
from spoolmta.cli.units import plural
from spoolmta.errors import UsageError
from spoolmta.service.crash import crash_point
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import inspect
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin, flushing, operations, selection
from spoolmta.spool.surgery.operations import Author, Deed
from spoolmta.spool.surgery.selection import Selected

_TOLD = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """How a command is to be done: by whom, why, and whether to ask, to do, to print JSON."""

    author: Author
    because: str = ""
    yes: bool = False
    dry_run: bool = False
    as_json: bool = False


@dataclass(slots=True)
class Tally:
    """What became of the messages; *operation* is the number that undoes it."""

    verb: str
    done: int = 0
    operation: int | None = None
    busy: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    elsewhere: dict[str, str] = field(default_factory=dict)
    unfit: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """True if it was done to all that were meant."""
        return not (self.busy or self.unknown or self.elsewhere or self.unfit)


def run(access: Access, verb: Verb, choice: Choice, asked: Asked) -> bool:
    """Do *verb*, wake whom it concerns, and return True if it was done to all that were meant.

    Raises what `operate` raises.
    """
    with access.spool() as spool:
        complete = operate(spool, verb, choice, asked)
    access.poke(*verb.wakes)
    return complete


def operate(spool: Spool, verb: Verb, choice: Choice, asked: Asked) -> bool:
    """Do *verb* to the messages that are meant; return True if it was done to all of them.

    Raises UsageError: nothing was named, or the question could not be asked.
    """
    if not choice.names_any:
        raise UsageError(
            "which messages? Give IDs, filters or ALL; the same with --help explains them"
        )
    tally = Tally(verb.name)
    if choice.is_bulk:
        spool.enlarge_cache()
    # What nobody is shown is looked for in its state by the work alone.
    seen = asked.dry_run or not asked.yes
    selected = choose(spool, choice, verb.states, tally, located=seen)
    if not _confirmed(spool, verb.name, choice, selected, asked):
        return asked.dry_run
    if not selected.message_ids:
        _tell(verb, tally, as_json=asked.as_json)
        return tally.is_complete
    deed = Deed(verb.name, asked.author, asked.because, {**choice.said(), **verb.said})
    with spool.transaction() as tx:
        operation = operations.begin(tx, deed)
        done = verb.work(tx, selected, operation)
        operations.finish(tx, operation, len(done.done))
        crash_point("operate.before_commit")
    crash_point("operate.after_commit")
    tally.done = len(done.done)
    tally.operation = operation.operation_id if done.done else None
    tally.busy = _names(spool, done.busy)
    tally.unfit = {why: _names(spool, ids) for why, ids in done.unfit.items()}
    _tell(verb, tally, as_json=asked.as_json)
    return tally.is_complete


def flush(spool: Spool, choice: Choice, asked: Asked) -> bool:
    """Let deferred messages be tried now, all of them if none are named."""
    tally = Tally("flush")
    verb = Verb("flush", "made due", (State.DEFERRED,), flushing.WAKES, lambda *_: admin.Done())
    if choice.everything or not choice.names_any:
        tally.done = _flush_all(spool)
    else:
        selected = choose(spool, choice, verb.states, tally)
        if not _confirmed(spool, "flush", choice, selected, asked):
            return asked.dry_run
        if selected.message_ids:
            _flush_chosen(spool, selected.message_ids)
        tally.done = len(selected.message_ids)
    _tell(verb, tally, as_json=asked.as_json)
    return tally.is_complete


def choose(
    spool: Spool,
    choice: Choice,
    states: Sequence[State],
    tally: Tally,
    *,
    located: bool = True,
) -> Selected:
    """Return the messages that are meant and are in one of *states*.

    If not *located*, there may be others among them (`selection.select`).
    """
    if not choice.by_id:
        wanted = to_selector(choice.filters, now=spool.clock.now())
        return selection.select(spool, wanted, states=states, located=located)
    ids = []
    for queue_id in choice.ids:
        entry = inspect.find(spool, queue_id)
        if entry is None:
            tally.unknown.append(queue_id)
        elif State(entry.state) not in states:
            tally.elsewhere[queue_id] = entry.state
        else:
            ids.append(entry.message_id)
    return Selected(ids)


def _confirmed(spool: Spool, verb: str, choice: Choice, selected: Selected, asked: Asked) -> bool:
    """Show what is about to be done, and ask, as far as that is wanted."""
    ids = selected.message_ids
    asks = choice.is_bulk and bool(ids) and not asked.yes
    if not (asks or asked.dry_run):
        return True
    seen = preview.look(spool, verb, ids)
    if asked.dry_run and asked.as_json:
        print_json(seen)
        return False
    preview.tell(seen)
    if not asked.dry_run and preview.agreed(verb, len(ids)):
        return True
    note("Nothing was done.")
    return False


def _flush_chosen(spool: Spool, message_ids: Sequence[int]) -> None:
    with spool.transaction() as tx:
        admin.make_due(tx, message_ids)
        admin.request_flush(tx)
        crash_point("operate.before_commit")
    crash_point("operate.after_commit")


def _flush_all(spool: Spool) -> int:
    progress = Progress("flushing")
    done = 0
    for count in flushing.flush_all(spool):
        done += count
        progress.advance(count)
        crash_point("flush.after_slice")
    progress.end()
    return done


def _names(spool: Spool, ids: Sequence[int]) -> list[str]:
    return [entry.queue_id for entry in inspect.entries(spool, ids)]


def _tell(verb: Verb, tally: Tally, *, as_json: bool) -> None:
    if as_json:
        print_json(tally)
        return
    for queue_id in tally.unknown:
        note(f"{printable(queue_id)}: not in the queue; spoolmta trace tells what became of it")
    for queue_id, state in tally.elsewhere.items():
        note(f"{queue_id}: is {state}; {verb.name} is for {', '.join(verb.states)}")
    reasons = {"is being delivered at this moment, left as it is": tally.busy, **tally.unfit}
    for why, names in reasons.items():
        tell_each(names, why)
    undo = "" if tally.operation is None else f" (spoolmta undo {tally.operation} takes it back)"
    print(f"{plural(tally.done, 'message')} {verb.past}{undo}")


def tell_each(names: Sequence[str], why: str) -> None:
    """Print the same of several messages; of very many only how many there are."""
    for name in names[:_TOLD]:
        note(f"{name}: {why}")
    if len(names) > _TOLD:
        note(f"... and {len(names) - _TOLD:,} more: {why}")
