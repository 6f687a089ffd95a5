"""spoolmta queue list and count: one line a message, and how many there are."""

from collections.abc import Iterator, Sequence

from spoolmta.cli.messages.choice import Choice, to_selector
from spoolmta.cli.output import note, print_json, print_table, printable, shorten
from spoolmta.cli.units import format_age, format_size
from spoolmta.message.queue_id import parse_queue_id
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import inspect
from spoolmta.spool.questions.inspect import Entry
from spoolmta.spool.state import State

_COLUMNS = ("ID", "STATE", "AGE", "SIZE", "SENDER", "RECIPIENTS", "NEXT TRY", "REASON")
_NUMBERS = ("SIZE",)
_ROWS_AT_ONCE = 1000
_ADDRESS_WIDTH = 40
_REASON_WIDTH = 80


def show(spool: Spool, choice: Choice, *, limit: int, as_json: bool) -> bool:
    """Print the messages that are meant, at most *limit* (0: all).

    Return False if a message that was named is not in the queue.
    Raises UsageError: an option is not understood.
    """
    now = spool.clock.now()
    shown = 0
    rows: list[tuple[str, ...]] = []
    for entry in _entries(spool, choice):
        if as_json:
            print_json(entry)
        else:
            rows.append(_row(entry, now))
        shown += 1
        if len(rows) == _ROWS_AT_ONCE:
            print_table(_COLUMNS, rows, right=_NUMBERS, headings=shown == len(rows))
            rows = []
        if shown == limit:
            break
    if rows:
        print_table(_COLUMNS, rows, right=_NUMBERS, headings=shown == len(rows))
    if limit and shown == limit:
        note(f"(the first {limit}; --limit 0 shows all)")
    elif not shown and not as_json and not choice.ids:
        note("No message in the queue fits." if choice.is_bulk else "The queue is empty.")
    return _tell_unknown(spool, choice)


def count(spool: Spool, choice: Choice, *, as_json: bool) -> bool:
    """Print how many messages are meant, by state, and in all; return False as show does."""
    counts = {str(state): 0 for state in State}
    if choice.names_any and not choice.everything:
        for entry_state in inspect.places(spool, _ids(spool, choice)).values():
            counts[entry_state] += 1
    else:
        counts.update({found.state: found.messages for found in inspect.states(spool)})
    counts["all"] = sum(counts.values())
    if as_json:
        print_json(counts)
    else:
        print_table(("STATE", "MESSAGES"), list(counts.items()), right=("MESSAGES",))
    return _tell_unknown(spool, choice)


def _entries(spool: Spool, choice: Choice) -> Iterator[Entry]:
    """Yield the messages that are meant, state by state."""
    for ids in _pages(spool, choice):
        places = {message_id: place for place, message_id in enumerate(ids)}
        yield from sorted(inspect.entries(spool, ids), key=lambda entry: places[entry.message_id])


def _pages(spool: Spool, choice: Choice) -> Iterator[Sequence[int]]:
    states = tuple(State)
    if choice.names_any and not choice.everything:
        wanted = None if choice.by_id else to_selector(choice.filters, now=spool.clock.now())
        if wanted is None or not wanted.is_plain:
            ids = _ids(spool, choice)
            yield from (ids[n : n + inspect.PAGE] for n in range(0, len(ids), inspect.PAGE))
            return
        states = tuple(state for state in State if state in wanted.states)
    yield from inspect.pages(spool, states)


def _ids(spool: Spool, choice: Choice) -> list[int]:
    if choice.by_id:
        numbers = (parse_queue_id(queue_id) for queue_id in choice.ids)
        return [number for number in numbers if number is not None]
    # A listing without filters starts faster without it.
    from spoolmta.spool.surgery import selection

    wanted = to_selector(choice.filters, now=spool.clock.now())
    return selection.select(spool, wanted).message_ids


def _tell_unknown(spool: Spool, choice: Choice) -> bool:
    unknown = [queue_id for queue_id in choice.ids if inspect.find(spool, queue_id) is None]
    for queue_id in unknown:
        note(f"{printable(queue_id)}: not in the queue; spoolmta trace tells what became of it")
    return not unknown


def _row(entry: Entry, now: float) -> tuple[str, ...]:
    next_try = entry.next_try_at
    others = entry.recipients - 1
    return (
        entry.queue_id,
        entry.state,
        format_age(now - entry.arrived_at),
        format_size(entry.size),
        shorten(entry.sender or "<>", _ADDRESS_WIDTH),
        shorten(entry.first_recipient, _ADDRESS_WIDTH) + (f" (+{others})" if others > 0 else ""),
        ""
        if next_try is None
        else "now"
        if next_try <= now
        else f"in {format_age(next_try - now)}",
        shorten(entry.reason, _REASON_WIDTH),
    )
