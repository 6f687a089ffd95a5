"""The report of an incident: what was held, what had left already, to whom and from where."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from spoolmta.cli.output import Progress, note, print_json, print_table, printable
from spoolmta.cli.units import format_time, parse_moment, plural
from spoolmta.errors import UsageError
from spoolmta.service.crash import crash_point
from spoolmta.spool.connection import Spool, numbers
from spoolmta.spool.questions import incident
from spoolmta.spool.questions.incident import Culprit, Departure, Suspect
from spoolmta.spool.surgery import admin
from spoolmta.spool.surgery.operations import Author, Deed, Ongoing

_SLICE = 500
# So many are one transaction: all of it is done or nothing.
_HELD_AT_ONCE = 50_000
_TOP = 10


@dataclass(slots=True)
class Findings:
    """Queued messages by state, before anything was held; what was held; what has left."""

    queued: dict[int, Suspect] = field(default_factory=dict)
    states: Counter[str] = field(default_factory=Counter)
    held: int = 0
    operation: int | None = None
    waiting: int = 0
    messages: dict[int, Suspect] = field(default_factory=dict)
    sent: list[Departure] = field(default_factory=list)


def show(
    spool: Spool, culprit: Culprit, holder: Author | None, *, since: str | None, as_json: bool
) -> bool:
    """Hold and report; return False if there is no mail of the culprit.

    *holder* is who holds the mail; None: nothing is held.
    Raises UsageError: nobody is named, or *since* is no time.
    """
    if culprit == Culprit():
        raise UsageError("whose mail? Give --sasl-user, --client or --sender")
    begin = 0.0 if since is None else parse_moment(since, spool.clock.now())
    found = Findings()
    _find_queued(spool, culprit, found)
    if holder is not None:
        _hold(spool, culprit, holder, found)
    _find_gone(spool, culprit, begin, found)
    if as_json:
        print_json(_as_json(culprit, found, dry_run=holder is None))
    elif found.messages:
        _print(culprit, found, dry_run=holder is None)
    else:
        note(f"{_named(culprit)}: no mail of it in the queue or in the journal")
    return bool(found.messages)


def _find_queued(spool: Spool, culprit: Culprit, found: Findings) -> None:
    progress = Progress("messages looked at:")
    for seen, suspects in incident.queued(spool, culprit):
        progress.advance(seen)
        found.queued |= {suspect.message_id: suspect for suspect in suspects}
    progress.end()
    for ids in _slices(list(found.queued), _SLICE):
        rows = spool.read("states_of_messages", {"ids": numbers(ids)})
        found.states.update(state for _, state in rows)
        found.waiting += incident.count_unanswered(spool, list(ids))


def _hold(spool: Spool, culprit: Culprit, holder: Author, found: Findings) -> None:
    """Hold what can be: mail in maildrop is not cleaned up yet, and comes to its turn first."""
    progress = Progress("holding")
    reason = f"incident: {_named(culprit)}"
    deed = Ongoing(Deed("hold", holder, reason, {"incident": asdict(culprit)}))
    for ids in _slices(list(found.queued), _HELD_AT_ONCE):
        with spool.transaction() as tx:
            operation = deed.begin(tx)
            held = len(admin.hold(tx, ids, reason, operation=operation).done)
            deed.finish(tx, operation, held)
            crash_point("operate.before_commit")
        crash_point("operate.after_commit")
        found.held += held
        progress.advance(len(ids), len(found.queued))
    found.operation = deed.number
    progress.end()


def _find_gone(spool: Spool, culprit: Culprit, since: float, found: Findings) -> None:
    progress = Progress("events looked at:")
    found.messages = dict(found.queued)
    for traces in incident.traces(spool, culprit, since=since):
        progress.advance(traces.seen)
        found.messages |= {suspect.message_id: suspect for suspect in traces.accepted}
        found.sent += traces.sent
    progress.end()
    found.sent.sort()


def _as_json(culprit: Culprit, found: Findings, *, dry_run: bool) -> dict[str, object]:
    arrivals = sorted(suspect.arrived_at for suspect in found.messages.values())
    return {
        "culprit": culprit,
        "dry_run": dry_run,
        "messages": len(found.messages),
        "queued": dict(found.states),
        "held": found.held,
        "operation": found.operation,
        "waiting_recipients": found.waiting,
        "first_at": arrivals[0] if arrivals else None,
        "last_at": arrivals[-1] if arrivals else None,
        "clients": dict(_count(found, "client").most_common()),
        "senders": dict(_count(found, "sender").most_common()),
        "sasl_users": dict(_count(found, "sasl_user").most_common()),
        "sent": [
            {
                "at": departure.at,
                "recipient": departure.recipient,
                "relay": departure.relay,
                "queue_id": found.messages[departure.message_id].queue_id,
                "client": found.messages[departure.message_id].client,
                "sender": found.messages[departure.message_id].sender,
            }
            for departure in found.sent
        ],
    }


def _count(found: Findings, name: str) -> Counter[str]:
    return Counter(getattr(suspect, name) for suspect in found.messages.values())


def _print(culprit: Culprit, found: Findings, *, dry_run: bool) -> None:
    arrivals = sorted(suspect.arrived_at for suspect in found.messages.values())
    print(printable(f"incident: {_named(culprit)}"))
    span = f"{format_time(arrivals[0])} to {format_time(arrivals[-1])}"
    print(f"came in: {plural(len(found.messages), 'message')}, {span}")
    states = ", ".join(f"{count} {state}" for state, count in found.states.items()) or "none"
    done = "nothing was held (--dry-run)" if dry_run else f"{found.held} put on hold now"
    print(f"queued: {states}; {plural(found.waiting, 'recipient')} wait; {done}")
    for title, name in (("from clients", "client"), ("by logins", "sasl_user"), ("as", "sender")):
        counts = _count(found, name).most_common(_TOP)
        said = ", ".join(f"{text or '-'} ({count})" for text, count in counts)
        print(printable(f"{title}: {said}"))
    print(f"left already: {plural(len(found.sent), 'recipient')}")
    rows = [
        (
            f"  {format_time(departure.at)}",
            departure.recipient,
            departure.relay,
            found.messages[departure.message_id].queue_id,
            found.messages[departure.message_id].client,
        )
        for departure in found.sent
    ]
    if rows:
        print_table(("  TIME", "RECIPIENT", "RELAY", "ID", "CLIENT"), rows)
    if found.operation is not None:
        note(
            f"(spoolmta undo {found.operation} lets held mail go on, spoolmta queue delete ends it;"
        )
        note(" new mail is still taken in: disable the login or the client, too)")


def _named(culprit: Culprit) -> str:
    said = (
        ("sasl-user", culprit.sasl_user),
        ("client", culprit.client),
        ("sender", culprit.sender),
    )
    return ", ".join(f"{name} {text or '<>'}" for name, text in said if text is not None)


def _slices(ids: Sequence[int], size: int) -> list[Sequence[int]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]
