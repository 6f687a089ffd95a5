"""What is in a message: pieces of at most 256 KiB, CRLF line ends, no dot-stuffing.

A large message is uploaded piece by piece while it still arrives, in transactions of their own,
so that no process and no transaction ever holds it whole; the commit that accepts it only adds
the last piece. What a dead process left unfinished is removed by the keeper.
"""

from collections.abc import AsyncIterator, Callable, Iterator

from spoolmta.errors import Corrupt
from spoolmta.spool.committer import Committer
from spoolmta.spool.connection import Reader, Spool, Transaction

PIECE_BYTES = 256 * 1024


def upload(tx: Transaction, message_id: int, piece: int, data: bytes, process_id: int) -> None:
    """Store a piece of a message that is not accepted yet."""
    tx.run("insert_upload", (message_id, process_id))
    tx.run("insert_content", (message_id, piece, data))


def abandon(tx: Transaction, message_id: int) -> None:
    """Delete what was uploaded of a message that will not be accepted."""
    tx.run("delete_upload", (message_id,))
    tx.run("delete_content", (message_id,))


def read(reader: Reader, message_id: int) -> Iterator[bytes]:
    """Yield the pieces of a message, one read each, so that none keeps the WAL from being reused.

    Raises Corrupt: the message has no content.
    """
    piece = 0
    while rows := reader.read("read_piece", {"message_id": message_id, "piece": piece}):
        yield rows[0][0]
        piece += 1
    if not piece:
        raise Corrupt("the message has no content")


def read_whole(reader: Reader, message_id: int) -> bytes:
    """Return all content at once; for messages known to be small.

    Raises Corrupt: the message has no content.
    """
    rows = reader.read("read_whole", {"message_id": message_id})
    if not rows:
        raise Corrupt("the message has no content")
    return rows[0][0] if len(rows) == 1 else b"".join(row[0] for row in rows)


class Content:
    """The content of one message, as an agent reads it; small content is at hand at once."""

    def __init__(
        self, committer: Committer, message_id: int, size: int, small: bytes | None
    ) -> None:
        """*small* is the whole content if it is known already."""
        self.size = size
        self._committer = committer
        self._message_id = message_id
        self._small = small

    async def whole(self) -> bytes:
        """Return all content; for messages known to be small.

        Raises Corrupt: the message has no content.
        """
        if self._small is None:
            message_id = self._message_id
            return await self._committer.run(lambda spool: read_whole(spool, message_id))
        return self._small

    async def read(self) -> AsyncIterator[bytes]:
        """Yield the content piece by piece.

        Raises Corrupt: the message has no content.
        """
        if self._small is not None:
            yield self._small
            return
        piece = 0
        while data := await self._committer.run(self._piece(piece)):
            yield data
            piece += 1
        if not piece:
            raise Corrupt("the message has no content")

    def _piece(self, piece: int) -> Callable[[Spool], bytes]:
        bindings = {"message_id": self._message_id, "piece": piece}

        def operation(spool: Spool) -> bytes:
            rows = spool.read("read_piece", bindings)
            return rows[0][0] if rows else b""

        return operation
