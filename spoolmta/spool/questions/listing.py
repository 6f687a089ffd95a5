"""The queue as mailq shows it: page by page, what waits in each state, and why.

Postfix:  showq(8), postqueue(1)
Must not: change anything
"""

from spoolmta.maillog.addresses import shown
from spoolmta.protocols.showq import ListedMessage, ListedRecipient
from spoolmta.spool.connection import Spool, numbers, seconds
from spoolmta.spool.questions.inspect import PAGE, page
from spoolmta.spool.state import State
from spoolmta.spool.surgery import expiry

LISTED_STATES = (State.MAILDROP, State.ACTIVE, State.INCOMING, State.DEFERRED, State.HOLD)


def listed(
    reader: Spool, state: State, after: int, *, null_recipient: str, external: bool = True
) -> tuple[int, list[ListedMessage]]:
    """Return (cursor, messages): a page of *state* after the message id *after*, as mailq shows it.

    The cursor is 0 when there is no more. *null_recipient* stands for the null address; addresses
    are quoted as in mail if they are *external*.
    """
    ids = page(reader, state, after, PAGE)
    if not ids:
        return 0, []
    recipients: dict[int, list[tuple[bool, int, ListedRecipient]]] = {}
    for message_id, _, address, at, reason in reader.read(
        "load_waiting_recipients", {"ids": numbers(ids)}
    ):
        # As in Postfix: those that were tried first, in the order of the answers.
        listed = ListedRecipient(shown(address, external=external) or null_recipient, reason)
        recipients.setdefault(message_id, []).append((at is None, at or 0, listed))
    expiring = expiry.marked(reader, ids)
    messages = [
        ListedMessage(
            str(state),
            queue_id,
            int(seconds(arrived_at)),
            size,
            shown(sender, external=external) or null_recipient,
            tuple(r for *_, r in sorted(recipients.get(message_id, ()), key=_order_of_answers)),
            forced_expire=message_id in expiring,
        )
        for message_id, queue_id, arrived_at, size, sender in reader.read(
            "load_listed", {"ids": numbers(ids)}
        )
    ]
    return (ids[-1] if len(ids) == PAGE else 0), messages


def _order_of_answers(item: tuple[bool, int, ListedRecipient]) -> tuple[bool, int]:
    return item[0], item[1]
