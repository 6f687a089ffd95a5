"""Files that hold destinations: :include: files of aliases, and users' .forward files.

A file is opened by the process that is its owner (or, for root's, default_privs), never by ours.

Postfix:    local/include.c, local/dotforward.c
Must not:   open a user's file here
"""

import asyncio
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from spoolmta.agents.local.destination import Destination, parse_file
from spoolmta.agents.local.user import User
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

    def refusal(self, identity: Identity) -> str:
        """Return why nothing is read as *identity*; "" if it is."""
        ...

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
        """Return the destinations of a .forward file; None if there is none to be heeded.

        Raises MailboxError: it could not be read now; defer.
        """
        request = work.ReadList(path, _LIMIT_BYTES, user.uid)
        text = await self._read(user.identity, request)
        if text.refusal:
            self._log.warning(f"file {path} {text.refusal}: ignored")
            return None
        if text.error in _ABSENT:
            return None
        if text.error:
            raise MailboxError("4.2.0", f"cannot read {path}: {os.strerror(text.error)}")
        return _parse(text.content) or None

    async def include(self, path: str, reader: User | None) -> tuple[list[Destination], Identity]:
        """Return the destinations of an :include: file, and with whose rights they are used.

        *reader* is the user whose .forward named it, None if an alias did.
        Raises MailboxError: it cannot be used; its result says whether for ever.
        """
        identity = reader.identity if reader else await self._owner(path)
        owner = reader.uid if reader else None
        text = await self._read(identity, work.ReadList(path, _LIMIT_BYTES, owner))
        if text.error or text.refusal:
            reason = text.refusal or f"cannot be opened: {os.strerror(text.error)}"
            self._log.warning(f":include: file {path} {reason}")
            dsn = "5.3.5" if text.refusal or text.error in _ABSENT else "4.3.5"
            raise MailboxError(dsn, _MISCONFIGURED)
        return _parse(text.content), identity

    async def _owner(self, path: str) -> Identity:
        """Return who owns a file that an alias names; root's are read without rights."""
        if not path.startswith("/"):
            self._log.warning(f":include: file {path} has no absolute path")
            raise MailboxError("5.3.5", _MISCONFIGURED)
        try:
            status = await asyncio.to_thread(os.stat, path)
        except OSError as error:
            self._log.warning(f"unable to lookup :include: file {path}: {error.strerror}")
            dsn = "5.3.5" if error.errno in _ABSENT else "4.3.5"
            raise MailboxError(dsn, _MISCONFIGURED) from error
        return self.rights(Identity(status.st_uid, status.st_gid))

    def rights(self, owner: Identity | None) -> Identity:
        """Return with whose rights the list of *owner* is used; None and root have none."""
        if owner is None or self._deliverer.refusal(owner):
            return self._nobody
        return owner

    async def _read(self, identity: Identity, request: work.ReadList) -> work.Text:
        return work.decode_text(await self._deliverer.run(identity, work.encode(request)))


def owner_of_table(name: str) -> Identity | None:
    """Return who owns the file of the table "type:/path"; None if it is in no file of its own."""
    path = name.rpartition(":")[2]
    if not path.startswith("/"):
        return None
    for candidate in (Path(f"{path}.db"), Path(path)):
        try:
            status = candidate.stat()
        except OSError:
            continue
        return Identity(status.st_uid, status.st_gid)
    return None


def _parse(content: bytes) -> list[Destination]:
    return parse_file(content.decode("utf-8", "surrogateescape").replace("\r\n", "\n"))
