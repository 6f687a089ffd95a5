"""Standing rules as people and programs read them."""

from spoolmta.cli.output import note, print_json, print_table, printable
from spoolmta.cli.units import format_age, format_time, plural
from spoolmta.spool.connection import Spool
from spoolmta.spool.surgery import bindings, rules
from spoolmta.spool.surgery.rule import Action, Rule

_COLUMNS = ("NUMBER", "ACTION", "MAIL", "SINCE", "UNTIL", "BY", "BECAUSE")


def show_all(spool: Spool, *, everything: bool, as_json: bool) -> None:
    """Print the rules in force, or all."""
    found = rules.every(spool) if everything else list(rules.in_force(spool).rules)
    if as_json:
        for rule in found:
            print_json(fields(rule))
    elif found:
        print_table(_COLUMNS, [_row(rule) for rule in found], right=("NUMBER",))
    else:
        note("No rule is in force." if not everything else "There are no rules.")


def show(spool: Spool, number: int, *, as_json: bool) -> bool:
    """Print one rule; return False if there is none of that number."""
    rule = rules.find(spool, number)
    if rule is None:
        note(f"{number}: there is no such rule; spoolmta rule list --all shows them")
        return False
    kept = bindings.count(spool, rule)
    if as_json:
        print_json(fields(rule) | {"kept": kept})
        return True
    print(f"rule {number}: {printable(in_words(rule))}")
    print(f"made by {rule.author} (uid {rule.uid}) at {format_time(rule.created_at)}")
    print(f"because {printable(rule.because)}")
    if rule.ended_at is None:
        print(f"ends {end(rule)}")
        if rule.action in (Action.HOLD, Action.SUSPEND):
            print(f"keeps, or has kept, {plural(kept, 'message')}")
        return True
    why = f" because {printable(rule.ended_because)}" if rule.ended_because else ""
    print(f"ended at {format_time(rule.ended_at)} by {rule.ended_by}{why}")
    return True


def in_words(rule: Rule) -> str:
    """Return what a rule does with whose mail."""
    terms, slow = rule.terms, rule.terms.slowness
    said = f"{terms.action} mail of {selection(rule)}"
    if terms.action is Action.REROUTE:
        said += f" to {terms.transport}:{terms.nexthop}"
    elif terms.action is Action.BOUNCE:
        said += f" with {terms.dsn} {terms.text}"
    elif terms.action is Action.SLOW_DOWN:
        most = (
            f" to {plural(slow.concurrency, 'delivery')} at once" if slow.concurrency == 1 else ""
        )
        most = most or (f" to {slow.concurrency} deliveries at once" if slow.concurrency else "")
        said += most + (f" with a pause of {format_age(slow.pause)}" if slow.pause else "")
    return said


def selection(rule: Rule) -> str:
    """Return whose mail a rule is for, as options without their dashes."""
    options = rule.terms.selection.said().items()
    return " ".join(f"{name.replace('_', '-')}={','.join(texts)}" for name, texts in options)


def end(rule: Rule) -> str:
    """Return when a rule in force ends."""
    ends_at = rule.terms.ends_at
    return "when it is removed" if ends_at is None else f"at {format_time(ends_at)}"


def fields(rule: Rule) -> dict[str, object]:
    """Return a rule under the names that programs rely on; times are seconds since 1970."""
    terms = rule.terms
    return {
        "rule": rule.rule_id,
        "action": terms.action,
        "selection": terms.selection.said(),
        "transport": terms.transport,
        "nexthop": terms.nexthop,
        "concurrency": terms.slowness.concurrency,
        "pause": terms.slowness.pause,
        "status": terms.dsn,
        "text": terms.text,
        "author": rule.author,
        "uid": rule.uid,
        "because": rule.because,
        "created_at": rule.created_at,
        "ends_at": terms.ends_at,
        "ended_at": rule.ended_at,
        "ended_by": rule.ended_by,
        "ended_because": rule.ended_because,
    }


def _row(rule: Rule) -> tuple[object, ...]:
    if rule.ended_at is not None:
        until = f"{format_time(rule.ended_at)} ({rule.ended_by})"
    else:
        ends_at = rule.terms.ends_at
        until = "removed" if ends_at is None else format_time(ends_at)
    action, mail = rule.action, in_words(rule).partition(" mail of ")[2]
    return (
        rule.rule_id,
        action,
        mail,
        format_time(rule.created_at),
        until,
        rule.author,
        rule.because,
    )
