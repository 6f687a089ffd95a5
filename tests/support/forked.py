"""A program of spoolmta as a process that need import nothing: a fork of the server of forks."""

import atexit
import functools
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from tests.support.fork_server import NUMBER, Request, encode

BIN = Path(sys.executable).parent
_ROOT = Path(__file__).resolve().parents[2]
_STARTING = threading.Lock()


class Forked:
    """A running program, *words* its name and arguments; used like a subprocess.Popen."""

    def __init__(
        self,
        words: Sequence[str | Path],
        streams: tuple[IO[bytes], IO[bytes], IO[bytes]],
        *,
        folder: Path,
        environment: Mapping[str, str],
    ) -> None:
        """*streams* are standard input, output and error, *environment* all of its variables."""
        self.words = [str(BIN / words[0]), *map(str, words[1:])]
        self.returncode: int | None = None
        self._reading = threading.Lock()
        told, tell = os.pipe()
        self._told = os.fdopen(told, "rb", buffering=0)
        request = Request(self.words, str(folder), dict(environment))
        descriptors = [*(stream.fileno() for stream in streams), tell]
        with _STARTING:
            server = _server()
        socket.send_fds(server, [encode(request)], descriptors)
        os.close(tell)
        (self.pid,) = NUMBER.unpack(self._told.read(NUMBER.size))

    def poll(self) -> int | None:
        """Return the exit status, or minus the signal; None while it runs."""
        with self._reading:
            if self.returncode is None and self._is_told(0):
                (self.returncode,) = NUMBER.unpack(self._told.read(NUMBER.size))
                self._told.close()
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit status.

        Raises TimeoutExpired: it still runs.
        """
        while (status := self.poll()) is None:
            if not self._is_told(timeout):
                raise subprocess.TimeoutExpired(self.words, timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def _is_told(self, timeout: float | None) -> bool:
        ready = select.poll()
        ready.register(self._told, select.POLLIN)
        return bool(ready.poll(None if timeout is None else timeout * 1000))


def run(
    words: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    stdin: bytes = b"",
    timeout: float | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end, as subprocess.run does.

    Raises TimeoutExpired: it took too long, and was killed.
    """
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(stdin)
        given.seek(0)
        process = Forked(words, (given, out, err), folder=Path.cwd(), environment=environment)
        try:
            status = process.wait(timeout)
        finally:
            process.kill()
            process.wait()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(process.words, status, out.read(), err.read())


@functools.cache
def _server() -> socket.socket:
    """Start the server of this process; return the socket that takes requests."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server"],
            cwd=_ROOT,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
