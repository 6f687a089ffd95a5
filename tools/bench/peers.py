"""Who sends and who receives: smtp-source and smtp-sink of Debian's postfix, or our own."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from tests.support.mail_system import free_port, wait_for
from tools.bench.load import Load

COUNT = re.compile(rb"mesg=(\d+)")
SENDER_NAME = "smtp-source"
SINK_NAME = "smtp-sink"
SENDER = "sender@bench.example"
BACKLOG = "512"
MOST_CONNECTIONS = "1000"


class Sink:
    """A receiver process that takes everything, keeps nothing, and counts.

    smtp-sink is cheap by the message and dear by the byte: it looks at each by itself.
    """

    def __init__(self, load: Load) -> None:
        self._program = None if load.is_large else _program(SINK_NAME)
        self.port = free_port()
        self.count = 0
        self._counted_at = 0.0
        self._process = subprocess.Popen(self._command(), stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_for(self._listens, 10, "the sink's port")

    def cpu_seconds(self) -> float:
        """Return the CPU that the sink has used so far."""
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def wait_for_count(self, count: int, seconds: float) -> float:
        """Wait until *count* messages have come since the start; return the moment of the last."""
        wait_for(lambda: self.count >= count, seconds, f"{count} messages at the sink")
        return self._counted_at

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _command(self) -> list[str]:
        if self._program is None:
            return [sys.executable, "-m", "tools.bench.sink", str(self.port)]
        # Debian builds it to drop root only when told; as root it needs a user.
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        return [
            *(self._program, "-c", "-m", MOST_CONNECTIONS, *user),
            *(f"127.0.0.1:{self.port}", BACKLOG),
        ]

    def _read(self) -> None:
        """Follow the counter; smtp-sink ends its lines with CR."""
        stream = self._process.stdout
        assert stream is not None
        rest = b""
        while data := os.read(stream.fileno(), 1 << 16):
            rest += data
            found = COUNT.findall(rest)
            if found:
                # The last number may go on in the next read, unless something follows it.
                self._counted_at = time.monotonic()
                self.count = max(self.count, int(found[-1]))
            rest = rest[-40:]

    def _listens(self) -> bool:
        try:
            return any(
                connection.laddr.port == self.port
                for connection in psutil.Process(self._process.pid).net_connections("tcp")
            )
        except psutil.NoSuchProcess:
            raise AssertionError("the sink ended at once") from None


def send(load: Load, port: int, messages: int, seconds: float) -> tuple[float, float]:
    """Send *messages*; return (wall seconds, CPU seconds) of the sender.

    Raises RuntimeError: the sender met an unexpected reply; the benchmark ends with it.
    """
    started = time.monotonic()
    before = _children_cpu()
    done = subprocess.run(
        _sender(load, port, messages), capture_output=True, timeout=seconds, check=False
    )
    if done.returncode or b"fatal" in done.stderr:
        raise RuntimeError(f"the sender failed: {done.stderr.decode(errors='replace').strip()}")
    return time.monotonic() - started, _children_cpu() - before


def describe() -> str:
    """Return who sends and who receives."""
    if _program(SENDER_NAME) and _program(SINK_NAME):
        return f"sender: {SENDER_NAME}; receiver: {SINK_NAME}, our own for large messages"
    return "sender and receiver: our own (postfix is not installed)"


def _sender(load: Load, port: int, messages: int) -> Sequence[str]:
    program = _program(SENDER_NAME)
    if program is None:
        return [
            *(sys.executable, "-m", "tools.bench.generator", str(port), str(load.sessions)),
            *(str(messages), str(load.size), str(load.recipients)),
            *(str(int(load.keeps_connections)), str(int(load.numbered)), load.domain),
        ]
    return [
        *(program, "-s", str(min(load.sessions, messages)), "-l", str(load.size)),
        *("-m", str(messages)),
        *(["-d"] if load.keeps_connections else []),
        *(["-r", str(load.recipients)] if load.recipients > 1 else []),
        *(["-N"] if load.numbered else []),
        *("-f", SENDER, "-t", f"rcpt@{load.domain}", f"127.0.0.1:{port}"),
    ]


def _program(name: str) -> str | None:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/libexec/postfix")
    return str(Path(found)) if found else None


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system
