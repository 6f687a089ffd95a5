"""Whose mail in the queue would go elsewhere with another configuration: check --against-queue.

Every recipient without a final answer is resolved with both configurations, as trivial-rewrite
would at the next try. The queue is read page by page: no read stays open, and memory is bounded.

Postfix:    trivial-rewrite(8), postconf(5)
Must not:   change anything
Limits:     virtual aliases and canonical maps have been applied when mail came in, and are not
            applied again; mail in maildrop is looked at as if it had none
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from spoolmta.address.parts import split_address
from spoolmta.address.resolve import resolve
from spoolmta.address.rewrite import rewrite
from spoolmta.address.routing import Routing
from spoolmta.cli.access import Access
from spoolmta.cli.output import Progress, note, print_json, printable
from spoolmta.cli.units import plural
from spoolmta.config.loader import Configuration, load
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.errors import MapUnavailable
from spoolmta.maps.watched import keep_problems, tell_problems
from spoolmta.service.eager import side_by_side
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import inspect
from spoolmta.spool.questions.inspect import QueuedRecipient

SAME, CHANGES, UNDECIDED = 0, 1, 75

_AT_ONCE = 100
_SAMPLES = 3
# Of more routes than these only the number of recipients is kept.
_MOST_GROUPS = 1000
_NO_ANSWER = "no answer"


class Route(NamedTuple):
    """Where mail goes; *nexthop* "" is the recipient's own domain.

    *recipient* is the address it is delivered to, "" if it is the one in the envelope. With
    *error* it is not known: a table said so.
    """

    transport: str
    nexthop: str
    recipient: str = ""
    error: str = ""

    @property
    def text(self) -> str:
        """The route for a person."""
        if self.error:
            return f"{_NO_ANSWER}: {self.error}"
        where = f"{self.transport}:{self.nexthop}" if self.nexthop else f"{self.transport} (domain)"
        return f"{where} as {self.recipient}" if self.recipient else where


_OTHERS = Route("others", "")


@dataclass(slots=True)
class Change:
    """The recipients that go from one route to another; *samples* are (queue id, address)."""

    old: Route
    new: Route
    recipients: int = 0
    samples: list[tuple[str, str]] = field(default_factory=list)

    def add(self, recipient: QueuedRecipient) -> None:
        """Count a recipient."""
        self.recipients += 1
        if len(self.samples) < _SAMPLES:
            self.samples.append((recipient.queue_id, recipient.address))


@dataclass(slots=True)
class Comparison:
    """What came of it."""

    recipients: int = 0
    changed: int = 0
    unanswered: int = 0
    changes: dict[tuple[Route, Route], Change] = field(default_factory=dict)

    def take(self, recipient: QueuedRecipient, old: Route, new: Route) -> None:
        """Count a recipient with its two routes."""
        self.recipients += 1
        self.unanswered += bool(new.error)
        if old == new:
            return
        self.changed += 1
        key = (old, new)
        if key not in self.changes and len(self.changes) >= _MOST_GROUPS:
            key = (_OTHERS, _OTHERS)
        self.changes.setdefault(key, Change(*key)).add(recipient)

    @property
    def status(self) -> int:
        """The exit status: whether any route changes, or could not be found out."""
        if self.unanswered:
            return UNDECIDED
        return CHANGES if self.changed else SAME


def show(directory: str | None, new_directory: str, *, as_json: bool) -> int:
    """Print whose route would change; return the exit status.

    Raises ConfigError: one of the configurations cannot be used.
    Raises SpoolUnusable: there is no queue to look at.
    """
    access = Access(directory)
    tell_problems(note)
    try:
        # Before root is given up: what the services read may not be mail_owner's.
        old, new = _routing(access.configuration), _routing(load(new_directory))
        with access.spool() as spool:
            found = asyncio.run(compare(spool, old, new))
    finally:
        keep_problems()
    (_print_json if as_json else _print)(found)
    return found.status


async def compare(spool: Spool, old: Routing, new: Routing) -> Comparison:
    """Return what becomes of the routes of all recipients that wait."""
    found = Comparison()
    progress = Progress("recipients looked at:")
    waiting = inspect.waiting_recipients(spool)
    while some := list(islice(waiting, _AT_ONCE)):
        before = await side_by_side(_route(one, old) for one in some)
        after = await side_by_side(_route(one, new) for one in some)
        for recipient, old_route, new_route in zip(some, before, after, strict=True):
            found.take(recipient, old_route, new_route)
        progress.advance(len(some))
    progress.end()
    return found


def _routing(configuration: Configuration) -> Routing:
    return Routing.open(configuration.section(RoutingParameters))


async def _route(recipient: QueuedRecipient, routing: Routing) -> Route:
    address = recipient.address
    if not recipient.is_clean:
        address = rewrite(address, routing.rules)
    try:
        found = await resolve(address, sender=recipient.sender, routing=routing)
    except MapUnavailable as error:
        return Route("", "", error=str(error))
    domain = split_address(found.recipient)[1]
    return Route(
        found.transport,
        "" if found.nexthop.lower() == domain.lower() else found.nexthop,
        "" if found.recipient == recipient.address else found.recipient,
    )


def _sorted(found: Comparison) -> Iterator[Change]:
    yield from sorted(found.changes.values(), key=lambda change: -change.recipients)


def _print(found: Comparison) -> None:
    for change in _sorted(found):
        print(printable(f"{change.recipients:8,}  {change.old.text}  ->  {change.new.text}"))
        for queue_id, address in change.samples:
            print(printable(f"{'':10}{queue_id}  {address}"))
        if change.recipients > len(change.samples):
            print(f"{'':10}...")
    note(
        f"{plural(found.recipients, 'recipient')} looked at,"
        f" {found.changed:,} would go elsewhere"
        + (f", {found.unanswered:,} without an answer" if found.unanswered else "")
    )


def _print_json(found: Comparison) -> None:
    for change in _sorted(found):
        print_json(
            {
                "kind": "change",
                "old": change.old._asdict(),
                "new": change.new._asdict(),
                "recipients": change.recipients,
                "samples": [
                    {"queue_id": queue_id, "address": address}
                    for queue_id, address in change.samples
                ],
            }
        )
    print_json(
        {
            "kind": "summary",
            "recipients": found.recipients,
            "changed": found.changed,
            "unanswered": found.unanswered,
        }
    )
