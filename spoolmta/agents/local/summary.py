"""What the answers of all destinations say of the recipient that they come from.

Postfix:    local/alias.c, dotforward.c (alias expanded)
RFC:        3464 2.3.3 (expanded, delivered)
Must not:   hide a failure: the sender reads of each
"""

from collections.abc import Iterable, Sequence

import msgspec

from spoolmta.agents.local.recipient import Expansion
from spoolmta.message.outcome import Action, Answer, Outcome, Success


def summary(answers: Sequence[Answer], expansion: Expansion) -> Outcome | None:
    """Return the outcome of a recipient; None if nobody answered.

    It is that of a destination that must be tried again, else of one that failed; the others that
    wait or failed are its further outcomes. That an alias was expanded is a success of its own.
    """
    if not answers:
        return None
    told = [_of(one) for one in answers if one.outcome.action is not Action.SENT]
    if expansion.is_expanded:
        told.append(_expanded(answers[0], expansion))
    elif not told:
        told.append(_of(answers[0]))
    return _all_of(told, answers)


def every(answers: Sequence[Answer]) -> Outcome | None:
    """Return the outcome of a recipient whose sender wants to hear of each destination.

    It is one that must be tried again, if there is any. None: nobody answered.
    """
    if not answers:
        return None
    return _all_of(map(_of, answers), answers)


def _all_of(told: Iterable[Outcome], answers: Sequence[Answer]) -> Outcome:
    first, *further = sorted(told, key=lambda outcome: outcome.action is not Action.DEFERRED)
    return msgspec.structs.replace(first, answers=tuple(answers), further=tuple(further))


def _of(answer: Answer) -> Outcome:
    return msgspec.structs.replace(answer.outcome, address=answer.address)


def _expanded(answer: Answer, expansion: Expansion) -> Outcome:
    first = answer.outcome
    return Outcome(
        first.number,
        Action.SENT,
        "2.0.0",
        "alias expanded",
        first.relay,
        delays=first.delays,
        tell_success=Success.DELIVERED if expansion.has_owner else Success.EXPANDED,
    )
