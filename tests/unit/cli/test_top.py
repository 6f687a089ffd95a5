"""spoolmta top: one frame without a terminal; keys and an orderly end with one."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from spoolmta.cli.questions.overview import Watch
from spoolmta.cli.spoolmta import main
from spoolmta.spool.questions import gauges
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Run

BIN = Path(sys.executable).parent


@pytest.fixture
def top(sample: SampleSpool, run: Run) -> Run:
    def top(*arguments: object) -> object:
        return run(main, "-c", sample.configuration, "top", *arguments)

    return top  # type: ignore[return-value]


def test_without_a_terminal_one_frame_is_printed(sample: SampleSpool, top: Run) -> None:
    lines = top().out.splitlines()
    assert lines[0].startswith(f"spoolmta {sample.queue}: not running  ")
    assert lines[1].startswith("maildrop 1 (")
    slow = next(line for line in lines if line.startswith("slow.example"))
    assert "  dead for " in slow
    assert "\033" not in "".join(lines)


def test_a_frame_as_json_has_all_figures(top: Run) -> None:
    told = json.loads(top("--json").out)
    assert told["looked_at"] == 1.0
    assert {row["name"]: row["total"] for row in told["destinations"]} == {
        "slow.example": 1, "big.example": 1, "other.example": 1, "y.example": 4,
    }  # fmt: skip
    assert [reason["recipients"] for reason in told["reasons"]] == [1]


def test_a_deep_queue_is_looked_through_piece_by_piece(sample: SampleSpool) -> None:
    watch = Watch(sample.spool)
    parts = [watch.look(budget=0.0).shape.part for _ in range(8)]
    assert parts == sorted(parts)
    assert 0.0 < parts[0] < 1.0
    assert parts[-1] == 1.0
    assert watch.look(budget=0.0).shape.domains["y.example"][0] == 4


def test_a_part_of_the_look_is_spread_over_the_queue(sample: SampleSpool) -> None:
    looks = list(gauges.look_through(sample.spool))
    assert sum(len(look.recipients) for look in looks) == 7
    assert looks[-1].part <= 1.0


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda _, terminal: os.write(terminal, b"s q"), 0),
        (lambda process, _: process.send_signal(signal.SIGINT), 0),
        (lambda process, _: process.send_signal(signal.SIGTERM), 128 + signal.SIGTERM),
    ],
)
def test_the_terminal_is_left_as_it_was(
    sample: SampleSpool, end: Callable[[subprocess.Popen[bytes], int], None], status: int
) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    command = [BIN / "spoolmta", "-c", sample.configuration, "top", "--interval", "30"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        shown = read_until(ours, b"slow.example")
        assert b"\033[?1049h" in shown
        assert b"slow.example" in shown
        end(process, ours)
        shown += read_until(ours, b"\033[?1049l")
        assert process.wait(10) == status
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def read_until(terminal: int, text: bytes) -> bytes:
    """Return what a terminal shows, up to *text*."""
    shown = b""
    deadline = time.monotonic() + 20
    while text not in shown and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            shown += os.read(terminal, 65536)
    return shown
