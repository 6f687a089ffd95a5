"""The new message that takes mail to other addresses; it enters by the maildrop, as any new mail.

Postfix:    local/forward.c
RFC:        3461 4.2.7.2 (DSN parameters through an alias), 5.2.7.3 (through a list)
"""

from collections.abc import Callable, Sequence

from spoolmta.message.envelope import Envelope, Notify, Recipient
from spoolmta.message.outcome import Delivery, DeliveryRecipient
from spoolmta.service.context import ServiceContext
from spoolmta.spool import content as spool_content
from spoolmta.spool.connection import Transaction
from spoolmta.spool.content import PIECE_BYTES, Content
from spoolmta.spool.queues import NewMessage

_IN_MEMORY_BYTES = 4 * PIECE_BYTES


async def forward(
    context: ServiceContext,
    delivery: Delivery,
    recipient: DeliveryRecipient,
    content: Content,
    addresses: Sequence[str],
    *,
    owner: str | None,
    head: bytes,
) -> NewMessage:
    """Return a copy of the message for *addresses*, to be enqueued with the recipient's outcome.

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
        envelope(delivery, recipient, addresses, owner=owner),
        size,
        (first, *others),
        context.clock.now(),
        uploaded,
    )


def envelope(
    delivery: Delivery,
    recipient: DeliveryRecipient,
    addresses: Sequence[str],
    *,
    owner: str | None,
) -> Envelope:
    """Return the envelope for *addresses*; a list with an *owner* starts DSN parameters afresh."""
    is_list = owner is not None
    notify = Notify.ABSENT if is_list else notify_through_alias(Notify(recipient.notify))
    orcpt = "" if is_list else recipient.orcpt
    original = "" if is_list else recipient.original or recipient.address
    return Envelope(
        sender=delivery.sender if owner is None else owner,
        recipients=tuple(Recipient(address, original, orcpt, notify) for address in addresses),
        origin="local",
        envid="" if is_list else delivery.envid,
        ret="" if is_list else delivery.ret,
        encoding=delivery.encoding,
        smtputf8=delivery.smtputf8,
    )


def notify_through_alias(notify: Notify) -> Notify:
    """Return what is asked of the next system: the success of the alias is told here."""
    if not notify & Notify.SUCCESS:
        return notify
    return notify & ~Notify.SUCCESS or Notify.NEVER


def _upload(
    message_id: int, piece: int, data: bytes, process_id: int
) -> Callable[[Transaction], None]:
    return lambda tx: spool_content.upload(tx, message_id, piece, data, process_id)
