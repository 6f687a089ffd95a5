"""Mail that is handed in on this machine: picked up from maildrop, and taken over a socket.

stage       Pickup: maildrop becomes incoming
heirs       the recipients of requeued mail that keep an operator's way
submission  the socket for users who may not write the spool

Postfix: pickup(8), postdrop(1)
"""

import asyncio

from spoolmta.service.context import ServiceContext
from spoolmta.service.worker import serve_stage
from spoolmta.stages.pickup.stage import open_stage
from spoolmta.stages.pickup.submission import SubmissionServer

__all__ = ["open_stage", "serve"]


async def serve(context: ServiceContext) -> None:
    """Take mail at the socket and pick it up, until it is time to drain."""
    server = SubmissionServer.open(context)
    listening = asyncio.create_task(server.serve())
    await serve_stage(context, open_stage)
    await listening
