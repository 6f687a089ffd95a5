"""What an open session costs: memory while very many clients are connected and say nothing."""

import asyncio
import contextlib
import resource
import time
from dataclasses import dataclass

import uvloop

from tools.bench import generator, processes
from tools.bench.figures import MILLISECONDS, Figures
from tools.bench.load import OUTSIDE
from tools.bench.stand import Stand
from tools.bench.systems import System

KIB = 1024
GOING_ON = (b"220 ", b"250-")
AT_ONCE = 100
SETTLE_SECONDS = 2.0
LONGEST_WAIT = 10.0

# Descriptors of a process that are no session.
SPARE_DESCRIPTORS = 100


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions are opened, say EHLO, and are left alone; then one more sends a message.

    For spoolmta alone: a Postfix session is a process, and default_process_limit is 100.
    """

    name: str
    meaning: str
    share: float = 0.5
    systems: tuple[str, ...] = ("spoolmta",)

    def measure(self, stand: Stand) -> Figures:
        """Return the memory of a session."""
        sessions = stand.effort.count(self.share)
        _allow_descriptors(sessions + SPARE_DESCRIPTORS)
        settings = {
            "default_transport": "discard:",
            "smtpd_timeout": "3600s",
            # As many sessions as there would be processes of Postfix.
            "default_process_limit": str(sessions + SPARE_DESCRIPTORS),
        }
        with stand.running(settings) as system:
            return uvloop.run(_hold(system, sessions))


async def _hold(system: System, sessions: int) -> Figures:
    master = system.master()
    before = processes.memory_bytes(master)
    async with contextlib.AsyncExitStack() as stack:
        for first in range(0, sessions, AT_ONCE):
            some = range(first, min(first + AT_ONCE, sessions))
            opened = await asyncio.gather(*(_greeted(system.port) for _ in some))
            for writer in opened:
                stack.callback(writer.close)
        await asyncio.sleep(SETTLE_SECONDS)
        used = processes.memory_bytes(master) - before
        started = time.monotonic()
        await generator.converse(system.port, _message())
        answered = time.monotonic() - started
    return {
        "KiB a session": used / KIB / sessions,
        "sessions": sessions,
        "one more sends a message, ms": answered * MILLISECONDS,
    }


async def _greeted(port: int) -> asyncio.StreamWriter:
    """Return a connection after EHLO.

    Raises RuntimeError: it was turned away. TimeoutError: nobody greets.
    """
    reader, writer = await asyncio.open_connection(generator.HOST, port)
    async with asyncio.timeout(LONGEST_WAIT):
        line = await reader.readline()
        writer.write(b"EHLO bench.example\r\n")
        while line.startswith(GOING_ON):
            line = await reader.readline()
    if not line.startswith(b"250 "):
        raise RuntimeError(line.decode("utf-8", "replace").strip())
    return writer


def _message() -> generator.Dialogue:
    yield b"EHLO bench.example\r\n", b"250"
    yield b"MAIL FROM:<sender@bench.example>\r\n", b"250"
    yield f"RCPT TO:<rcpt@{OUTSIDE}>\r\n".encode(), b"250"
    yield b"DATA\r\n", b"354"
    yield generator.content(b"Subject: bench", KIB), b"250"
    yield b"QUIT\r\n", b"221"


def _allow_descriptors(number: int) -> None:
    """Let this process, and those that it starts, have so many descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(number, hard), hard))
