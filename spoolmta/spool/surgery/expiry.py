"""Mail that an operator wants returned: marked now, returned when it is due the next time.

Postfix:  postsuper(1) -e and -f
Writes:   forced_expiry, change, outcome, notice, event
"""

from collections.abc import Sequence

from spoolmta.message.outcome import Action, Outcome
from spoolmta.spool import completion, events
from spoolmta.spool.connection import Reader, Transaction, numbers
from spoolmta.spool.notices import Kind
from spoolmta.spool.outcomes import record_outcomes
from spoolmta.spool.surgery import operations
from spoolmta.spool.surgery.operations import Operation

DSN = "4.7.0"
REASON = "message is administratively expired"


def mark(tx: Transaction, message_ids: Sequence[int], operation: Operation) -> list[int]:
    """Ask that messages are returned; return those of which that was not asked before."""
    known = marked(tx, message_ids)
    new = [message_id for message_id in message_ids if message_id not in known]
    operations.keep(tx, operation, new)
    tx.run_many("force_expiry", ((message_id, operation.stamp) for message_id in new))
    events.record_each(tx, new, "expiring", **operation.told)
    return new


def marked(reader: Reader, message_ids: Sequence[int]) -> set[int]:
    """Return those of some messages that are to be returned."""
    rows = reader.read("forced_expiries", {"ids": numbers(message_ids)})
    return {row[0] for row in rows}


def forget(tx: Transaction, message_ids: Sequence[int]) -> None:
    """Forget what `mark` asked."""
    tx.run("delete_forced_expiries", {"ids": numbers(message_ids)})


def give_up(tx: Transaction, message_id: int) -> list[tuple[str, str, Outcome]]:
    """Answer an active message that has no deliveries: its sender is told, and it is gone.

    Who was tried is returned with the last reason. Return (address, original, outcome) of those
    who were not.
    """
    rows = tx.run("untried_recipients", {"message_id": message_id})
    untried = [
        (address, original, Outcome(number, Action.DEFERRED, DSN, REASON))
        for number, address, original in rows
    ]
    addresses = {outcome.number: address for address, _, outcome in untried}
    record_outcomes(tx, message_id, [outcome for *_, outcome in untried], addresses)
    completion.expire(tx, message_id)
    completion.ask_for_notice(tx, message_id, Kind.FAILURE, None)
    return untried
