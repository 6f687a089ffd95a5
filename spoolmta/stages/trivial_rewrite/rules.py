"""Standing rules bind mail at its activation: it is held, parked, or goes another way.

While no rule is in force a batch costs one statement, which reads an empty index.

A message one of whose recipients fits a hold is held as a whole. One that is suspended as a whole
is parked in deferred, where it is not tried and does not expire; of one that is suspended in part,
those recipients are deferred by the transport retry, while the others get theirs.

Reads:    rule, bound      Writes: bound, rule and what ends with it; the state tables
Must not: bind a probe to wait: it never is delivered
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from spoolmta.spool import queues, slices
from spoolmta.spool.connection import Transaction
from spoolmta.spool.queues import State, Unanswered
from spoolmta.spool.surgery import admin, bindings, rules
from spoolmta.spool.surgery.bindings import Facts
from spoolmta.spool.surgery.rule import Action, Goal, Rule, Rules, slowed
from spoolmta.spool.surgery.ways import Route

# What is parked is looked at again so soon, whatever becomes of its rule.
LOOK_AGAIN_SECONDS = 86400.0

# Transport, next hop, recipient, and the destination that it shares with other next hops or "".
Hop = tuple[str, str, str, str]
_NO_FACTS = Facts({}, set(), {}, {})


class Batch(NamedTuple):
    """Claimed messages of a state, those of them of which more follows, and operators' routes."""

    state: State
    rest: Collection[int]
    routes: Mapping[tuple[int, int], Route]
    facts: Facts


class Kept(NamedTuple):
    """The messages that are not to go on, by id, and the rules that keep them.

    *bound*: what rules keep, in part at least, as (message id, rule number). *led*: what goes
    another way by rules, in part at least, as (message id, rule number).
    """

    held: dict[int, Rule]
    parked: dict[int, list[Rule]]
    bound: list[tuple[int, int]]
    led: dict[tuple[int, int], Rule]

    @property
    def ids(self) -> set[int]:
        """The messages."""
        return self.held.keys() | self.parked.keys()

    @property
    def rules(self) -> Iterator[tuple[int, Rule]]:
        """Each message with the first of its rules."""
        yield from self.held.items()
        yield from ((message_id, found[0]) for message_id, found in self.parked.items())


