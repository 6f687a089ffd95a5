"""Replies that mean the same, taken together: how many, where, since when, and one word by word.

A deep queue is looked through for some seconds only, in pages spread over all of it; what they have
stands for the whole.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from spoolmta.address.parts import split_address
from spoolmta.cli.output import Progress, note, print_json, printable, shorten
from spoolmta.cli.units import format_age, format_time, parse_moment, plural
from spoolmta.message.fingerprint import fingerprint
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import gauges, past

_DESTINATIONS = 5
_LOOK_SECONDS = 3.0
_WIDTH = 150


@dataclass(slots=True)
class Cluster:
    """The answers of one fingerprint. *oldest_at*: the arrival of the oldest mail that waits for
    it, or, of what is new, its first answer (seconds).
    """

    fingerprint: str
    dsn: str
    example: str
    example_queue_id: str
    oldest_at: float
    recipients: int = 0
    domains: Counter[str] = field(default_factory=Counter)

    def add(self, address: str, at: float) -> None:
        """Count a recipient."""
        self.recipients += 1
        self.oldest_at = min(self.oldest_at, at)
        self.domains[split_address(address)[1].lower()] += 1


Answer = tuple[str, float, str, str, str]  # queue id, time, address, dsn, reason


def show(spool: Spool, *, since: str | None, whole: bool, limit: int, as_json: bool) -> None:
    """Print the reasons, the most frequent first; with *whole* however long it takes.

    Raises UsageError: *since* is no time.
    """
    now = spool.clock.now()
    part = 1.0
    if since is None:
        found, part = _of_queue(spool, seconds=None if whole else _LOOK_SECONDS)
    else:
        found = _new_since(spool, parse_moment(since, now))
    ordered = sorted(found.values(), key=lambda cluster: (-cluster.recipients, cluster.fingerprint))
    shown = ordered[:limit] if limit else ordered
    for cluster in shown:
        if as_json:
            print_json(_as_json(cluster, part))
        else:
            _print(cluster, now, part, new=since is not None)
    if as_json:
        return
    if not ordered:
        note("No reason is new." if since else "No mail in the queue waits after an answer.")
    elif len(shown) < len(ordered):
        note(f"({len(ordered) - len(shown)} more; --limit 0 shows all)")
    if part < 1:
        note(f"(looked through {part:.0%} of the queue, numbers are estimates; --all counts all)")


def group(found: dict[str, Cluster], answers: Iterable[Answer]) -> None:
    """Add answers to the clusters that they belong to."""
    for queue_id, at, address, dsn, reason in answers:
        key = f"{dsn} {fingerprint(reason)}"
        cluster = found.get(key)
        if cluster is None:
            cluster = found[key] = Cluster(fingerprint(reason), dsn, reason, queue_id, at)
        cluster.add(address, at)


def _of_queue(spool: Spool, *, seconds: float | None) -> tuple[dict[str, Cluster], float]:
    """Return the reasons that mail waits for, and which part of the queue was looked through."""
    progress = Progress("recipients looked at:")
    found: dict[str, Cluster] = {}
    part, end = 1.0, None if seconds is None else time.monotonic() + seconds
    for look in gauges.look_through(spool):
        group(
            found,
            (
                (aged.queue_id, aged.arrived_at, aged.address, aged.dsn, aged.reason)
                for aged in look.recipients
                if aged.dsn
            ),
        )
        progress.advance(len(look.recipients))
        if end is not None and time.monotonic() >= end:
            part = look.part
            break
    progress.end()
    return found, part


def _new_since(spool: Spool, since: float) -> dict[str, Cluster]:
    """Return the reasons since then that the journal does not know from before."""
    progress = Progress("events looked at:")
    found: dict[str, Cluster] = {}
    for seen, events in past.backwards(spool, ("deferred",)):
        progress.advance(seen)
        for event in events:
            dsn, reason = str(event.detail.get("dsn")), str(event.detail.get("reason"))
            if event.at >= since:
                queue_id = f"{event.message_id:015X}"
                group(found, [(queue_id, event.at, event.recipient, dsn, reason)])
            else:
                found.pop(f"{dsn} {fingerprint(reason)}", None)
        if not found and events and events[-1].at < since:
            break
    progress.end()
    return found


def _as_json(cluster: Cluster, part: float) -> dict[str, object]:
    return {
        "fingerprint": cluster.fingerprint,
        "dsn": cluster.dsn,
        "recipients": round(cluster.recipients / part),
        "part": part,
        "domains": len(cluster.domains),
        "top_domains": dict(cluster.domains.most_common(_DESTINATIONS)),
        "oldest_at": cluster.oldest_at,
        "example": cluster.example,
        "example_queue_id": cluster.example_queue_id,
    }


def _print(cluster: Cluster, now: float, part: float, *, new: bool) -> None:
    about = "" if part == 1 else "about "
    many = plural(round(cluster.recipients / part), "recipient")
    head = f"{about}{many}  {cluster.dsn}  {cluster.fingerprint}"
    print(shorten(printable(head), _WIDTH))
    top = ", ".join(
        f"{name or 'this machine'} {round(count / part)}"
        for name, count in cluster.domains.most_common(_DESTINATIONS)
    )
    others = len(cluster.domains) - _DESTINATIONS
    more = f" and {plural(others, 'domain')} more" if others > 0 else ""
    print(printable(f"    for {top}{more}"))
    when = f"first {format_time(cluster.oldest_at)}" if new else "oldest mail"
    print(f"    {when}, {format_age(now - cluster.oldest_at)} old")
    print(printable(f"    {cluster.example_queue_id}: {cluster.example}"))
