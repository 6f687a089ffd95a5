"""What the scheduler lets go next, in its order, with what the configuration has to say.

The rows tell of windows, rests and dead destinations; how many places a transport has, its pauses,
and the window that a destination begins with stand in main.cf and master.cf.

Parameters: those of scheduler/limits.py
"""

from typing import NamedTuple

from spoolmta.cli.output import note, print_json, printable
from spoolmta.cli.questions.hindrance import place
from spoolmta.cli.units import format_age, format_time, plural
from spoolmta.config.loader import Configuration
from spoolmta.scheduler.limits import transport_limits
from spoolmta.scheduler.transport import TransportLimits
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import outlook
from spoolmta.spool.questions.outlook import Load, Next


class Wanted(NamedTuple):
    """What is asked for: a transport ("": all), so many *places* of each destination."""

    transport: str
    places: int
    limit: int


class Verdict(NamedTuple):
    """Why a delivery does not go, or that it goes next."""

    hindrance: str
    explanation: str


def show(spool: Spool, configuration: Configuration, wanted: Wanted, *, as_json: bool) -> bool:
    """Print the order; return False if there is no such transport."""
    names = {s.name for s in configuration.services if s.kind != "inet"}
    if wanted.transport and wanted.transport not in names:
        note(f"{printable(wanted.transport)}: master.cf has no such transport")
        return False
    now = spool.clock.now()
    rows = outlook.schedule(spool, *wanted)
    loads = [one for one in outlook.loads(spool) if wanted.transport in ("", one.transport)]
    for load in loads:
        limits = transport_limits(configuration, load.transport, lambda _: None)
        if not as_json:
            print(printable(of_transport(load, limits)))
        for row in (row for row in rows if row.transport == load.transport):
            verdict = of_delivery(row, load, limits)
            if as_json:
                print_json({**row._asdict(), **verdict._asdict()})
            else:
                _print(row, verdict, now)
    if not as_json and not loads:
        note("Nothing waits for the scheduler, and nothing is under way.")
    return True


def of_transport(load: Load, limits: TransportLimits) -> str:
    """Return what is to be said of a transport."""
    capacity = f" of {limits.capacity}" if limits.capacity else ""
    text = (
        f"{load.transport}: {load.under_way}{capacity} under way;"
        f" {_deliveries(load.waiting)} for"
        f" {plural(load.destinations, 'destination')}"
    )
    if limits.rate_delay:
        text += f"; {limits.rate_delay:g} s between any two ({load.transport}_transport_rate_delay)"
    return text


def of_delivery(row: Next, load: Load, limits: TransportLimits) -> Verdict:
    """Return why a delivery does not go, or that it goes next: rows first, then configuration."""
    if row.hindrance not in ("none", "behind"):
        return Verdict(row.hindrance, row.explanation)
    first = limits.window.first_window
    if row.window is None and row.under_way >= first:
        text = f"the window is full: {row.under_way} of {first} under way (its first window)"
        return Verdict("window", text)
    if limits.capacity and load.under_way >= limits.capacity:
        return Verdict("transport", f"all {limits.capacity} places of {load.transport} are taken")
    return Verdict(row.hindrance, row.explanation)


def _print(row: Next, verdict: Verdict, now: float) -> None:
    since = format_age(now - row.waiting_since_at)
    where = place(row.transport, row.destination)
    print(
        printable(
            f"  {row.place:>3}  {row.queue_id}  {where}  waits {since}: {_local(row, verdict)}"
        )
    )


def _local(row: Next, verdict: Verdict) -> str:
    """Return the explanation with the time of day of this machine."""
    if row.until_at is None or verdict.hindrance not in ("dead", "rests"):
        return verdict.explanation
    if verdict.hindrance == "rests":
        return f"rests between deliveries until {format_time(row.until_at)}"
    cause = verdict.explanation.partition(" UTC: ")[2]
    return f"not tried before {format_time(row.until_at)}: {cause}"


def _deliveries(count: int) -> str:
    return "1 delivery waits" if count == 1 else f"{count} deliveries wait"
