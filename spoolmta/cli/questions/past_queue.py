"""The queue as it was at a time: as a listing, and as a table of destinations by age."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from spoolmta.cli.messages.choice import Choice, Filters
from spoolmta.cli.output import Progress, note, print_json, print_table, shorten
from spoolmta.cli.questions.frame import Look, table
from spoolmta.cli.questions.overview import Shape
from spoolmta.cli.units import format_age, format_size, format_time, parse_age, parse_moment, plural
from spoolmta.errors import UsageError
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import as_of, gauges
from spoolmta.spool.questions.as_of import Past
from spoolmta.spool.questions.gauges import Aged

_COLUMNS = ("ID", "STATE", "AGE", "SIZE", "SENDER", "RECIPIENTS", "NEXT TRY", "REASON")
_WIDTH = 40
_REASON_WIDTH = 80


def show_list(spool: Spool, choice: Choice, text: str, *, limit: int, as_json: bool) -> None:
    """Print the messages that were in the queue at a time, the oldest first; at most *limit*.

    Raises UsageError: the time is none, is to come, or a filter does not hold for the past.
    """
    at = _moment(spool, text)
    options = choice.filters
    for name in ("nexthop", "client", "sasl_user", "where"):
        if getattr(options, name):
            raise UsageError(f"--{name.replace('_', '-')} does not hold for the past")
    if choice.by_id:
        raise UsageError("--as-of lists the queue; spoolmta trace tells the life of one message")
    found = [past for past in _queue(spool, at) if _fits(past, options, at)]
    found.sort(key=lambda past: past.arrived_at)
    shown = found[:limit] if limit else found
    if as_json:
        for past in shown:
            print_json({**{k: getattr(past, k) for k in past.__slots__}, "waiting": past.waiting})
        return
    if shown:
        print_table(_COLUMNS, [_row(past, at) for past in shown], right=("SIZE",))
    more = f", of which {len(shown)} are shown; --limit 0 shows all" if shown != found else ""
    note(f"({plural(len(found), 'message')} at {format_time(at)}{more})")


def show_shape(spool: Spool, text: str | None, *, limit: int, as_json: bool) -> None:
    """Print how many recipients waited for each domain, by age; now, if no time is given.

    Raises UsageError: the time is none, or is to come.
    """
    at = spool.clock.now() if text is None else _moment(spool, text)
    shape = Shape(part=1.0, at=at)
    if text is None:
        for look in gauges.look_through(spool):
            shape.add(look.recipients, at)
    else:
        for past in _queue(spool, at):
            shape.add([Aged(past.arrived_at, r, "", "") for r in past.waiting], at)
    if as_json:
        for name, ages in sorted(shape.domains.items(), key=lambda item: -sum(item[1])):
            print_json({"domain": name, "total": sum(ages), "ages": ages})
        return
    for line in table(shape, limit, Look()):
        print(line)


def _moment(spool: Spool, text: str) -> float:
    now = spool.clock.now()
    at = parse_moment(text, now)
    if at > now:
        raise UsageError(f"{text}: that is to come; the journal knows what was")
    return at


def _queue(spool: Spool, at: float) -> Iterator[Past]:
    progress = Progress("events looked at:")
    for seen, found in as_of.queue(spool, at):
        progress.advance(seen)
        yield from found
    progress.end()


def _fits(past: Past, options: Filters, at: float) -> bool:
    states = {name.strip() for text in options.state or () for name in text.split(",")}
    waiting = past.waiting
    return (
        (not states or past.state in states)
        and _matches(options.sender, ["<>" if not past.sender else past.sender])
        and _matches(options.recipient, waiting)
        and _matches([f"*@{domain}" for domain in options.domain or ()], waiting)
        and _matches([f"*{text}*" for text in options.reason or ()], [past.reason])
        and (options.older_than is None or past.arrived_at <= at - parse_age(options.older_than))
    )


def _matches(patterns: list[str] | None, texts: list[str]) -> bool:
    """Return whether any of the patterns fits any of the texts; no pattern fits all."""
    folded = [pattern.lower().replace("[", "[[]") for pattern in patterns or ()]
    return not folded or any(fnmatchcase(text.lower(), one) for text in texts for one in folded)


def _row(past: Past, at: float) -> tuple[str, ...]:
    first = past.recipients[0] if past.recipients else ""
    others = len(past.recipients) - 1
    try_at = past.next_try_at
    return (
        past.queue_id,
        past.state,
        format_age(at - past.arrived_at),
        format_size(past.size),
        shorten(past.sender or "<>", _WIDTH),
        shorten(first, _WIDTH) + (f" (+{others})" if others > 0 else ""),
        "" if try_at is None else f"in {format_age(max(0.0, try_at - at))}",
        shorten(past.reason, _REASON_WIDTH),
    )
