"""Wake-ups: an empty datagram to $queue_directory/public/NAME says "look again".

The master binds these sockets; the processes of a service share theirs, each pokes all others by
path. A poke carries no data and may be lost: polling is the truth, a poke only saves time.
"""

import contextlib
import os
import socket
from pathlib import Path

FOLDER = "public"


class Poker:
    """Sends pokes; never waits, never fails."""

    def __init__(self, queue_directory: Path) -> None:
        """Pokes go to sockets in *queue_directory*/public."""
        self._folder = queue_directory / FOLDER
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def poke(self, name: str) -> None:
        """Wake the stage or transport *name*, if somebody listens."""
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", f"{self._folder}/{name}")

    def close(self) -> None:
        """Close the sending socket."""
        self._socket.close()


def bind(queue_directory: Path, name: str) -> socket.socket:
    """Return the receiving socket of a stage or transport, fresh."""
    path = queue_directory / FOLDER / name
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    receiver.bind(str(path))
    os.chmod(path, 0o660)  # noqa: PTH101
    return receiver
