"""The report of an incident: what was held, what had left already, to whom and from where."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from spoolmta.cli.output import Progress, note, print_json, print_table, printable
from spoolmta.cli.units import format_time, parse_moment, plural
from spoolmta.errors import UsageError
from spoolmta.spool import admin, incident
from spoolmta.spool.connection import Spool, numbers
from spoolmta.spool.incident import Culprit, Departure, Suspect

_SLICE = 500
_TOP = 10


@dataclass(slots=True)
class Findings:
    """Queued messages by state, before anything was held; what was held; what has left."""

    queued: dict[int, Suspect] = field(default_factory=dict)
    states: Counter[str] = field(default_factory=Counter)
    held: int = 0
    waiting: int = 0
    messages: dict[int, Suspect] = field(default_factory=dict)
    sent: list[Departure] = field(default_factory=list)


def show(
    spool: Spool, culprit: Culprit, *, since: str | None, dry_run: bool, as_json: bool
) -> bool:
    """Hold and report; return False if there is no mail of the culprit.

    Raises UsageError: nobody is named, or *since* is no time.
    """
    if culprit == Culprit():
        raise UsageError("whose mail? Give --sasl-user, --client or --sender")
    begin = 0.0 if since is None else parse_moment(since, spool.clock.now())
    found = Findings()
    _find_queued(spool, culprit, found)
    if not dry_run:
        _hold(spool, culprit, found)
    _find_gone(spool, culprit, begin, found)
    if as_json:
        print_json(_as_json(culprit, found, dry_run=dry_run))
    elif found.messages:
        _print(culprit, found, dry_run=dry_run)
    else:
        note(f"{_named(culprit)}: no mail of it in the queue or in the journal")
    return bool(found.messages)


def _find_queued(spool: Spool, culprit: Culprit, found: Findings) -> None:
    progress = Progress("messages looked at:")
    for seen, suspects in incident.queued(spool, culprit):
        progress.advance(seen)
        found.queued |= {suspect.message_id: suspect for suspect in suspects}
    progress.end()
    for ids in _slices(list(found.queued)):
        rows = spool.read("states_of_messages", {"ids": numbers(ids)})
        found.states.update(state for _, state in rows)
        found.waiting += incident.count_unanswered(spool, list(ids))


def _hold(spool: Spool, culprit: Culprit, found: Findings) -> None:
    """Hold what can be: mail in maildrop is not cleaned up yet, and comes to its turn first."""
    progress = Progress("holding")
    reason = f"incident: {_named(culprit)}"
    for ids in _slices(list(found.queued)):
        with spool.transaction() as tx:
            found.held += len(admin.hold(tx, ids, reason).done)
        progress.advance(len(ids), len(found.queued))
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
    if not dry_run and found.held:
        note("(spoolmta queue release lets held mail go, spoolmta queue delete ends it;")
        note(" new mail is still taken in: disable the login or the client, too)")


def _named(culprit: Culprit) -> str:
    said = (
        ("sasl-user", culprit.sasl_user),
        ("client", culprit.client),
        ("sender", culprit.sender),
    )
    return ", ".join(f"{name} {text or '<>'}" for name, text in said if text is not None)


def _slices(ids: Sequence[int]) -> list[Sequence[int]]:
    return [ids[start : start + _SLICE] for start in range(0, len(ids), _SLICE)]
