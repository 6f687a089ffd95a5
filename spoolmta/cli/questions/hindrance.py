"""What holds a message, as a decision: facts in, hindrances with a sentence and a command out.

Each hindrance says until when it lasts, as far as anybody knows, and the very command that ends it.

Postfix:  qmgr(8): active, deferred, dead destinations
Must not: read rows; print
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from spoolmta.cli.units import format_age, format_time, plural
from spoolmta.spool.surgery.rule import Action, rule_of

if TYPE_CHECKING:
    from spoolmta.scheduler.transport import TransportLimits
    from spoolmta.spool.questions.circumstances import Circumstances, Hand, Site, Way
    from spoolmta.spool.questions.inspect import Entry
    from spoolmta.spool.surgery.rule import Rule


class Hindrance(NamedTuple):
    """One thing that a message waits for. *until* in seconds, None if nobody knows.

    *do* are command lines that end it; none if it ends by itself and nothing hastens it.
    """

    kind: str
    text: str
    until: float | None = None
    do: tuple[str, ...] = ()


class Terms(NamedTuple):
    """What the configuration and the machine say; times are seconds.

    *services* names the services that run a program ("trivial-rewrite": "rewrite").
    *limits* tells those of a transport. *runs*: a master runs.
    """

    now: float
    runs: bool
    lifetime: float
    active_limit: int
    put_off: frozenset[str]
    services: Mapping[str, frozenset[str]]
    limits: "Callable[[str], TransportLimits]"


def hindrances(entry: "Entry", facts: "Circumstances", terms: Terms) -> list[Hindrance]:
    """Return what holds a message, the decisive one first; empty if it goes on by itself now."""
    found = [*_of_state(entry, facts, terms)]
    if not terms.runs and entry.state not in ("hold", "corrupt"):
        found.insert(0, _no_master())
    if facts.crashes:
        text = f"{_processes(facts.crashes)} died with it: it is worked on alone, at three it is"
        found.append(Hindrance("crashes", f"{text} set aside as corrupt"))
    return found


def _of_state(entry: "Entry", facts: "Circumstances", terms: Terms) -> Iterator[Hindrance]:
    match entry.state:
        case "hold":
            yield _held(entry, facts)
        case "corrupt":
            yield _corrupt(entry, facts)
        case "maildrop":
            yield from _unclaimed(facts, terms, "pickup", "cleaned up")
        case "incoming":
            yield from _active_full(facts, terms)
            yield from _unclaimed(facts, terms, "trivial-rewrite", "routed")
        case "deferred":
            yield from _deferred(entry, facts, terms)
        case _:
            yield from _active(entry, facts, terms)


def _no_master() -> Hindrance:
    text = "the mail system does not run on this queue directory: nothing in it moves"
    return Hindrance("not running", text, do=("postfix start", "spoolmta serve"))


def _held(entry: "Entry", facts: "Circumstances") -> Hindrance:
    text = f"held since {format_time(facts.entered_at)}: {entry.reason}; it neither moves nor"
    do = [f"spoolmta queue release {entry.queue_id}"]
    do += [_removal(r, "--release ") for r in facts.rules if r.name == entry.reason]
    return Hindrance("hold", f"{text} expires", do=tuple(do))


def _suspended(facts: "Circumstances") -> Iterator[Hindrance]:
    for rule in facts.rules:
        if rule.action is Action.SUSPEND:
            ends_at = rule.terms.ends_at
            end = "somebody removes it" if ends_at is None else format_time(ends_at)
            text = f"suspended until {end}: {rule.name}"
            yield Hindrance("rule", text, ends_at, (_removal(rule),))


def _removal(rule: "Rule", how: str = "") -> str:
    return f'spoolmta rule remove {rule.rule_id} {how}--because "..."'


def _corrupt(entry: "Entry", facts: "Circumstances") -> Hindrance:
    text = f"set aside as corrupt since {format_time(facts.entered_at)}: {entry.reason}"
    return Hindrance(
        "corrupt",
        text,
        do=(
            f"spoolmta queue show {entry.queue_id} --headers",
            f"spoolmta queue requeue {entry.queue_id}",
        ),
    )


def _unclaimed(
    facts: "Circumstances", terms: Terms, program: str, what: str
) -> Iterator[Hindrance]:
    """Say who has the message in hand, or who should take it."""
    if facts.hand is not None:
        yield _in_hand(facts.hand, terms.now)
        return
    yield from _no_process(facts, terms, program)
    yield Hindrance("turn", f"it waits for its turn to be {what}", until=terms.now)


def _no_process(facts: "Circumstances", terms: Terms, program: str) -> Iterator[Hindrance]:
    services = terms.services.get(program)
    if not services:
        text = f"master.cf has no service that runs {program}"
        yield Hindrance("no service", text, do=("spoolmta check",))
    elif terms.runs and not services & facts.running:
        text = f"no process of the service {min(services)} runs at this moment; the log tells why"
        yield Hindrance("no process", text, do=("spoolmta status", "spoolmta check"))


def _in_hand(hand: "Hand", now: float) -> Hindrance:
    since = format_age(now - hand.since_at)
    if hand.alive:
        text = f"{hand.service}, process {hand.pid}, has had it in hand for {since}"
        return Hindrance("claim", text)
    text = (
        f"{hand.service}, process {hand.pid}, had it in hand and is dead: the keeper gives it back"
        " within five seconds while the mail system runs"
    )
    return Hindrance("claim of the dead", text)


def _active_full(facts: "Circumstances", terms: Terms) -> Iterator[Hindrance]:
    if facts.active_messages >= terms.active_limit:
        yield Hindrance(
            "active is full",
            f"{facts.active_messages:,} messages are active, as many as"
            " qmgr_message_active_limit lets in",
            do=("spoolmta top", "postconf qmgr_message_active_limit"),
        )


def _deferred(entry: "Entry", facts: "Circumstances", terms: Terms) -> Iterator[Hindrance]:
    due = entry.next_try_at or 0.0
    now = terms.now
    flush = (f"spoolmta queue flush {entry.queue_id}",)
    suspended = list(_suspended(facts))
    yield from suspended
    put_off = sorted({s.transport for s in facts.sites} & terms.put_off)
    if put_off and not facts.asked:
        text = f"defer_transports names {put_off[0]}: its mail waits until somebody asks for it"
        yield Hindrance("deferred transport", text, do=flush)
    if due > now and not suspended:
        text = f"the next try is at {format_time(due)}, in {format_age(due - now)}"
        yield Hindrance("not due", text, due, flush)
    for site in facts.sites:
        if site.dead_until > now:
            yield _dead(site, now, flush)
    if due <= now and not suspended:
        yield from _active_full(facts, terms)
        yield from _unclaimed(facts, terms, "trivial-rewrite", "routed and tried again")


def _dead(site: "Site", now: float, flush: tuple[str, ...]) -> Hindrance:
    text = (
        f"{place(site.transport, site.destination)} is not tried before"
        f" {format_time(site.dead_until)}, in {format_age(site.dead_until - now)}: {site.reason}"
    )
    return Hindrance("dead destination", text, site.dead_until, flush)


def _active(entry: "Entry", facts: "Circumstances", terms: Terms) -> Iterator[Hindrance]:
    for notice in facts.notices:
        text = f"its sender is to be told ({notice.kind})"
        if notice.retry_at is not None:
            text += f"; then it waits until {format_time(notice.retry_at)}"
        yield Hindrance("notice", text)
    if facts.notices:
        yield from _unclaimed(facts, terms, "bounce", "told of")
        return
    sites = {(site.transport, site.destination): site for site in facts.sites}
    for way in facts.ways:
        site = sites.get((way.transport, way.destination))
        slowed = list(_slowed_down(facts, way))
        yield from slowed
        if not slowed or (site is not None and site.dead_until > terms.now):
            yield from _on_its_way(entry, way, site, terms)
    if facts.unplanned:
        yield from _next_slice(entry, facts, terms)
    elif not facts.ways:
        yield from _no_process(facts, terms, "qmgr")
        yield Hindrance("turn", "the queue manager is about to decide on it", until=terms.now)


def _next_slice(entry: "Entry", facts: "Circumstances", terms: Terms) -> Iterator[Hindrance]:
    """Say that a message with very many recipients is planned in slices."""
    text = (
        f"{facts.unplanned:,} of its {entry.recipients:,} recipients are not routed yet: they"
        " follow in slices, as those before them are answered"
    )
    yield Hindrance("slices", text, do=("postconf qmgr_message_recipient_limit",))
    if facts.hand is not None:
        yield _in_hand(facts.hand, terms.now)
    else:
        yield from _no_process(facts, terms, "trivial-rewrite")


def _slowed_down(facts: "Circumstances", way: "Way") -> Iterator[Hindrance]:
    """Say that a rule lets a delivery go more slowly than its destination would."""
    for rule in facts.rules:
        if rule.rule_id == rule_of(way.destination) and way.stage == "waiting":
            text = f"slowed down on its way to {way.nexthop}: {rule.name}"
            yield Hindrance("rule", text, rule.terms.ends_at, (_removal(rule),))


def _on_its_way(
    entry: "Entry", way: "Way", site: "Site | None", terms: Terms
) -> Iterator[Hindrance]:
    since = format_age(terms.now - way.since_at)
    where = place(way.transport, way.destination)
    if way.stage == "under way" and way.hand is not None:
        yield _attempt(way.hand, where, since)
    elif way.stage == "granted":
        text = f"let go to {where} for {since}; a process of {way.transport} has to take it"
        yield Hindrance("granted", text)
    elif way.stage == "answered":
        yield Hindrance("answered", f"{where} has answered; the queue manager takes it up now")
    elif site is not None:
        yield from _not_let_go(entry, way, site, terms)


def _attempt(hand: "Hand", where: str, since: str) -> Hindrance:
    if hand.alive:
        text = f"{hand.service}, process {hand.pid}, has been delivering it to {where} for {since}"
        return Hindrance("under way", text)
    text = (
        f"{hand.service}, process {hand.pid}, died while it delivered to {where}: it is tried"
        " again, and may arrive twice"
    )
    return Hindrance("attempt of the dead", text, do=("spoolmta in-doubt",))


def _not_let_go(entry: "Entry", way: "Way", site: "Site", terms: Terms) -> Iterator[Hindrance]:
    """Say why the scheduler does not let a delivery go: what it looks at, in its order."""
    now, limits = terms.now, terms.limits(way.transport)
    where = place(way.transport, way.destination)
    window = site.window or limits.window.first_window
    if site.dead_until > now:
        yield _dead(site, now, (f"spoolmta queue flush {entry.queue_id}",))
    elif site.resting_until > now:
        yield _resting(site, limits, now)
    elif site.busy >= window:
        text = (
            f"the window of {where} is full: {site.busy} of {window} under way; it goes when"
            " one of them ends"
        )
        limit = f"postconf {way.transport}_destination_concurrency_limit"
        eta = (f"spoolmta eta {way.destination}",) if way.destination else ()
        yield Hindrance("window", text, do=(*eta, limit))
    elif limits.capacity and site.transport_busy >= limits.capacity:
        text = f"all {limits.capacity} places of {way.transport} are taken (maxproc in master.cf)"
        yield Hindrance("transport is full", text, do=(f"postconf -M {way.transport}/unix",))
    elif limits.rate_delay:
        text = (
            f"{way.transport} pauses {limits.rate_delay:g} s between any two deliveries:"
            f" {way.transport}_transport_rate_delay"
        )
        yield Hindrance("rate delay", text, do=(f"postconf {way.transport}_transport_rate_delay",))
    else:
        yield Hindrance("turn", f"it is about to be let go to {where}", until=now)


def _resting(site: "Site", limits: "TransportLimits", now: float) -> Hindrance:
    """Say how long a destination rests: it is told to, or its replies have asked for less."""
    paced = limits.destination_rate_delay > 0
    name = "_destination_rate_delay" if paced else "_destination_slowdown_limit"
    text = (
        f"{place(site.transport, site.destination)} rests until {format_time(site.resting_until)},"
        f" in {format_age(site.resting_until - now)}: {site.transport}{name}"
    )
    do = (f"postconf {site.transport}{name}",)
    return Hindrance("rate delay", text, site.resting_until, do)


def place(transport: str, destination: str) -> str:
    """Return a destination as people write it."""
    return f"{transport}:{destination}" if destination else f"{transport} (this machine)"


def _processes(count: int) -> str:
    return plural(count, "process") if count == 1 else f"{count} processes"
