"""One message on its way into the queue: trace and missing headers, limits, addresses.

The caller feeds the content as it arrives and stores what comes back; the header lines come at
the end, as `head`, because checks and filters may change them until then. So:

    cleanup = Cleanup(rules, routing, queue_id=..., ...)
    body += cleanup.feed(data)                  # again and again; the body alone comes back
    result = await cleanup.finish(recipients)
    content = result.head + body + result.tail

A body that is too large for memory is uploaded from piece 1 on; `head` becomes piece 0.

Postfix:    cleanup(8)
"""

from collections.abc import Sequence

from spoolmta.address.resolve import Routing
from spoolmta.message.envelope import Client, Recipient
from spoolmta.stages.cleanup.rules import CleanupRules
from spoolmta.stages.cleanup.verdict import CleanupResult


class Cleanup:
    """The cleaning up of one message."""

    def __init__(
        self,
        rules: CleanupRules,
        routing: Routing,
        *,
        queue_id: str,
        sender: str,
        client: Client,
        origin: str,
        local_rewrite: bool,
        arrived_at: float,
        uid: int | None = None,
        full_name: str = "",
    ) -> None:
        """*rules* are opened once per process: CleanupRules.open(configuration, overrides).

        *local_rewrite*: the client is one of local_header_rewrite_clients, so missing headers are
        added and header addresses completed.
        """

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of content and return what of the body is ready to be stored.

        *data* has CRLF line ends and no dot-stuffing, and may be cut anywhere. The result is b""
        until the header block has ended.
        """

    async def finish(self, recipients: Sequence[Recipient]) -> CleanupResult:
        """Return what becomes of the message; the content is at its end.

        A lookup table that gives no answer makes the verdict DEFER.
        """
