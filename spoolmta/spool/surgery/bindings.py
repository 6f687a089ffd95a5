"""What standing rules do to queued mail: when they begin, at each activation, when they end.

Mail that waits for its next try is bound when that comes, by trivial_rewrite; so is all that is
called back here from the way to its agents. What an agent has in hand at this moment cannot be
called back: the message is named, and its other recipients are bound at its next try.

Writes:   bound, the state tables, delivery, outcome, claim, event
Limits:   what an agent has passed on to another transport goes its way
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from spoolmta.message.outcome import defer
from spoolmta.spool import deliveries, events
from spoolmta.spool.connection import Reader, Spool, Transaction, micros, numbers
from spoolmta.spool.outcomes import record_outcomes
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin, rules
from spoolmta.spool.surgery.returns import leave_out_noticed
from spoolmta.spool.surgery.rule import SLOWED, Action, Rule, Source

CALLED_BACK_DSN = "4.3.2"
BINDABLE = (State.INCOMING, State.ACTIVE, State.DEFERRED)


class Facts(NamedTuple):
    """What rules ask of claimed messages, by message id, and by (message id, number).

    *kept* has the rules that keep or have kept them. A probe has no source: it waits for nothing.
    """

    sources: dict[int, Source]
    probes: set[int]
    originals: dict[tuple[int, int], str]
    kept: dict[int, set[int]]


def begin(tx: Transaction, rule: Rule, message_ids: Sequence[int], since: float) -> list[int]:
    """Bind queued mail; return the messages that an agent has in hand.

    *message_ids* were chosen at *since* (seconds); what has become active from then on is called
    back, and bound if it fits.
    """
    tx.run("give_up_resolving")
    probes = {row[0] for row in tx.run("probes_of_messages", {"ids": numbers(message_ids)})}
    ids = [message_id for message_id in message_ids if message_id not in probes]
    if rule.action is Action.HOLD:
        done = admin.hold(tx, ids, rule.name)
        keep_all(tx, rule, done.done)
        ids = []
    elif rule.action is Action.SUSPEND:
        keep_all(tx, rule, ids)
    active = {row[0] for row in tx.run("select_active")}.intersection(ids)
    late = {row[0] for row in tx.run("active_since", {"since": micros(since)})}
    busy = active.intersection(_recall(tx, active | late, rule))
    if rule.action in (Action.REROUTE, Action.BOUNCE):
        tx.run("make_all_due", {"ids": numbers(ids), "now": tx.now})
    return sorted(busy)


def end(
    tx: Transaction, rule: Rule, by: str, because: str = "", *, release: bool = False
) -> list[int] | None:
    """End a rule, and let the mail go that it kept; return what was released from hold.

    Held mail goes on only with *release*. None: the rule had ended already.
    """
    if not rules.end(tx, rule, by, because):
        return None
    number = {"rule": rule.rule_id}
    released: list[int] = []
    tx.run("give_up_resolving")
    if release:
        rows = tx.run("held_by_rule", {**number, "reason": rule.name})
        released = admin.release(tx, [row[0] for row in rows]).done
    if rule.action is Action.SUSPEND:
        _let_go(tx, rule)
    _recall(tx, _on_the_way_by(tx, rule), rule)
    tx.run("delete_bound", number)
    return released


def end_at_their_time(tx: Transaction, in_force: Iterable[Rule]) -> int:
    """End the rules whose time has come; return how many."""
    now = tx.now
    over = [r for r in in_force if r.terms.ends_at is not None and micros(r.terms.ends_at) <= now]
    for rule in over:
        end(tx, rule, rules.BY_TIME)
    return len(over)


def facts(reader: Reader, message_ids: Sequence[int], first: int, last: int) -> Facts:
    """Return what rules ask of messages, and of their recipients *first* to *last*."""
    found = reader.read("sources_of_messages", {"ids": numbers(message_ids)})
    bindings = {"ids": numbers(message_ids), "first": first, "last": last}
    originals = reader.read("originals_of_recipients", bindings)
    kept: dict[int, set[int]] = {}
    for message_id, rule_id in reader.read("bound_of_messages", {"ids": numbers(message_ids)}):
        kept.setdefault(message_id, set()).add(rule_id)
    return Facts(
        {row[0]: Source(*row[1:5]) for row in found},
        {row[0] for row in found if row[5] == "verify"},
        {(row[0], row[1]): row[2] for row in originals},
        kept,
    )


def keep(tx: Transaction, pairs: Iterable[tuple[int, int]]) -> None:
    """Write which messages are kept by which rules, as (message id, rule number)."""
    tx.run_many("put_bound", pairs)


def keep_all(tx: Transaction, rule: Rule, message_ids: Sequence[int]) -> None:
    """Write that a rule keeps messages."""
    tx.run("put_all_bound", {"ids": numbers(message_ids), "rule": rule.rule_id})


def tell_led(tx: Transaction, led: Mapping[tuple[int, int], Rule]) -> None:
    """Write by which rules mail goes another way, by message id and rule number."""
    events.record_many(
        tx,
        (
            (message_id, "ruled", "", events.detail(action=rule.action, **rule.told))
            for (message_id, _), rule in led.items()
        ),
    )


def forget_gone(spool: Spool, after: int, limit: int) -> int:
    """Forget that rules kept messages that are gone, of a slice of those above the id *after*.

    Return where the next slice begins, 0 if there is no more.
    """
    last = spool.read("end_of_bound_slice", {"after": after, "limit": limit})[0][0]
    if last is None:
        return 0
    with spool.transaction() as tx:
        tx.run("forget_bound", {"after": after, "upto": last})
    return int(last)


def count(reader: Reader, rule: Rule) -> int:
    """Return how many messages a rule keeps, or has kept."""
    return int(reader.read("count_bound", {"rule": rule.rule_id})[0][0])


def _let_go(tx: Transaction, rule: Rule) -> None:
    """Let what a rule suspended be tried now."""
    rows = tx.run("bound_and_not_due", {"rule": rule.rule_id, "now": tx.now})
    ids = [row[0] for row in rows]
    tx.run("let_due", {"ids": numbers(ids), "now": tx.now})
    events.record_each(tx, ids, "flushed", rule=rule.rule_id)


def _on_the_way_by(tx: Transaction, rule: Rule) -> set[int]:
    """Return the active messages that go as they do by a rule."""
    match rule.action:
        case Action.SUSPEND:
            rows = tx.run("bound_by_rule", {"rule": rule.rule_id})
        case Action.SLOW_DOWN:
            rows = tx.run("messages_slowed", {"pattern": f"{SLOWED}{rule.rule_id}:*"})
        case Action.REROUTE | Action.BOUNCE:
            transport, nexthop = rule.way
            way = {"transport": transport, "nexthop": nexthop, "any": not nexthop}
            rows = tx.run("messages_by_way", way)
        case _:
            rows = []
    return {row[0] for row in rows}


def _recall(tx: Transaction, message_ids: Iterable[int], rule: Rule) -> list[int]:
    """Let active messages be resolved afresh; return those that an agent has in hand."""
    found = admin.locate(tx, sorted(message_ids), (State.ACTIVE,))
    busy = admin.leave_out_attempted(tx, found)
    _put_off(tx, busy, rule)
    leave_out_noticed(tx, found)
    admin.leave_out_ended(tx, found)
    admin.recall(tx, found, tx.now, rule=rule.rule_id, by=rule.author)
    return busy


def _put_off(tx: Transaction, message_ids: Sequence[int], rule: Rule) -> None:
    """Let those recipients of messages wait for the next try that no agent has in hand."""
    reason = f"called back by the administrator (rule {rule.rule_id})"
    waiting: dict[int, dict[int, str]] = {}
    ids: set[int] = set()
    rows = tx.run("recipients_on_their_way", {"ids": numbers(message_ids)})
    for message_id, delivery_id, number, address in rows:
        waiting.setdefault(message_id, {})[number] = address
        ids.add(delivery_id)
    for message_id, addresses in waiting.items():
        outcomes = [defer(number, CALLED_BACK_DSN, reason) for number in addresses]
        record_outcomes(tx, message_id, outcomes, addresses)
    tx.run("delete_granted", {"ids": numbers(ids)})
    deliveries.answer(tx, sorted(ids))
