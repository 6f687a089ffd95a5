"""What the answers of all destinations say of the recipient that they come from.

Postfix:    local/alias.c, dotforward.c (alias expanded)
RFC:        3464 2.3.3 (expanded, delivered)
Must not:   hide a failure: the sender reads of each
"""

from collections.abc import Sequence

import msgspec

from spoolmta.address.quoting import quote
from spoolmta.agents.local.recipient import Expansion
from spoolmta.message.outcome import Action, Answer, Outcome, Success


def summary(answers: Sequence[Answer], expansion: Expansion) -> Outcome | None:
    """Return the outcome of a recipient; None if nobody answered.

    It is that of a destination that must be tried again, else of those that failed.
    """
    if not answers:
        return None
    for action in (Action.DEFERRED, Action.BOUNCED):
        chosen = [answer for answer in answers if answer.outcome.action is action]
        if chosen:
            first = chosen[0]
            return msgspec.structs.replace(
                first.outcome,
                reason=_reason(chosen),
                address=first.address,
                answers=tuple(answers),
            )
    first = answers[0]
    if not expansion.is_expanded:
        return msgspec.structs.replace(first.outcome, address=first.address, answers=tuple(answers))
    return msgspec.structs.replace(
        first.outcome,
        reason="alias expanded",
        reply="",
        tell_success=Success.DELIVERED if expansion.has_owner else Success.EXPANDED,
        answers=tuple(answers),
    )


def _reason(failed: Sequence[Answer]) -> str:
    first, *others = failed
    more = (f"; <{quote(other.address)}>: {other.outcome.reason}" for other in others)
    return first.outcome.reason + "".join(more)