class StandingRules:
    """The rules in force, as far as this process knows; made afresh when others are."""

    def __init__(self, name: Callable[[str, str, str], str]) -> None:
        """*name* tells what the scheduler counts, by transport, next hop and recipient."""
        self._name = name
        self._generation: tuple[int | None, int] = (None, 0)
        self.in_force = Rules()

    @property
    def next_end(self) -> float | None:
        """When the first one ends by itself, in seconds."""
        return self.in_force.next_end

    def refresh(self, tx: Transaction, now: float) -> int:
        """Learn which rules are in force; return how many ended just now, at their time."""
        self._learn(tx)
        end = self.next_end
        if end is None or end > now:
            return 0
        ended = bindings.end_at_their_time(tx, self.in_force.rules)
        self._learn(tx)
        return ended

    def facts(self, tx: Transaction, messages: Sequence[Unanswered]) -> Facts:
        """Return what the rules in force ask of claimed messages."""
        if not self.in_force:
            return _NO_FACTS
        places = [number for message in messages for number, _ in message.recipients]
        if not places:
            return _NO_FACTS
        ids = [message.message_id for message in messages]
        return bindings.facts(tx, ids, min(places), max(places))

    def bind(
        self, messages: Sequence[Unanswered], hops: Sequence[Hop], batch: Batch
    ) -> tuple[list[Unanswered], list[Hop], Kept]:
        """Return the messages that go on, the hops of all their recipients, and what is kept."""
        kept = Kept({}, {}, [], {})
        if not self.in_force:
            return list(messages), list(hops), kept
        going, found, own = [], [], iter(hops)
        for message in messages:
            bound = self._bind(message, list(islice(own, len(message.recipients))), batch, kept)
            if bound is not None:
                going.append(message)
                found += bound
        return going, found, kept

    def keep(self, tx: Transaction, state: State, process_id: int, kept: Kept) -> None:
        """Hold and park what is not to go on.

        Raises ClaimLost: somebody else owns one of the messages; drop the work.
        """
        now = tx.now / 1_000_000
        for message_id, rule in kept.held.items():
            if state is State.ACTIVE:
                slices.take(tx, process_id, message_id)
                admin.hold(tx, [message_id], rule.name)
            else:
                queues.hold(tx, state, message_id, process_id, rule.name)
        for message_id, found in kept.parked.items():
            ends = [rule.terms.ends_at for rule in found if rule.terms.ends_at is not None]
            retry_at = min([now + LOOK_AGAIN_SECONDS, *ends])
            queues.park(tx, state, [message_id], process_id, retry_at, **found[0].told)
        bindings.keep(tx, kept.bound)
        bindings.tell_led(tx, kept.led)

    def _learn(self, tx: Transaction) -> None:
        generation = rules.generation(tx)
        if generation != self._generation:
            self.in_force = rules.in_force(tx)
            self._generation = generation

    def _bind(
        self, message: Unanswered, hops: Sequence[Hop], batch: Batch, kept: Kept
    ) -> list[Hop] | None:
        """Return where the recipients of a message go now; None if it is kept as a whole."""
        message_id, facts = message.message_id, batch.facts
        goals = [
            Goal(address, facts.originals.get((message_id, number), address), hop[1])
            for (number, address), hop in zip(message.recipients, hops, strict=True)
        ]
        source = facts.sources.get(message_id)
        if source is None:
            return list(hops)
        waits: list[Rule | None] = [None] * len(goals)
        if message_id not in facts.probes:
            held = self._hold_on(message_id, goals, facts)
            if held is not None:
                kept.held[message_id] = held
                kept.bound.append((message_id, held.rule_id))
                return None
            waits = [self.in_force.that_fits(Action.SUSPEND, source, goal) for goal in goals]
        found = list({rule.rule_id: rule for rule in waits if rule is not None}.values())
        kept.bound.extend((message_id, rule.rule_id) for rule in found)
        if found and None not in waits and _may_park(message_id, found, batch):
            kept.parked[message_id] = found
            return None
        going = []
        for (number, _), goal, wait, hop in zip(
            message.recipients, goals, waits, hops, strict=True
        ):
            leading = self.in_force.leading(source, goal) if wait is None else [wait]
            # An operator's word on this very message stands over the rules.
            if (message_id, number) in batch.routes:
                leading = [rule for rule in leading if rule.action is not Action.REROUTE]
            kept.led.update(((message_id, rule.rule_id), rule) for rule in leading)
            going.append(self._led(hop, leading))
        return going

    def _hold_on(self, message_id: int, goals: Sequence[Goal], facts: Facts) -> Rule | None:
        """Return the rule that holds a message, which it has not held before."""
        known = facts.kept.get(message_id, ())
        source = facts.sources[message_id]
        fitting = (
            rule
            for goal in goals
            for rule in self.in_force.all_that_fit(Action.HOLD, source, goal)
            if rule.rule_id not in known
        )
        return next(fitting, None)

    def _led(self, hop: Hop, leading: Sequence[Rule]) -> Hop:
        """Return where mail goes by the rules that say so, instead of by *hop*."""
        transport, nexthop, recipient, shared = hop
        for rule in leading:
            match rule.action:
                case Action.SUSPEND:
                    text = f"mail suspended by the administrator (rule {rule.rule_id})"
                    return "retry", f"4.3.2 {text}", recipient, ""
                case Action.BOUNCE:
                    return (*rule.way, recipient, "")
                case Action.REROUTE:
                    transport, elsewhere = rule.way
                    nexthop, shared = elsewhere or nexthop, ""
                case Action.SLOW_DOWN:
                    shared = slowed(rule, shared or self._name(transport, nexthop, recipient))
        return transport, nexthop, recipient, shared


def _may_park(message_id: int, found: Sequence[Rule], batch: Batch) -> bool:
    """Return whether a message may wait as a whole, if all of it that is brought in waits."""
    if batch.state is State.ACTIVE:
        return False
    return message_id not in batch.rest or any(not rule.tells_recipients_apart for rule in found)
