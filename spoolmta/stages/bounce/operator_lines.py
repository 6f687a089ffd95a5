"""Log lines of mail that an operator returned: those that it has if the queue manager gives it up.

Who reads logs sees what became of it: each recipient that got an answer, and the end.

Postfix:    qmgr(8), error(8), bounce(8)
Reads:      nothing: the caller has it all
"""

from collections.abc import Sequence

from spoolmta import maillog
from spoolmta.message.outcome import Action, Outcome
from spoolmta.service.context import ServiceContext
from spoolmta.spool.notices import RecordedOutcome
from spoolmta.spool.queues import QueuedMessage
from spoolmta.spool.surgery import expiry
from spoolmta.spool.surgery.returns import Returned


def log(
    context: ServiceContext,
    message: QueuedMessage,
    outcomes: Sequence[RecordedOutcome],
    returned: Returned,
) -> None:
    """Write the lines of *message*, which goes back to its sender now."""
    queue_log, agent_log = context.log_as("qmgr"), context.log_as("error")
    answered = [one for one in outcomes if _is_of(returned, one)]
    expired = returned.verb == "expire"
    sender = message.envelope.sender
    maillog.queue_active(queue_log, message.queue_id, sender, message.size, len(answered))
    age = max(0.0, returned.at - message.arrived_at)
    recipients = message.numbered
    for one in answered:
        # Who was tried before has the line of that already.
        if expired and one.reason != expiry.REASON:
            continue
        action = Action.DEFERRED if expired else Action.BOUNCED
        outcome = Outcome(
            one.number, action, one.dsn, one.reason, relay="none", delays=(age, 0.0, 0.0, 0.0)
        )
        to = recipients[one.number]
        maillog.delivery(agent_log, message.queue_id, to.address, to.original, outcome)
    if expired:
        maillog.expired(queue_log, message.queue_id, sender)


def _is_of(returned: Returned, outcome: RecordedOutcome) -> bool:
    """Return whether it is what the operator made of a recipient that waited."""
    return outcome.part == 0 and outcome.action == Action.BOUNCED and outcome.at == returned.at
