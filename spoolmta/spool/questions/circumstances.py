"""What holds one message: the rows that have a say in when it goes on, gathered for a decision.

Every read is bounded by the message, by a limit, or by what is at work at this moment, so that the
answer takes no longer when the queue is deep.

Must not: change anything; decide what the rows mean
"""

from collections.abc import Collection
from typing import NamedTuple

from spoolmta.spool import liveness
from spoolmta.spool.connection import Spool, numbers, seconds
from spoolmta.spool.surgery.rule import Rule, rule_of

_ROUTES = 200
_WAYS = 100
_ANSWERS = 5


class Hand(NamedTuple):
    """A process that has a message or a delivery in hand, and since when (seconds)."""

    service: str
    pid: int
    since_at: float
    alive: bool


class Way(NamedTuple):
    """A delivery of the message: how far it has come, and since when (seconds)."""

    transport: str
    nexthop: str
    destination: str
    stage: str
    since_at: float
    recipients: int
    hand: Hand | None


class Site(NamedTuple):
    """What is known of a destination; times are seconds, 0 if they do not apply.

    *window* is None as long as nothing was learnt of it. *busy* deliveries to it, and
    *transport_busy* of its transport, are let go or under way.
    """

    transport: str
    destination: str
    window: int | None
    resting_until: float
    dead_until: float
    dsn: str
    reason: str
    busy: int
    transport_busy: int


class Reply(NamedTuple):
    """An answer for a recipient, as the journal has it; *at* in seconds."""

    at: float
    answer: str
    recipient: str
    dsn: str
    relay: str
    reason: str


class Asked(NamedTuple):
    """A notice that the bounce stage is to write, and when the message is then tried (seconds)."""

    kind: str
    retry_at: float | None


class Circumstances(NamedTuple):
    """All that has a say; times are seconds. *running* are the services that live now.

    *rules* are the standing rules that keep the message, or have kept it, or slow it down.
    """

    created_at: float
    entered_at: float
    asked: bool
    crashes: int
    hand: Hand | None
    ways: tuple[Way, ...]
    sites: tuple[Site, ...]
    notices: tuple[Asked, ...]
    replies: tuple[Reply, ...]
    running: frozenset[str]
    active_messages: int
    unplanned: int  # recipients of a message with very many that have no delivery yet
    rules: tuple[Rule, ...] = ()


def gather(reader: Spool, message_id: int) -> Circumstances | None:
    """Return the circumstances of a message; None if it is not in the spool."""
    one = {"message_id": message_id}
    for created_at, entered_at, asked, crashes in reader.read("load_standing", one):
        if entered_at is None:
            return None
        living = liveness.living(reader)
        ways = _ways(reader, message_id, living.keys())
        return Circumstances(
            created_at=seconds(created_at),
            entered_at=seconds(entered_at),
            asked=bool(asked),
            crashes=crashes,
            hand=_hand(reader, message_id, living.keys()),
            ways=ways,
            sites=tuple(
                site(reader, transport, destination)
                for transport, destination in _places(reader, message_id, ways)
            ),
            notices=tuple(
                Asked(kind, None if at is None else seconds(at))
                for kind, at in reader.read("notices_of_message", one)
            ),
            replies=_replies(reader, message_id),
            running=frozenset(living.values()),
            active_messages=int(reader.read("count_active")[0][0]),
            unplanned=int(reader.read("count_unplanned", one)[0][0]),
            rules=_rules(reader, message_id, ways),
        )
    return None


def site(reader: Spool, transport: str, destination: str) -> Site:
    """Return what is known of a destination."""
    place = {"transport": transport, "destination": destination}
    busy, transport_busy = reader.read("count_busy", place)[0]
    for window, _, resting, dead, dsn, reason in reader.read("load_destination", place):
        learnt = (window, seconds(resting), seconds(dead), dsn, reason)
        return Site(transport, destination, *learnt, busy, transport_busy)
    return Site(transport, destination, None, 0.0, 0.0, "", "", busy, transport_busy)


def _hand(reader: Spool, message_id: int, living: Collection[int]) -> Hand | None:
    for process_id, service, pid, since in reader.read("load_hand", {"message_id": message_id}):
        alive = process_id in living
        return Hand(service or "a process that is gone", pid or 0, seconds(since), alive)
    return None


def _ways(reader: Spool, message_id: int, living: Collection[int]) -> tuple[Way, ...]:
    rows = reader.read("load_ways", {"message_id": message_id, "limit": _WAYS})
    found = []
    for transport, nexthop, destination, stage, since, count, process_id, service, pid in rows:
        hand = None
        if process_id is not None:
            name = service or "a process that is gone"
            hand = Hand(name, pid or 0, seconds(since), process_id in living)
        found.append(Way(transport, nexthop, destination, stage, seconds(since), count, hand))
    return tuple(found)


def _rules(reader: Spool, message_id: int, ways: tuple[Way, ...]) -> tuple[Rule, ...]:
    rows = reader.read("bound_of_messages", {"ids": numbers([message_id])})
    slowing = (rule_of(way.destination) for way in ways)
    ids = {row[1] for row in rows} | {number for number in slowing if number is not None}
    if not ids:
        return ()
    # spoolmta why starts faster without what reads rules.
    from spoolmta.spool.surgery import rules

    found = (rules.find(reader, number) for number in sorted(ids))
    return tuple(rule for rule in found if rule is not None)


def _places(reader: Spool, message_id: int, ways: tuple[Way, ...]) -> list[tuple[str, str]]:
    """Return the destinations that the message goes to, or else went to at its last activation."""
    if ways:
        return list(dict.fromkeys((way.transport, way.destination) for way in ways))
    rows = reader.read("latest_routes", {"message_id": message_id, "limit": _ROUTES})
    return list(dict.fromkeys((transport, destination) for transport, destination in rows))


def _replies(reader: Spool, message_id: int) -> tuple[Reply, ...]:
    rows = reader.read("latest_answers", {"message_id": message_id, "limit": _ANSWERS})
    return tuple(Reply(seconds(at), *rest) for at, *rest in rows)
