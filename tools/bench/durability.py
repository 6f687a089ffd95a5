"""Proof of the promise: no 250 leaves before the sync that covers its message has returned.

strace looks at every smtpd process while some messages of different sizes come in at once. What it
saw is judged by `trace`. A broken promise ends the benchmark.
"""

import asyncio
import contextlib
import itertools
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

from tests.support.mail_system import START_SECONDS, wait_for
from tools.bench import generator, trace
from tools.bench.figures import Figures
from tools.bench.processes import tree
from tools.bench.routes import Relayed
from tools.bench.stand import Stand
from tools.bench.systems import UNREGISTERED, System

STRACE = "strace"
CALLS = "trace=read,recvfrom,recvmsg,write,writev,sendto,sendmsg,pwrite64,pwritev,fsync,fdatasync"
LONGEST_STRING = "70000"
SESSIONS = 10
# Small ones go in with one commit; the content of large ones is written while it comes.
SIZES = (500, 4_000, 20_000, 600_000)


class BrokenPromise(Exception):
    """A 250 left before its sync: the benchmark ends with it."""


@dataclass(frozen=True, slots=True)
class Durability:
    """A short run under strace."""

    name: str
    meaning: str
    share: float = 0.02
    systems: tuple[str, ...] = ("spoolmta",)

    def measure(self, stand: Stand) -> Figures:
        """Return how many promises were seen, each after its sync.

        Raises BrokenPromise: one was not.
        """
        messages = stand.effort.count(self.share)
        record = stand.place.root / "trace"
        route = Relayed(stand.place.root)
        with contextlib.closing(route), stand.running(route.settings()) as system:
            with _traced(system, record):
                uvloop.run(_send(system.port, messages))
            route.wait_for(messages)
            route.settle(system)
        with record.open(encoding="latin-1") as lines:
            verdict = trace.judge(lines)
        if verdict.broken or len(verdict.kept) != messages:
            seen = f"{len(verdict.kept)} of {messages} promises after their sync"
            raise BrokenPromise("\n".join([seen, *verdict.broken]))
        return {
            "promises, each after its sync": len(verdict.kept),
            "syncs": verdict.syncs,
            "promises per sync": len(verdict.kept) / verdict.syncs,
        }


def missing() -> str:
    """Return why no trace can be made here, "" if it can."""
    return "" if shutil.which(STRACE) else f"{STRACE} is not installed"


@contextlib.contextmanager
def _traced(system: System, record: Path) -> Iterator[None]:
    """Look at all threads of all smtpd processes inside the `with`."""
    services: dict[int, str] = wait_for(lambda: _services(system), START_SECONDS, "all services")
    listeners = [str(pid) for pid, service in services.items() if service == "smtpd"]
    command = [STRACE, "-f", "-yy", "-s", LONGEST_STRING, "-e", CALLS, "-o", str(record)]
    command += itertools.chain.from_iterable(("-p", pid) for pid in listeners)
    with subprocess.Popen(command, stderr=subprocess.PIPE) as tracer:
        assert tracer.stderr is not None
        try:
            for _ in listeners:
                tracer.stderr.readline()
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.stderr.read()


def _services(system: System) -> dict[int, str] | None:
    """Return the service of each process by its pid, None if one is still starting."""
    services = {process.pid: system.service(process) for process in tree(system.master())}
    return None if UNREGISTERED in services.values() else services


async def _send(port: int, messages: int) -> None:
    """Send messages of all sizes, each marked with its token, over several sessions at once."""
    tokens = iter(range(messages))

    async def one() -> None:
        for token in tokens:
            await generator.converse(port, _dialogue(token, SIZES[token % len(SIZES)]))

    await asyncio.gather(*(one() for _ in range(SESSIONS)))


def _dialogue(token: int, size: int) -> generator.Dialogue:
    yield b"EHLO bench.example\r\n", b"250"
    yield f"MAIL FROM:<{trace.sender(token)}>\r\n".encode(), b"250"
    yield b"RCPT TO:<rcpt@outside.example>\r\n", b"250"
    yield b"DATA\r\n", b"354"
    content = generator.content(b"Subject: bench", size)
    yield content.removesuffix(b".\r\n") + trace.mark(token) + b".\r\n", b"250"
    yield b"QUIT\r\n", b"221"
