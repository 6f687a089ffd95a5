import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from spoolmta.agents.mailbox.staging import read_staged, stage
from spoolmta.agents.mailbox.text import MBOX


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize("size", [100, 2 << 20], ids=["in memory", "on disk"])
def test_a_staged_message_is_whole_and_has_no_name(tmp_path: Path, size: int) -> None:
    body = b"x" * 997 + b"\r\n"
    pieces = [body] * (size // len(body) + 1)

    async def run() -> int:
        return await stage(
            _pieces(*pieces, b"From me\r\n"),
            size,
            tmp_path,
            head=b"H: 1\n",
            tail=b"\n",
            style=MBOX,
        )

    descriptor = asyncio.run(run())
    whole = b"".join(read_staged(descriptor))
    assert whole == b"H: 1\n" + b"".join(pieces).replace(b"\r\n", b"\n") + b">From me\n\n"
    assert os.lseek(descriptor, 0, os.SEEK_CUR) == 0
    os.close(descriptor)
    assert not list(tmp_path.iterdir())


def test_a_staging_that_fails_leaves_no_descriptor(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"text\r\n"
        raise RuntimeError

    before = _open_descriptors()
    with pytest.raises(RuntimeError):
        asyncio.run(stage(broken(), 10, tmp_path, head=b""))
    assert _open_descriptors() == before
