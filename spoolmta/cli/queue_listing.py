"""spoolmta queue list: one line a message, and what the filter options mean."""

from collections.abc import Iterator

from spoolmta.cli.output import Progress, note, print_json, print_table, shorten
from spoolmta.cli.queue_choice import Filters
from spoolmta.cli.units import format_age, format_size, parse_age
from spoolmta.errors import UsageError
from spoolmta.spool import inspect
from spoolmta.spool.connection import Spool
from spoolmta.spool.inspect import Entry, Filter
from spoolmta.spool.state import State

_COLUMNS = ("ID", "STATE", "AGE", "SIZE", "SENDER", "RECIPIENTS", "NEXT TRY", "REASON")
_NUMBERS = ("SIZE",)
_ROWS_AT_ONCE = 1000
_STATES = frozenset(State)
_ADDRESS_WIDTH = 40
_REASON_WIDTH = 80


def show(spool: Spool, options: Filters, *, limit: int, as_json: bool) -> None:
    """Print the messages that fit, at most *limit* (0: all).

    Raises UsageError: an option is not understood.
    """
    wanted = to_filter(options, now=spool.clock.now())
    now = spool.clock.now()
    shown = 0
    rows: list[tuple[str, ...]] = []
    for entry in _entries(spool, wanted):
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
    elif not shown and not as_json:
        note("No message in the queue fits." if options.given else "The queue is empty.")


def to_filter(options: Filters, *, now: float) -> Filter:
    """Return the filter that the options mean.

    Raises UsageError: a state or an age is none.
    """
    age = options.older_than
    return Filter(
        states=_wanted_states(options.state),
        sender="" if options.sender == "<>" else options.sender,
        recipient=options.recipient,
        domain=options.domain,
        nexthop=options.nexthop,
        reason=options.reason,
        arrived_before=None if age is None else now - parse_age(age),
    )


def _wanted_states(names: list[str] | None) -> tuple[State, ...]:
    wanted = [name.strip() for text in names or () for name in text.split(",")]
    unknown = [name for name in wanted if name not in _STATES]
    if unknown:
        raise UsageError(f"{unknown[0]}: there is no such state; the states are {', '.join(State)}")
    return tuple(State(name) for name in wanted) or tuple(State)


def _entries(spool: Spool, wanted: Filter) -> Iterator[Entry]:
    progress = Progress("looked at")
    for seen, ids in inspect.search(spool, wanted):
        progress.advance(seen)
        if ids:
            progress.end()
            yield from inspect.entries(spool, ids)
    progress.end()


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
