"""Who handed in the message of a delivery; few deliveries need to know."""

from spoolmta.message.envelope import Client
from spoolmta.service.context import ServiceContext
from spoolmta.spool import queues
from spoolmta.spool.connection import Spool


async def client_of(context: ServiceContext, message_id: int) -> Client:
    """Return the client of a message; one without any if the message is gone."""

    def load(spool: Spool) -> Client:
        found = queues.load(spool, [message_id])
        return found[0].envelope.client if found else Client()

    return await context.committer.run(load)
