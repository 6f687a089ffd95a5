"""The rows of standing rules: made, ended, found.

What that does to mail which is queued is bindings.py.

Writes:   rule, event
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from spoolmta.spool import events
from spoolmta.spool.connection import Reader, Row, Transaction, micros, seconds
from spoolmta.spool.surgery.operations import Author
from spoolmta.spool.surgery.rule import UNSLOWED, Action, Rule, Rules, Slowness, Terms, rule_of
from spoolmta.spool.surgery.selection import Selector

BY_TIME = "time"


def generation(reader: Reader) -> tuple[int | None, int]:
    """Return what is another value whenever other rules are in force."""
    last, count = reader.read("generation_of_rules")[0]
    return last, count


def in_force(reader: Reader) -> Rules:
    """Return the rules in force."""
    return Rules(tuple(_rules(reader.read("rules_in_force"))))


def every(reader: Reader) -> list[Rule]:
    """Return all rules, also those that have ended."""
    return list(_rules(reader.read("all_rules")))


def find(reader: Reader, number: int) -> Rule | None:
    """Return a rule by its number."""
    return next(_rules(reader.read("load_rule", {"rule": number})), None)


def slowness(reader: Reader, destination: str) -> Slowness:
    """Return how slowly mail to a destination goes; as fast as ever if no rule slows it down."""
    number = rule_of(destination)
    rows = [] if number is None else reader.read("load_slowness", {"rule": number})
    return Slowness(*rows[0]) if rows else UNSLOWED


def add(tx: Transaction, terms: Terms, author: Author, because: str) -> Rule:
    """Write a rule down; it is in force from now on."""
    selection = terms.selection.said()
    slow = terms.slowness
    ends_at = None if terms.ends_at is None else micros(terms.ends_at)
    number = tx.run(
        "insert_rule",
        (
            str(terms.action),
            msgspec.json.encode(selection).decode(),
            terms.transport,
            terms.nexthop,
            slow.concurrency,
            slow.pause,
            terms.dsn,
            terms.text,
            author.name,
            author.uid,
            because,
            tx.now,
            ends_at,
        ),
    )[0][0]
    rule = Rule(number, terms, author.name, author.uid, because, seconds(tx.now))
    said: dict[str, object] = {"action": terms.action, "selection": selection}
    said["ends_at"] = terms.ends_at
    events.record(tx, events.NO_MESSAGE, "rule_added", "", **rule.told, **said)
    return rule


def end(tx: Transaction, rule: Rule, by: str, because: str = "") -> bool:
    """Write that a rule has ended; return False if it had already."""
    now = {"rule": rule.rule_id, "now": tx.now, "by": by, "because": because}
    tx.run("end_rule", now)
    if not tx.changes:
        return False
    said = {"rule": rule.rule_id, "by": by, "because": because, "action": rule.action}
    events.record(tx, events.NO_MESSAGE, "rule_ended", "", **said)
    return True


def expire(tx: Transaction, before: float) -> None:
    """Forget the rules that ended before *before* (seconds)."""
    tx.run("expire_rules", {"before": micros(before)})


def _rules(rows: Iterable[Row]) -> Iterator[Rule]:
    for row in rows:
        number, action, selection, transport, nexthop, concurrency, pause, dsn, text, *rest = row
        author, uid, because, created_at, ends_at, ended_at, ended_by, ended_because = rest
        said: dict[str, Any] = {n: tuple(v) for n, v in msgspec.json.decode(selection).items()}
        yield Rule(
            number,
            Terms(
                Action(action),
                Selector(**said),
                transport,
                nexthop,
                Slowness(concurrency, pause),
                dsn,
                text,
                None if ends_at is None else seconds(ends_at),
            ),
            author,
            uid,
            because,
            seconds(created_at),
            None if ended_at is None else seconds(ended_at),
            ended_by,
            ended_because,
        )
