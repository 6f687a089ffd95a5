"""Named points at which a process ends itself."""

import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
from spoolmta.service.crash import crash_point
for _ in range(3):
    crash_point("here")
print("alive")
"""


def run(armed: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "SPOOLMTA_CRASH": armed}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=False
    )


@pytest.mark.parametrize("armed", ["", "elsewhere:1", "here:4"])
def test_a_point_that_is_not_reached_does_nothing(armed: str) -> None:
    assert run(armed).stdout == b"alive\n"


@pytest.mark.parametrize("armed", ["here:1", "here:3", "elsewhere:1,here:2"])
def test_an_armed_point_kills_at_its_turn(armed: str) -> None:
    assert run(armed).returncode == -signal.SIGKILL
