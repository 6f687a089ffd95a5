"""spoolmta status, with no master and with one that is this process."""

import fcntl
import json
import os
from collections.abc import Iterator

import pytest

from spoolmta.cli.running import master_pid
from spoolmta.cli.spoolmta import main
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Run


@pytest.fixture
def running(sample: SampleSpool) -> Iterator[None]:
    """Be the master: this process holds the lock."""
    descriptor = os.open(sample.queue / "pid" / "master.pid", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.write(descriptor, f"{os.getpid():>10d}\n".encode())
    yield
    os.close(descriptor)


def test_states_and_disk_are_told_of_a_stopped_system(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "status")
    assert ended.status == 1
    assert "not running" in ended.out
    assert "deferred         1  58m" in ended.out or "deferred         1  59m" in ended.out
    assert " free\n" in ended.out


@pytest.mark.usefixtures("running")
def test_processes_are_told_of_a_running_system(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "status", "--json")
    status = json.loads(ended.out)
    assert (ended.status, status["master"]) == (0, os.getpid())
    assert [s["state"] for s in status["states"]][3] == "deferred"
    use = next(p for p in status["processes"] if p["pid"] == os.getpid())
    assert use["rss"] > 1_000_000
    assert (use["service"], use["attempts"]) == ("smtp", 1)
    assert status["spool_bytes"] > 0


def test_a_missing_spool_is_said(sample: SampleSpool, run: Run) -> None:
    sample.path.unlink()
    ended = run(main, "-c", sample.configuration, "status")
    assert ended.status == 1
    assert "there is no spool in" in ended.err


@pytest.mark.usefixtures("running")
def test_the_lock_tells_a_running_master(sample: SampleSpool) -> None:
    assert master_pid(sample.queue / "pid") == os.getpid()


def test_a_pid_without_a_lock_is_no_master(sample: SampleSpool) -> None:
    assert master_pid(sample.queue / "pid") is None
    (sample.queue / "pid" / "master.pid").write_text(f"{os.getpid():>10d}\n")
    assert master_pid(sample.queue / "pid") is None
