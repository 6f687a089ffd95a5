"""Mail that an operator wants returned goes back to its sender when its next try is due.

Postfix:  postsuper(1) -e and -f; qmgr(8)
"""

from collections.abc import Sequence

import msgspec

from spoolmta import maillog
from spoolmta.message.outcome import Outcome
from spoolmta.service.context import ServiceContext
from spoolmta.spool import queues
from spoolmta.spool.queues import State, Unanswered
from spoolmta.spool.surgery import expiry

_Untried = tuple[str, str, Outcome]


def return_to_senders(
    context: ServiceContext, state: State, messages: Sequence[Unanswered]
) -> None:
    """Move claimed messages to active, every recipient answered and the sender to be told.

    Raises ClaimLost: an operator took one of them away; release them and look again.
    """
    ids = [message.message_id for message in messages]
    incoming, deferred = (ids, []) if state is State.INCOMING else ([], ids)
    with context.spool.transaction() as tx:
        arrived = {message.message_id: message.arrived_at for message in queues.load(tx, ids)}
        queues.activate(tx, context.process_id, incoming, deferred)
        untried = {message_id: expiry.give_up(tx, message_id) for message_id in ids}
    for message in messages:
        age = context.clock.now() - arrived[message.message_id]
        _tell(context, message, untried[message.message_id], age)
    context.flush_logs()
    context.poke("bounce")


def _tell(
    context: ServiceContext, message: Unanswered, untried: Sequence[_Untried], age: float
) -> None:
    queue_log, agent_log = context.log_as("qmgr"), context.log_as("error")
    queue_id, sender = message.queue_id, message.sender
    maillog.queue_active(queue_log, queue_id, sender, message.size, len(message.recipients))
    for address, original, outcome in untried:
        aged = msgspec.structs.replace(outcome, delays=(age, 0.0, 0.0, 0.0))
        maillog.delivery(agent_log, queue_id, address, original, aged)
    maillog.expired(queue_log, queue_id, sender, forced=True)
