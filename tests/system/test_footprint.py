"""What a mail system takes of the machine: memory, CPU and processes, idle and full of clients."""

import os
import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.support.mail_system import MailSystem, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.alone]

CONNECTIONS = 5000
SESSION_BYTES = 100 * 1024
SERVED_SECONDS = 1.0

IDLE_BYTES = 120 * 1024 * 1024
# What is done once at a start has an end: the look at a queue left over, the first checkpoint.
SETTLING_SECONDS = 3.0
WATCHED_SECONDS = 10.0
IDLE_SHARE_OF_A_CORE = 0.003


@dataclass
class Crowd:
    """A system whose only smtpd holds many clients; *growth* is in bytes, of its memory."""

    system: MailSystem
    smtpd: psutil.Process
    growth: int


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    settings = {"default_process_limit": str(CONNECTIONS + 100)}
    system = MailSystem(tmp_path_factory.mktemp("crowd"), settings, executed=True)
    with _many_descriptors(), ExitStack() as stack:
        with _one_core():
            stack.enter_context(system)
        (smtpd,) = _processes_of(system, f"127.0.0.1:{system.port}")
        before = _memory([smtpd])
        for _ in range(CONNECTIONS):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", system.port)))
            assert client.recv(4) == b"220 "
        yield Crowd(system, smtpd, _memory([smtpd]) - before)


def test_an_open_session_takes_less_than_100_kb(crowd: Crowd) -> None:
    assert crowd.growth / CONNECTIONS < SESSION_BYTES


def test_a_process_that_holds_5000_idle_clients_serves_another_promptly(crowd: Crowd) -> None:
    assert crowd.smtpd.num_fds() > CONNECTIONS
    began = time.monotonic()
    crowd.system.send("me@example.com", ["alice@inbox.example"], "Subject: hi\r\n\r\nhello\r\n")
    assert time.monotonic() - began < SERVED_SECONDS
    wait_for(lambda: crowd.system.mailbox("alice"), 10, "the message in the maildir")


def test_an_idle_system_takes_little_memory_and_next_to_no_cpu(tmp_path: Path) -> None:
    with MailSystem(tmp_path, executed=True) as system:
        time.sleep(SETTLING_SECONDS)
        processes = system.processes()
        assert _memory(processes) < IDLE_BYTES
        before = _cpu_seconds(processes)
        time.sleep(WATCHED_SECONDS)
        share = (_cpu_seconds(processes) - before) / WATCHED_SECONDS
        # Two ticks of the clock that the kernel counts by may fall into any time.
        assert share < IDLE_SHARE_OF_A_CORE + 2 / os.sysconf("SC_CLK_TCK") / WATCHED_SECONDS


def test_the_listing_ends_when_nobody_asks_and_comes_back_for_who_does(tmp_path: Path) -> None:
    with MailSystem(tmp_path, {"max_idle": "1s"}) as system:
        assert not _processes_of(system, "showq")
        for _ in range(2):
            assert system.queued() == []
            (lister,) = _processes_of(system, "showq")
            wait_for(lambda lister=lister: not lister.is_running(), 10, "the end of showq")


def _processes_of(system: MailSystem, service: str) -> list[psutil.Process]:
    return [psutil.Process(pid) for pid, name in system.services().items() if name == service]


def _memory(processes: list[psutil.Process]) -> int:
    """Return the processes' share of the memory (PSS)."""
    return sum(process.memory_full_info().pss for process in processes)


def _cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


@contextmanager
def _one_core() -> Iterator[None]:
    """Start processes on one core, so that one smtpd is enough."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


@contextmanager
def _many_descriptors() -> Iterator[None]:
    """Let this process hold as many connections as the system allows."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
