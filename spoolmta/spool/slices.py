"""Active messages whose recipients are brought in in slices: who has no delivery yet.

Writes:     unplanned
"""

from collections.abc import Mapping

from spoolmta.errors import ClaimLost
from spoolmta.spool import queues
from spoolmta.spool.connection import Reader, Transaction, numbers
from spoolmta.spool.queues import Unanswered


def unplanned(reader: Reader) -> list[tuple[int, int]]:
    """Return (message id, number of the next recipient), the message that has got least first."""
    return [(row[0], row[1]) for row in reader.read("load_unplanned")]


def planned(reader: Reader) -> dict[str, int]:
    """Return how many recipients have deliveries, by transport."""
    return dict(reader.read("count_planned"))


def transports(reader: Reader, message_id: int) -> set[str]:
    """Return the transports that a message has deliveries by."""
    return {row[0] for row in reader.read("transports_of_message", {"id": message_id})}


def claim(tx: Transaction, process_id: int, message_id: int) -> None:
    """Claim an active message, to plan more of it."""
    bindings = {"message_id": message_id, "process_id": process_id, "now": tx.now}
    tx.run("claim_unplanned", bindings)


def load(reader: Reader, message_id: int, number: int, limit: int) -> Unanswered:
    """Return up to *limit* recipients of a message that have no answer, from *number* on."""
    bindings = {"message_id": message_id, "number": number, "limit": limit}
    rows = reader.read("load_slice", bindings)
    queue_id, sender, size = reader.read("load_senders", {"ids": numbers([message_id])})[0][1:]
    return Unanswered(message_id, queue_id, sender, size, tuple((row[0], row[1]) for row in rows))


def count_unanswered(reader: Reader, message_id: int) -> int:
    """Return how many recipients of a message have no final answer."""
    return int(reader.read("count_unanswered", {"id": message_id})[0][0])


def put(tx: Transaction, rest: Mapping[int, int]) -> None:
    """Write from which number on the recipients of active messages have no delivery."""
    tx.run_many("put_unplanned", rest.items())


def take(tx: Transaction, process_id: int, message_id: int) -> None:
    """Give up the claim on an active message, all of whose recipients now count as planned.

    Raises ClaimLost: somebody else owns the message; drop the work.
    """
    queues.release(tx, process_id, [message_id])
    if tx.changes != 1:
        raise ClaimLost(f"process {process_id} lost a claim")
    forget(tx, [message_id])


def forget(tx: Transaction, message_ids: list[int]) -> None:
    """Delete what is noted of messages that leave active."""
    tx.run("delete_unplanned", {"ids": numbers(message_ids)})
