"""Whether there is room for another message. Asked at MAIL, so that it is refused early.

Free pages in the spool's file are room as the rest of the disk is: a queue that was deep once does
not give them back at once.

Postfix:    smtpd(8), postconf(5) queue_minfree
Parameters: queue_directory, queue_minfree, message_size_limit
Limits:     the answer may be a second old
"""

import os
from pathlib import Path

from spoolmta.config.parameters.smtpd import SmtpdParameters
from spoolmta.spool.connection import Spool

_REMEMBERED_SECONDS = 1.0
_MESSAGES_THAT_MUST_FIT = 1.5


class Storage:
    """The free space of the queue's file system, and in the spool."""

    def __init__(self, parameters: SmtpdParameters, spool: Spool) -> None:
        self._directory = Path(parameters.queue_directory)
        self._needed = max(
            parameters.queue_minfree, parameters.message_size_limit * _MESSAGES_THAT_MUST_FIT
        )
        self._spool = spool
        self._asked_at = float("-inf")
        self.free_bytes = 0

    def has_room(self) -> bool:
        """Return whether a message may be taken; *free_bytes* tells what is left."""
        now = self._spool.clock.now()
        if not 0 <= now - self._asked_at < _REMEMBERED_SECONDS:
            status = os.statvfs(self._directory)
            self.free_bytes = status.f_bavail * status.f_frsize + self._spool.free_bytes()
            self._asked_at = now
        return self.free_bytes > self._needed
