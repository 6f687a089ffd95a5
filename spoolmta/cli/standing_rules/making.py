"""Rules made and removed: the question, the work, the tale.

Each is one transaction: the rule, and what it does to queued mail.
"""

from collections.abc import Sequence

from spoolmta.cli.messages import preview as previewing
from spoolmta.cli.messages.surgery import Asked, tell_each
from spoolmta.cli.output import note, print_json
from spoolmta.cli.standing_rules import report
from spoolmta.cli.units import plural
from spoolmta.service.crash import crash_point
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import inspect
from spoolmta.spool.surgery import bindings, rules, selection
from spoolmta.spool.surgery.rule import Action, Terms

WAKES = ("trivial_rewrite", "qmgr")

_BUSY = "is being delivered at this moment, left as it is"


def add(spool: Spool, terms: Terms, asked: Asked) -> bool:
    """Make a rule; return False if the answer was no."""
    since = spool.clock.now()
    spool.enlarge_cache()
    ids = selection.select(spool, terms.selection, states=bindings.BINDABLE).message_ids
    if not _confirmed(spool, terms, ids, asked):
        return asked.dry_run
    with spool.transaction() as tx:
        rule = rules.add(tx, terms, asked.author, asked.because)
        busy = bindings.begin(tx, rule, ids, since)
        crash_point("rule.before_commit")
    crash_point("rule.after_commit")
    names = _names(spool, busy)
    if asked.as_json:
        print_json(report.fields(rule) | {"messages": len(ids), "busy": names})
        return True
    tell_each(names, _BUSY)
    print(
        f"rule {rule.rule_id}: {report.in_words(rule)}; binds {plural(len(ids), 'message')} of"
        f' the queue (spoolmta rule remove {rule.rule_id} --because "..." ends it)'
    )
    return True


def remove(spool: Spool, number: int, asked: Asked, *, release: bool) -> bool:
    """End a rule; return False if there is none of that number in force."""
    rule = rules.find(spool, number)
    if rule is None:
        note(f"{number}: there is no such rule; spoolmta rule list --all shows them")
        return False
    by = asked.author.name
    with spool.transaction() as tx:
        kept = bindings.count(tx, rule)
        released = bindings.end(tx, rule, by, asked.because, release=release)
        crash_point("rule.before_commit")
    crash_point("rule.after_commit")
    if released is None:
        note(f"rule {number} has ended already; spoolmta rule show {number} tells when")
        return False
    if asked.as_json:
        print_json({"rule": number, "kept": kept, "released": len(released)})
        return True
    print(
        f"rule {number} removed{_what_follows(rule.action, kept, len(released), release=release)}"
    )
    return True


def _what_follows(action: Action, kept: int, released: int, *, release: bool) -> str:
    """Return what becomes of the mail that a rule kept."""
    if action is Action.SUSPEND:
        return f"; {plural(kept, 'message')} that it suspended may go now"
    if action is not Action.HOLD:
        return ""
    if release:
        return f"; {plural(released, 'message')} released"
    return "; what it holds stays on hold (spoolmta queue release lets it go)"


def _confirmed(spool: Spool, terms: Terms, ids: Sequence[int], asked: Asked) -> bool:
    """Show what queued mail is bound, and ask, as far as that is wanted."""
    if asked.yes and not asked.dry_run:
        return True
    verb = f"rule: {terms.action}"
    preview = previewing.look(spool, verb, ids)
    if asked.dry_run and asked.as_json:
        print_json(preview)
        return False
    previewing.tell(preview)
    question = "make this rule, for the mail above and all that comes? [y/N] "
    if not asked.dry_run and previewing.agreed(verb, len(ids), question):
        return True
    note("Nothing was done.")
    return False


def _names(spool: Spool, ids: Sequence[int]) -> list[str]:
    return [entry.queue_id for entry in inspect.entries(spool, ids)]
