"""The replies to a client: those to one pipelined batch leave in one write.

Postfix:    smtpd_chat(8), postconf(5) soft_bounce
RFC:        2920 3.2 (replies to a group may wait for each other)
Parameters: soft_bounce
"""

import functools
from collections.abc import Callable

from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.stages.smtpd.transcript import Transcript


class Chat:
    """The replies that wait, and the way to the client. *transcript*: None if nobody wants one."""

    __slots__ = ("_soft_bounce", "_waiting", "_write", "transcript")

    def __init__(
        self,
        write: Callable[[bytes], None],
        *,
        soft_bounce: bool,
        transcript: Transcript | None = None,
    ) -> None:
        self._write = write
        self.transcript = transcript
        self._soft_bounce = soft_bounce
        self._waiting: list[bytes] = []

    def send(self, reply: Reply) -> None:
        """Say *reply*; with soft_bounce nothing is final."""
        if self._soft_bounce and reply.code >= 500:
            reply = soften(reply)
        if self.transcript is not None:
            self.transcript.entries.append(reply)
        self._waiting.append(_encode(reply))

    def flush(self) -> None:
        """Let the replies go that wait."""
        waiting = self._waiting
        if waiting:
            self._write(waiting[0] if len(waiting) == 1 else b"".join(waiting))
            waiting.clear()


def soften(reply: Reply) -> Reply:
    """Return a 5xx reply as the 4xx one of the same meaning."""
    return Reply(reply.code - 100, "4" + reply.dsn[1:] if reply.dsn else "", reply.text)


_encode = functools.lru_cache(maxsize=1024)(Reply.encode)
