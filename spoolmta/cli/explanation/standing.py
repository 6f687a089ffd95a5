"""The standing rules that would bind the mail, and what they make of the verdict.

Must not: be asked before all else is found out: who is root becomes mail_owner for that
Limits:   a rule for the names of clients fits nothing here, since only the address is asked about
"""

from spoolmta.cli.access import Access
from spoolmta.cli.explanation.facts import Explanation, Recipient, StandingRule, Verdict
from spoolmta.cli.units import format_time
from spoolmta.errors import SpoolUnusable

_VERDICTS = {
    "hold": Verdict.HELD,
    "suspend": Verdict.UNDECIDED,
    "bounce": Verdict.UNDELIVERABLE,
}


def bind(told: Explanation, access: Access, client: str, login: str) -> None:
    """Add the rules in force that would bind the mail."""
    if not access.spool_path.exists():
        return
    from spoolmta.spool.surgery import rules
    from spoolmta.spool.surgery.rule import Goal, Source

    try:
        with access.spool() as spool:
            in_force = rules.in_force(spool)
    except SpoolUnusable as error:
        told.warnings.append(f"standing rules are not looked at: {error}")
        return
    source = Source(told.sender, "", client, login)
    for one in told.recipients:
        found = in_force.binding(source, Goal(one.address, told.asked, one.nexthop))
        one.rules = [StandingRule(r.rule_id, r.action, r.name, r.terms.ends_at) for r in found]
    _conclude(told)


def text(rule: StandingRule) -> str:
    """Return what a rule does, for a person."""
    end = "" if rule.ends_at is None else f", until {format_time(rule.ends_at)}"
    return f"{rule.action} by {rule.name}{end}"


def _conclude(told: Explanation) -> None:
    """Let rules decide on mail that would else be delivered."""
    if told.verdict is not Verdict.DELIVERABLE:
        return
    found = [rule for one in told.recipients for rule in _deciding(one)]
    for action, verdict in _VERDICTS.items():
        rule = next((rule for rule in found if rule.action == action), None)
        if rule is not None:
            told.verdict, told.reason = verdict, text(rule)
            return


def _deciding(one: Recipient) -> list[StandingRule]:
    return [] if one.copy else one.rules
