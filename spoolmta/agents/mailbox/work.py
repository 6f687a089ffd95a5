"""A delivery as data: what an agent asks the process to do that becomes the recipient.

Postfix:    local(8), virtual(8)
"""

import errno
import os
import resource
import stat
from collections.abc import Sequence
from pathlib import Path

import msgspec

from spoolmta.agents import command
from spoolmta.agents.mailbox import maildir, mbox
from spoolmta.agents.mailbox.staging import READ_BYTES, read_each, read_staged
from spoolmta.agents.result import Result
from spoolmta.clock import SystemClock


class ToMbox(msgspec.Struct, frozen=True, tag=True):
    """Append the message to a file."""

    file: mbox.MboxFile


class ToMaildir(msgspec.Struct, frozen=True, tag=True):
    """Put the message into a maildir."""

    file: maildir.MaildirFile


class ToMaildirs(msgspec.Struct, frozen=True, tag=True):
    """Put several messages, one after the other and each of its size, into maildirs."""

    files: tuple[maildir.MaildirFile, ...]
    sizes: tuple[int, ...]


class ToCommand(msgspec.Struct, frozen=True, tag=True):
    """Run a command with the message as its input; no file that it writes outgrows *file_limit*.

    0 is no limit.
    """

    command: command.Command
    file_limit: int = 0


class ReadList(msgspec.Struct, frozen=True, tag=True):
    """Return a file's content: a list of destinations that may be up to *limit* bytes long.

    With *owner* it is a .forward file: it must belong to that user or to root, and no link leads to
    it.
    """

    path: str
    limit: int
    owner: int | None


class Text(msgspec.Struct, frozen=True):
    """The answer to ReadList. *error* is an errno, 0 if there is none; *refusal* tells why not."""

    content: bytes
    error: int = 0
    refusal: str = ""


Work = ToMbox | ToMaildir | ToMaildirs | ToCommand | ReadList

encode = msgspec.msgpack.Encoder().encode
decode_work = msgspec.msgpack.Decoder(Work).decode
decode_result = msgspec.msgpack.Decoder(Result).decode
decode_results = msgspec.msgpack.Decoder(list[Result]).decode
decode_text = msgspec.msgpack.Decoder(Text).decode


def decode_path(work: bytes) -> str:
    """Return the path of a ReadList, "" for other work."""
    task: Work = decode_work(work)
    return task.path if isinstance(task, ReadList) else ""


def perform(work: bytes, descriptors: Sequence[int]) -> bytes:
    """Do the work, as the user that this process is; return the answer."""
    task: Work = decode_work(work)
    match task:
        case ToMbox(file):
            return encode(mbox.append(file, read_staged(descriptors[0]), SystemClock()))
        case ToMaildir(file):
            return encode(maildir.deliver(file, read_staged(descriptors[0])))
        case ToMaildirs(files, sizes):
            messages = read_each(descriptors[0], sizes)
            ready = [maildir.write_whole(file, [next(messages)]) for file in files]
            return encode(maildir.publish(ready))
        case ToCommand(line, file_limit):
            if file_limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))
            os.lseek(descriptors[0], 0, os.SEEK_SET)
            return encode(command.run(line, descriptors[0]))
        case ReadList():
            return encode(_read_list(task))


def _read_list(task: ReadList) -> Text:
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    is_forward = task.owner is not None
    try:
        status = Path(task.path).stat(follow_symlinks=not is_forward)
    except OSError as error:
        return Text(b"", error=error.errno or errno.EIO)
    if refusal := _refusal(task, status):
        return Text(b"", refusal=refusal)
    try:
        descriptor = os.open(task.path, flags | os.O_NOFOLLOW if is_forward else flags)
    except PermissionError as error:
        # Whoever may see a .forward file and not read it has none.
        if is_forward:
            return Text(b"", refusal=f"cannot open file {task.path}: {error.strerror}")
        return Text(b"", error=errno.EACCES)
    except OSError as error:
        return Text(b"", error=error.errno or errno.EIO)
    try:
        return _read(task, descriptor)
    except OSError as error:
        return Text(b"", error=error.errno or errno.EIO)
    finally:
        os.close(descriptor)


def _read(task: ReadList, descriptor: int) -> Text:
    if refusal := _refusal(task, os.fstat(descriptor)):
        return Text(b"", refusal=refusal)
    content = b""
    while piece := os.read(descriptor, READ_BYTES):
        content += piece
        if len(content) > task.limit:
            return Text(b"", refusal=f"file {task.path} is too long")
    return Text(content)


def _refusal(task: ReadList, status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return f"file {task.path} is not a regular file"
    if task.owner is not None and status.st_uid not in (0, task.owner):
        return f"file {task.path} has bad owner uid {status.st_uid}"
    if status.st_mode & stat.S_IWOTH:
        return f"file {task.path} is world writable"
    return ""
