"""The new message that takes mail to other addresses; it enters by the maildrop, as any new mail.

Postfix:    local/forward.c
RFC:        3461 4.2.7.2 (DSN parameters through an alias), 5.2.7.3 (through a list)
"""

from collections.abc import Callable, Iterable, Sequence

from spoolmta.agents.local.recipient import LocalRecipient
from spoolmta.message.envelope import Envelope, Recipient
from spoolmta.message.outcome import Delivery
from spoolmta.service.context import ServiceContext
from spoolmta.spool import content as spool_content
from spoolmta.spool.connection import Transaction
from spoolmta.spool.content import PIECE_BYTES, Content
from spoolmta.spool.queues import NewMessage

_IN_MEMORY_BYTES = 4 * PIECE_BYTES


async def forward(
    context: ServiceContext,
    delivery: Delivery,
    content: Content,
    recipients: Sequence[LocalRecipient],
    *,
    head: bytes,
) -> NewMessage:
    """Return a copy of the message for *recipients*, to be enqueued with the outcome.

    They have one sender. *head* goes in front of the header.
    A large one's content is uploaded here; what is not enqueued in the end, the keeper removes.
    """
    message_id = context.ids.next()
    first = b""
    others: list[bytes] = []
    uploaded = 0
    size = len(head)
    async for piece in content.read():
        if not first:
            first = head + piece
        else:
            others.append(piece)
        size += len(piece)
        if size > _IN_MEMORY_BYTES:
            for data in others:
                uploaded += 1
                await context.committer.submit(
                    _upload(message_id, uploaded, data, context.process_id)
                )
            others.clear()
    return NewMessage(
        message_id,
        context.queue_id(message_id),
        envelope(delivery, recipients),
        size,
        (first, *others),
        context.clock.now(),
        uploaded,
    )


def envelope(delivery: Delivery, recipients: Sequence[LocalRecipient]) -> Envelope:
    """Return the envelope of the copy; ENVID and RET go along, also with another sender."""
    return Envelope(
        sender=recipients[0].sender,
        recipients=tuple(
            Recipient(one.address, one.original, one.orcpt, one.notify) for one in recipients
        ),
        origin="local",
        envid=delivery.envid,
        ret=delivery.ret,
        smtputf8=delivery.smtputf8,
    )


def groups(recipients: Iterable[LocalRecipient]) -> list[list[LocalRecipient]]:
    """Return the recipients of each new message: those that have the same sender and headers."""
    found: dict[tuple[str, str, bool], list[LocalRecipient]] = {}
    for one in recipients:
        found.setdefault((one.delivered, one.sender, one.is_list), []).append(one)
    return list(found.values())


def _upload(
    message_id: int, piece: int, data: bytes, process_id: int
) -> Callable[[Transaction], None]:
    return lambda tx: spool_content.upload(tx, message_id, piece, data, process_id)
