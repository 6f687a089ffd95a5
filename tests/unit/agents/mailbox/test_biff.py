"""comsat is told of new mail in a mailbox, and a delivery does not depend on it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from spoolmta.agents.mailbox import mbox
from spoolmta.agents.mailbox.biff import biff_port
from tests.unit.agents.mailbox.test_mbox import CLOCK, _mailbox


@pytest.fixture
def comsat() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        yield listener


def test_comsat_hears_where_each_message_begins(comsat: socket.socket, tmp_path: Path) -> None:
    port = comsat.getsockname()[1]
    box = _mailbox(tmp_path / "alice")
    file = msgspec.structs.replace(box, biff_user="alice", biff_port=port)
    for text in (b"first\n\n", b"second\n\n"):
        assert mbox.append(file, [text], CLOCK).is_sent
    assert [comsat.recv(100) for _ in range(2)] == [b"alice@0\0", b"alice@7\0"]


def test_comsat_hears_nothing_of_what_was_not_delivered(
    comsat: socket.socket, tmp_path: Path
) -> None:
    port = comsat.getsockname()[1]
    box = _mailbox(tmp_path / "alice", limit=3)
    file = msgspec.structs.replace(box, biff_user="alice", biff_port=port)
    assert not mbox.append(file, [b"too long"], CLOCK).is_sent
    comsat.setblocking(False)
    with pytest.raises(BlockingIOError):
        comsat.recv(100)


def test_without_comsat_mail_is_delivered(tmp_path: Path) -> None:
    box = _mailbox(tmp_path / "alice")
    file = msgspec.structs.replace(box, biff_user="alice", biff_port=biff_port() or 1)
    assert mbox.append(file, [b"x"], CLOCK).is_sent
