"""Whole messages in an anonymous file, for the process that delivers it as the recipient.

That process may only begin when a message is complete: if its end came by a pipe, the death of
the sending side would look like the end of the message.

Limits: messages of up to a megabyte are kept in memory, larger ones on the disk of the spool
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from spoolmta.agents.mailbox.text import PLAIN, MailboxText, Style

READ_BYTES = 1 << 18

_IN_MEMORY_BYTES = 1 << 20
_STAY_SMALL = 1 << 16


async def stage(
    pieces: AsyncIterator[bytes],
    size: int,
    folder: Path,
    *,
    head: bytes,
    tail: bytes = b"",
    style: Style = PLAIN,
) -> int:
    """Return a descriptor of an unnamed file with *head*, the content, and *tail*.

    Large messages lie in *folder*. The caller closes the descriptor.
    Raises OSError: the file could not be made or written; try again later.
    """
    descriptor = _memory() if size <= _IN_MEMORY_BYTES else _disk(folder)
    text = MailboxText(style)
    try:
        await _write(descriptor, head)
        async for piece in pieces:
            await _write(descriptor, text.feed(piece))
        await _write(descriptor, text.end() + tail)
        os.lseek(descriptor, 0, os.SEEK_SET)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def stage_all(messages: Sequence[bytes]) -> int:
    """Return a descriptor of an unnamed file in memory: small *messages*, one after the other.

    The caller closes it. Raises OSError: as `stage`.
    """
    descriptor = _memory()
    try:
        for message in messages:
            _write_all(descriptor, message)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_each(descriptor: int, sizes: Sequence[int]) -> Iterator[bytes]:
    """Yield the messages of `stage_all`, given their sizes."""
    position = 0
    for size in sizes:
        yield os.pread(descriptor, size, position)
        position += size


def read_staged(descriptor: int) -> Iterator[bytes]:
    """Yield a staged message from its beginning, whoever else has the descriptor."""
    position = 0
    while data := os.pread(descriptor, READ_BYTES, position):
        yield data
        position += len(data)


async def _write(descriptor: int, data: bytes) -> None:
    if len(data) < _STAY_SMALL:
        _write_all(descriptor, data)
    else:
        await asyncio.to_thread(_write_all, descriptor, data)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _memory() -> int:
    return os.memfd_create("message", os.MFD_CLOEXEC)


def _disk(folder: Path) -> int:
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.dup(file.fileno())
