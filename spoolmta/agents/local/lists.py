"""Files that hold destinations: :include: files of aliases, and users' .forward files.

A file is opened by the process that is its owner (or, for root's, default_privs), never by ours.

Postfix:    local/include.c, local/dotforward.c
Must not:   open a user's file here
Limits:     a list that belongs to root must be readable for default_privs
"""

import asyncio
import errno
import os
from collections.abc import Sequence
from typing import Protocol

from spoolmta.agents.local.destination import Destination, parse_file
from spoolmta.agents.local.user import User, find_user_by_id
from spoolmta.agents.mailbox import work
from spoolmta.agents.mailbox.trouble import MailboxError
from spoolmta.agents.recipient_user import Identity
from spoolmta.maillog import MailLog

# A list is read whole; more than this is a mistake.
_LIMIT_BYTES = 4 << 20
# There is no such file for this user, for whatever reason.
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.ELOOP, errno.ENAMETOOLONG})
_MISCONFIGURED = "mail system configuration error"


class Reader(Protocol):
    """Who reads a file on behalf of a user: the deliverer."""

    async def run(self, identity: Identity, work: bytes, descriptors: Sequence[int] = ()) -> bytes:
        """Return the answer to a ReadList.

        Raises TemporaryError: defer.
        """
        ...


class Lists:
    """Reads lists by way of the deliverer."""

    def __init__(self, deliverer: Reader, log: MailLog, nobody: Identity) -> None:
        """*nobody* are the rights of lists that belong to root (default_privs)."""
        self._deliverer = deliverer
        self._log = log
        self._nobody = nobody

    async def forward(self, path: str, user: User) -> list[Destination] | None:
        """Return the destinations of a .forward file, none if it is not heeded; None: no file.

        Raises MailboxError: it could not be read now; defer.
        """
        text = await self._read(user.identity, work.ReadList(path, _LIMIT_BYTES, user.uid))
        if text.refusal:
            self._log.warning(text.refusal)
            return []
        if text.error in _ABSENT:
            return None
        if text.error:
            raise MailboxError("4.2.0", f"cannot read {path}: {os.strerror(text.error)}")
        return _parse(text.content)

    async def include(
        self, path: str, rights: User | None
    ) -> tuple[list[Destination], User | None]:
        """Return the destinations of an :include: file, and with whose rights they are used.

        *rights* are those of the list that names the file, None for root's.
        Raises MailboxError: it cannot be used; its result says whether for ever.
        """
        if not path.startswith("/"):
            raise self._misconfigured(f":include:{path} uses a relative path")
        reader = rights or await self._owner(path)
        identity = reader.identity if reader else self._nobody
        text = await self._read(identity, work.ReadList(path, _LIMIT_BYTES, None))
        if text.refusal:
            raise self._misconfigured(f":include: {text.refusal}")
        if text.error:
            reason = f"cannot open include file {path}: {os.strerror(text.error)}"
            dsn = "5.3.5" if reader and text.error in _ABSENT else "4.3.5"
            raise self._misconfigured(reason, dsn)
        return _parse(text.content), reader

    async def _owner(self, path: str) -> User | None:
        """Return who owns a file that a list of root's names, None if it is root's, too."""
        try:
            status = await asyncio.to_thread(os.stat, path)
        except OSError as error:
            reason = f"unable to lookup :include: file {path}: {error.strerror}"
            dsn = "5.3.5" if error.errno in _ABSENT - {errno.EACCES} else "4.3.5"
            raise self._misconfigured(reason, dsn) from error
        if status.st_uid == 0:
            return None
        user = await find_user_by_id(status.st_uid)
        if user is None:
            reason = f"cannot find username for uid {status.st_uid}, owner of :include: file {path}"
            raise self._misconfigured(reason, "4.3.5")
        return user

    def _misconfigured(self, reason: str, dsn: str = "5.3.5") -> MailboxError:
        self._log.warning(reason)
        return MailboxError(dsn, _MISCONFIGURED)

    async def _read(self, identity: Identity, request: work.ReadList) -> work.Text:
        return work.decode_text(await self._deliverer.run(identity, work.encode(request)))


def _parse(content: bytes) -> list[Destination]:
    return parse_file(content.decode("utf-8", "surrogateescape").replace("\r\n", "\n"))
