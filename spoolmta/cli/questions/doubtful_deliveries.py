"""Attempts whose process died before it reported: to whom, by whom, and what came after.

What such an attempt had got done is written nowhere; the journal tells that it was made. A maildir
has a repeated message once, since the name of the file derives from it; error and discard deliver
nothing. All others may have it twice once it has been sent again.
"""

from dataclasses import dataclass

from spoolmta.cli.output import Progress, note, print_json, printable
from spoolmta.cli.units import format_age, format_time, parse_moment, plural
from spoolmta.config.loader import Configuration
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import inspect, past
from spoolmta.spool.questions.inspect import Event

_DELIVER_NOTHING = frozenset({"error", "discard"})
_SAME_FILE = "virtual"
_ANSWERS = ("sent", "deferred", "bounced")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A recipient who may have got a message twice; times are seconds.

    *died_at* is None while nobody has noticed it. *risk* says how likely it is: "twice" (it was
    sent again), "once or twice" (it was not sent again yet), "once" (repeating makes no second).
    """

    queue_id: str
    recipient: str
    transport: str
    nexthop: str
    service: str
    pid: int
    started_at: float
    died_at: float | None
    risk: str
    then: str
    then_at: float | None
    then_relay: str


def show(spool: Spool, configuration: Configuration, *, since: str | None, as_json: bool) -> None:
    """Print the deliveries in doubt, the latest first.

    Raises UsageError: *since* is no time.
    """
    now = spool.clock.now()
    begin = 0.0 if since is None else parse_moment(since, now)
    programs = {s.name: s.command for s in configuration.services if s.kind != "inet"}
    found = [
        doubt
        for doubt in (*_present(spool, programs), *_past(spool, begin, programs))
        if programs.get(doubt.transport) not in _DELIVER_NOTHING
    ]
    for doubt in found:
        if as_json:
            print_json(doubt)
        else:
            _print(doubt, now)
    if not as_json:
        note(
            f"({plural(len(found), 'recipient')} may have a message twice)"
            if found
            else "No delivery is in doubt, as far as the journal reaches."
        )


def _present(spool: Spool, programs: dict[str, str]) -> list[Doubt]:
    """Return attempts of dead processes that are on record still: the keeper has not come yet."""
    return [
        Doubt(
            one.queue_id,
            one.recipient,
            one.transport,
            one.nexthop,
            one.service,
            one.pid,
            one.started_at,
            None,
            "once" if programs.get(one.transport) == _SAME_FILE else "once or twice",
            "",
            None,
            "",
        )
        for one in past.attempts_of_the_dead(spool)
    ]


def _past(spool: Spool, since: float, programs: dict[str, str]) -> list[Doubt]:
    progress = Progress("events looked at:")
    crashed: list[Event] = []
    for seen, events in past.backwards(spool, ("crashed",), since=since):
        progress.advance(seen)
        crashed += events
    progress.end()
    return [_doubt(spool, event, programs) for event in crashed]


def _doubt(spool: Spool, crash: Event, programs: dict[str, str]) -> Doubt:
    said = crash.detail
    life = list(inspect.events(spool, crash.message_id))
    then = next((event for event in life if _answers(event, crash)), None)
    transport = str(said.get("transport"))
    if programs.get(transport) == _SAME_FILE:
        risk = "once"
    else:
        risk = "twice" if then is not None and then.kind == "sent" else "once or twice"
    return Doubt(
        _queue_id(life, crash),
        crash.recipient,
        transport,
        str(said.get("nexthop")),
        str(said.get("service") or "a process that is gone"),
        _whole(said.get("pid")),
        _number(said.get("started_at")),
        crash.at,
        risk,
        then.kind if then is not None else "",
        then.at if then is not None else None,
        str(then.detail.get("relay")) if then is not None else "",
    )


def _answers(event: Event, crash: Event) -> bool:
    later = event.event_id > crash.event_id
    return later and event.kind in _ANSWERS and event.recipient == crash.recipient


def _queue_id(life: list[Event], crash: Event) -> str:
    from spoolmta.cli.questions.message_history import queue_id_of

    return queue_id_of(life or [crash])


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _whole(value: object) -> int:
    return int(value) if isinstance(value, int) else 0


def _print(doubt: Doubt, now: float) -> None:
    where = f"{doubt.transport}:{doubt.nexthop}" if doubt.nexthop else doubt.transport
    begun = f"begun {format_time(doubt.started_at)}"
    died = "dead" if doubt.died_at is None else f"found dead {format_time(doubt.died_at)}"
    print(printable(f"{doubt.queue_id}  {doubt.recipient}  by {where}: {doubt.risk}"))
    print(printable(f"    {doubt.service}, process {doubt.pid}: {begun}, {died}"))
    if doubt.then_at is None:
        print("    not answered again yet")
        return
    by = f" by {doubt.then_relay}" if doubt.then_relay not in ("", "none") else ""
    ago = format_age(now - doubt.then_at)
    print(printable(f"    then {doubt.then}{by}, {format_time(doubt.then_at)} ({ago} ago)"))
