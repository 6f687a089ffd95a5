"""A mailbox that is one file, and plain files that a message is appended to.

The mailbox is locked, checked through the open descriptor, appended to, synced; on trouble it is
cut back to its old length.

Postfix:    global/mbox_open.c, local/mailbox.c, local/file.c, virtual/mailbox.c
Must not:   follow a symbolic link in the last part of the path
Limits:     a delivery that is repeated after a crash appears twice: a file of many messages
            cannot tell which it has
"""

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress

import msgspec

from spoolmta.agents.mailbox.biff import notify
from spoolmta.agents.mailbox.locking import LockRules, lock_file, lock_open_file
from spoolmta.agents.mailbox.trouble import MailboxError, code, trouble
from spoolmta.agents.result import Result
from spoolmta.clock import Clock

_EXECUTABLE = stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH


class MboxFile(msgspec.Struct, frozen=True):
    """Where to append, and by which rules.

    *owner* is the uid that the file must have, None if that is all the same. *size_limit* 0 is no
    limit. *is_mailbox* tells a mailbox from a /file of an alias: that may be a device, and must not
    be executable. *complaint* begins the text of a failure, *success* is the text of a delivery;
    *default* is the status code of trouble with the file itself. *biff_user* is told of new mail at
    *biff_port*, if that is set.
    """

    path: str
    owner: int | None
    size_limit: int
    is_mailbox: bool
    locking: LockRules
    complaint: str
    success: str
    default: str
    biff_user: str = ""
    biff_port: int | None = None


def append(file: MboxFile, message: Iterable[bytes], clock: Clock) -> Result:
    """Append a message, given as it shall stand in the file, and return what came of it."""
    try:
        with lock_file(
            file.path, file.locking, clock, default=file.default, required=file.is_mailbox
        ):
            offset = _append(file, message)
    except MailboxError as error:
        return Result(error.result.dsn, file.complaint + error.result.reason)
    if file.biff_port is not None:
        notify(file.biff_port, file.biff_user, offset)
    return Result("2.0.0", file.success)


def _append(file: MboxFile, message: Iterable[bytes]) -> int:
    """Append, and return where the message begins."""
    descriptor = _open(file)
    try:
        status = os.fstat(descriptor)
        _check(file, status)
        if not stat.S_ISREG(status.st_mode):
            _write(file, descriptor, message, room=None)
            return 0
        lock_open_file(descriptor, file.locking)
        _check_still_there(file, status)
        return _write_or_cut_back(file, descriptor, message)
    finally:
        os.close(descriptor)


def _open(file: MboxFile) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    for _ in range(2):
        try:
            return os.open(file.path, flags)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise MailboxError(file.default, "file is a symbolic link") from error
            raise trouble(error, "cannot open file", file.default) from error
        try:
            return os.open(file.path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        except OSError as error:
            raise trouble(error, "cannot create file exclusively", file.default) from error
    raise MailboxError("4.2.0", f"cannot create file exclusively: {os.strerror(errno.EEXIST)}")


def _check(file: MboxFile, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        if file.is_mailbox or not stat.S_ISCHR(status.st_mode):
            raise MailboxError(file.default, "file is not a regular file")
        return
    if status.st_nlink != 1:
        raise MailboxError(file.default, f"file has {status.st_nlink} hard links")
    if not file.is_mailbox and status.st_mode & _EXECUTABLE:
        raise MailboxError("5.7.1", "file is executable")
    if file.owner is not None and status.st_uid != file.owner:
        raise MailboxError("4.2.0", f"destination {file.path} is not owned by recipient")


def _check_still_there(file: MboxFile, status: os.stat_result) -> None:
    """Notice that a reader moved the mailbox away while we waited for its lock."""
    with suppress(OSError):
        present = os.lstat(file.path)
        if (present.st_dev, present.st_ino) == (status.st_dev, status.st_ino):
            return
    raise MailboxError("4.2.0", "the file was replaced while its lock was awaited")


def _write_or_cut_back(file: MboxFile, descriptor: int, message: Iterable[bytes]) -> int:
    length = os.fstat(descriptor).st_size
    room = file.size_limit - length if file.size_limit else None
    try:
        _write(file, descriptor, message, room=room)
        os.fsync(descriptor)
    except OSError as error:
        _cut_back(descriptor, length)
        raise trouble(error, "error writing message", file.default) from error
    except MailboxError:
        _cut_back(descriptor, length)
        raise
    return length


def _write(file: MboxFile, descriptor: int, message: Iterable[bytes], *, room: int | None) -> None:
    for piece in message:
        if room is not None:
            room -= len(piece)
            if room < 0:
                full = OSError(errno.EFBIG, os.strerror(errno.EFBIG))
                raise MailboxError(
                    code(full, file.default), f"error writing message: {full.strerror}"
                )
        view = memoryview(piece)
        while view:
            view = view[os.write(descriptor, view) :]


def _cut_back(descriptor: int, length: int) -> None:
    """Take back what was written; a file that cannot be cut keeps a torn message, as in Postfix."""
    with suppress(OSError):
        os.ftruncate(descriptor, length)
