"""A mailbox that is a folder: one file a message.

The file's name is made of the message's queue id and the recipient's number, so that a delivery
that is repeated after a crash finds its own file: in new/ by the name, in cur/ by the name before
the flags. Messages are delivered in batches: all are written, then all synced, then all linked
into new/, then the folders synced; a message is reported only after the last step.

Postfix:    local/maildir.c, virtual/maildir.c
Must not:   let a message be seen in new/ before it is whole and on the disk
Limits:     a file that its reader deleted between a crash and the repetition is delivered again
"""

# ruff: noqa: PTH102, PTH104, PTH108, PTH112, PTH116, PTH120
# System calls on paths that are used once: making a Path costs more than the call.

import errno
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec

from spoolmta.agents.mailbox.trouble import MailboxError, trouble
from spoolmta.agents.result import Result

_FOLDERS = ("tmp", "new", "cur")
# Coarser than the time stamps of any file system (seconds).
_COARSE = 5.0
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS})
_SUCCESS = "delivered to maildir"
_COMPLAINT = "maildir delivery failed: "


class MaildirFile(msgspec.Struct, frozen=True):
    """One message to be delivered: *folder* without a slash at its end, *name* of the file.

    *age* is how long ago the message arrived (seconds): a folder that was not changed since then
    cannot hold it yet. *size_limit* 0 is no limit; *default* is the status code of trouble with the
    folder itself.
    """

    folder: str
    name: str
    age: float
    size_limit: int
    default: str


class Written:
    """A message in tmp/, not yet synced and not yet visible."""

    __slots__ = ("at", "descriptor", "file", "path", "size")

    def __init__(self, file: MaildirFile, path: str, descriptor: int) -> None:
        self.file = file
        self.path = path
        self.descriptor = descriptor
        self.size = 0
        self.at = 0.0


def file_name(queue_id: str, number: int, arrived_at: float, host: str) -> str:
    """Return the name of the file of recipient *number* of a message; the same at every try."""
    printed = host.replace("/", r"\057").replace(":", r"\072")
    return f"{int(arrived_at)}.Q{queue_id}R{number}.{printed}"


def deliver(file: MaildirFile, pieces: Iterable[bytes]) -> Result:
    """Deliver one message and return what came of it."""
    return publish([write_whole(file, pieces)])[0]


def write_whole(file: MaildirFile, pieces: Iterable[bytes]) -> Written | Result:
    """Return a message written to tmp/, or why it could not be."""
    try:
        written = create(file)
    except MailboxError as error:
        return failed(error)
    try:
        for piece in pieces:
            write(written, piece)
    except MailboxError as error:
        discard(written)
        return failed(error)
    return written


def create(file: MaildirFile) -> Written:
    """Begin a message: its file in tmp/, its folders if they are not there.

    Raises MailboxError: the message cannot be delivered; its result says whether for ever.
    """
    path = f"{file.folder}/tmp/{file.name}"
    try:
        descriptor = _create(path)
    except FileNotFoundError:
        try:
            _make_folders(file.folder)
            descriptor = _create(path)
        except OSError as error:
            raise trouble(error, f"create maildir file {path}", file.default) from error
    except OSError as error:
        raise trouble(error, f"create maildir file {path}", file.default) from error
    return Written(file, path, descriptor)


def write(written: Written, piece: bytes) -> None:
    """Add a piece to a message.

    Raises MailboxError: `discard` it; its result says whether for ever.
    """
    file = written.file
    written.size += len(piece)
    if file.size_limit and written.size > file.size_limit:
        too_large = OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        raise trouble(too_large, "error writing message", file.default)
    try:
        done = os.write(written.descriptor, piece)
        while done < len(piece):
            done += os.write(written.descriptor, memoryview(piece)[done:])
    except OSError as error:
        raise trouble(error, "error writing message", file.default) from error


def discard(written: Written) -> None:
    """Remove what was begun."""
    os.close(written.descriptor)
    with suppress(OSError):
        os.unlink(written.path)


def publish(ready: Sequence[Written | Result]) -> list[Result]:
    """Sync messages, make them visible, sync their folders; results pass through as they are."""
    if len(ready) > 1:
        _begin_sync(ready)
    results = [_sync(item) if isinstance(item, Written) else item for item in ready]
    folders: dict[str, list[int]] = {}
    for index, item in enumerate(ready):
        if isinstance(item, Written) and results[index].is_sent:
            results[index] = _link(item)
            if results[index].is_sent:
                folders.setdefault(f"{item.file.folder}/new", []).append(index)
    for folder, indexes in folders.items():
        try:
            _sync_folder(folder)
        except OSError as error:
            for index in indexes:
                results[index] = failed(trouble(error, f"sync maildir {folder}", "4.2.0"))
    return results


def failed(error: MailboxError) -> Result:
    """Return the result of a delivery that ended with *error*."""
    return Result(error.result.dsn, _COMPLAINT + error.result.reason)


def _create(path: str) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileExistsError:
        # Only an earlier try of this very delivery, now dead, can have left it.
        os.unlink(path)
        return os.open(path, flags, 0o600)


def _make_folders(folder: str) -> None:
    """Make a maildir, and what folders are missing above it."""
    missing = []
    above = folder
    while above and not os.path.isdir(above):
        missing.append(above)
        above = os.path.dirname(above)
    for path in [*reversed(missing), *(f"{folder}/{name}" for name in _FOLDERS)]:
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
    for path in [above or "/", *reversed(missing)]:
        # Whoever owns the folder above may let us enter it only.
        with suppress(PermissionError):
            _sync_folder(path)


def _begin_sync(ready: Sequence[Written | Result]) -> None:
    """Let the writing of all begin, so that one commit of the file system serves all syncs."""
    for item in ready:
        if isinstance(item, Written):
            with suppress(OSError):
                os.posix_fadvise(item.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _sync(written: Written) -> Result:
    try:
        os.fsync(written.descriptor)
        written.at = os.fstat(written.descriptor).st_mtime
    except OSError as error:
        discard(written)
        return failed(trouble(error, "error writing message", written.file.default))
    os.close(written.descriptor)
    return Result("2.0.0", _SUCCESS)


def _link(written: Written) -> Result:
    """Make a message visible, unless an earlier try did; the file in tmp/ goes in any case."""
    file = written.file
    target = f"{file.folder}/new/{file.name}"
    try:
        if not _is_in_cur(written):
            try:
                _move(written.path, target)
            except FileNotFoundError:
                _make_folders(file.folder)
                _move(written.path, target)
    except OSError as error:
        with suppress(OSError):
            os.unlink(written.path)
        what = f"link {written.path} to new/{file.name}"
        return failed(trouble(error, what, file.default))
    with suppress(OSError):
        os.unlink(written.path)
    return Result("2.0.0", _SUCCESS)


def _move(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        return
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.rename(source, target)


def _is_in_cur(written: Written) -> bool:
    """Tell whether a reader has the message already.

    A folder that was not touched since the message arrived cannot hold it; the present time is
    that of the file just written, because a file server's clock may differ from ours.
    """
    file = written.file
    cur = f"{file.folder}/cur"
    try:
        if os.stat(cur).st_mtime < written.at - file.age - _COARSE:
            return False
        with os.scandir(cur) as entries:
            return any(entry.name.partition(":")[0] == file.name for entry in entries)
    except FileNotFoundError:
        return False


def _sync_folder(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
