"""The verdict: the worst that happens to a recipient, or to the client.

Must not: find anything out
"""

from spoolmta.cli.explanation.facts import Explanation, Problem, Recipient, Verdict
from spoolmta.stages.cleanup.verdict import CleanupResult
from spoolmta.stages.cleanup.verdict import Verdict as CleanupVerdict


def hear_cleanup(told: Explanation, result: CleanupResult) -> None:
    """Take over what cleanup says of the message as a whole."""
    verdicts = {
        CleanupVerdict.HOLD: Verdict.HELD,
        CleanupVerdict.DISCARD: Verdict.DISCARDED,
        CleanupVerdict.REJECT: Verdict.REFUSED,
        CleanupVerdict.DEFER: Verdict.UNDECIDED,
    }
    told.verdict = verdicts.get(result.verdict, Verdict.DELIVERABLE)
    told.reason = result.reply or result.reason


def conclude(told: Explanation) -> None:
    """Say what becomes of it all: the worst that happens to a recipient, or to the client."""
    wanted = [one for one in told.recipients if not one.copy]
    problems = [problem for one in wanted for problem in _problems(one)]
    smtp = told.smtp
    if told.verdict in (Verdict.UNDECIDED, Verdict.REFUSED):
        return
    if smtp is not None and not smtp.accepted:
        told.verdict = Verdict.UNDECIDED if smtp.problem else Verdict.REFUSED
        told.reason = smtp.problem or smtp.reply
    elif any(problem.is_temporary for problem in problems):
        told.verdict = Verdict.UNDECIDED
        told.reason = next(p.text for p in problems if p.is_temporary)
    elif problems:
        told.verdict, told.reason = Verdict.UNDELIVERABLE, problems[0].text


def _problems(one: Recipient) -> list[Problem]:
    own = [one.problem] if one.problem is not None else []
    return own + [problem for each in one.forwarded for problem in _problems(each)]
