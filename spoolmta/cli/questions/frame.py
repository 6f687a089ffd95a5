"""A frame of the live screen: an overview as lines of a width, with or without colours.

Must not: read rows; print
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from spoolmta.cli.output import printable, shorten
from spoolmta.cli.questions.overview import BUCKETS, Overview, Shape
from spoolmta.cli.units import format_age

SORTS = ("number", "age", "name")

_NAME_WIDTH = 28
_CELL = 6
# From pale to red: colours of the terminals that have 256 of them.
_HEAT = (230, 229, 228, 222, 215, 209, 203, 197, 196)
_RATES = (("accepted", "in"), ("sent", "sent"), ("deferred", "put off"), ("bounced", "bounced"))
_REASONS_SHARE = 3


class Look(NamedTuple):
    """How a frame is to look; *height* 0: as long as it gets."""

    width: int = 120
    height: int = 0
    sort: str = SORTS[0]
    colours: bool = False


class Row(NamedTuple):
    """One line of the heat map."""

    name: str
    total: int
    ages: list[int]
    note: str


def frame(overview: Overview, title: str, look: Look) -> list[str]:
    """Return the lines of a frame."""
    lines = [
        f"{title}  {time.strftime('%H:%M:%S', time.localtime(overview.at))}",
        _states(overview),
        _rates(overview),
        "",
    ]
    rows = ordered(overview, look.sort)
    room = max(2, look.height - len(lines) - 4) if look.height else 0
    of_reasons = max(1, room // _REASONS_SHARE) if room else len(overview.shape.reasons)
    reasons = overview.shape.reasons.most_common(min(of_reasons, 10 if not room else of_reasons))
    shown = rows[: max(1, room - len(reasons))] if room else rows[:20]
    lines += _heat_map(overview.shape, shown, len(rows), look)
    if reasons:
        lines += ["", "REASONS"]
        lines += [f"{count:>9,}  {dsn}  {printable(text)}" for (dsn, text), count in reasons]
    return [line if "\033" in line else shorten(line, look.width) for line in lines]


def table(shape: Shape, limit: int, look: Look) -> Iterator[str]:
    """Yield the lines of a table of destinations by age, the most first; *limit* 0: all."""
    rows = [Row(name, sum(ages), ages, "") for name, ages in shape.domains.items()]
    rows.sort(key=lambda row: (-row.total, row.name))
    return _heat_map(shape, rows[:limit] if limit else rows, len(rows), look)


def ordered(overview: Overview, sort: str) -> list[Row]:
    """Return the destinations in an order: the most first, the oldest first, or by name."""
    orders: dict[str, Callable[[Row], object]] = {
        "number": lambda row: (-row.total, row.name),
        "age": lambda row: ([-count for count in reversed(row.ages)], row.name),
        "name": lambda row: row.name,
    }
    rows = [
        Row(name, sum(ages), ages, _note(overview, name))
        for name, ages in overview.shape.domains.items()
    ]
    return sorted(rows, key=orders[sort])  # type: ignore[arg-type]


def _note(overview: Overview, name: str) -> str:
    until = overview.dead.get(name)
    if until is not None:
        return f"dead for {format_age(until - overview.at)}"
    busy = overview.busy.get(name)
    return f"{busy} under way" if busy else ""


def _states(overview: Overview) -> str:
    parts = []
    for state in overview.states:
        old = "" if state.oldest_at is None else f" ({format_age(overview.at - state.oldest_at)})"
        parts.append(f"{state.state} {state.messages:,}{old}")
    return "  ".join(parts)


def _rates(overview: Overview) -> str:
    span, counts = overview.rates
    said = "  ".join(f"{word} {counts.get(kind, 0) / span:.1f}/s" for kind, word in _RATES)
    return f"{said}  (last {format_age(span)})"


def _heat_map(shape: Shape, shown: list[Row], count: int, look: Look) -> Iterator[str]:
    part = "" if shape.part >= 1.0 else f"  ({shape.part:.0%} of the queue looked at)"
    heads = [*(f"{minutes}" for minutes in BUCKETS), f"{BUCKETS[-1]}+"]
    head = "".join(text.rjust(_CELL) for text in heads)
    yield f"{'WAITING FOR, BY AGE IN MINUTES':<{_NAME_WIDTH}}  {'TOTAL':>9}{head}{part}"
    most = max((max(row.ages) for row in shown), default=0)
    for row in shown:
        name = shorten(printable(row.name or "(this machine)"), _NAME_WIDTH)
        cells = "".join(_cell(number, most, colours=look.colours) for number in row.ages)
        yield f"{name:<{_NAME_WIDTH}}  {row.total:>9,}{cells}  {row.note}".rstrip()
    if count > len(shown):
        yield f"... and {count - len(shown):,} more"


def _cell(number: int, most: int, *, colours: bool) -> str:
    """Return a cell of the heat map: the more, the redder."""
    text = _short(number).rjust(_CELL)
    if not (colours and number):
        return text
    heat = _HEAT[(number - 1) * len(_HEAT) // most]
    return f"\033[38;5;16;48;5;{heat}m{text}\033[0m"


def _short(number: int) -> str:
    """Return a number in five characters at most."""
    if not number:
        return "."
    if number < 10_000:
        return str(number)
    return f"{number // 1000}k" if number < 1_000_000 else f"{number // 1_000_000}M"
