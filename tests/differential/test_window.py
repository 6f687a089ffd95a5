"""The concurrency window, answer by answer: as Postfix's, with the same main.cf.

A receiver keeps every session waiting until it is answered: with a greeting, or by closing the
connection, which is a failure of the destination as a whole. After each answer it is counted how
many sessions are open; and both systems log how the window changed.
"""

import re
import smtplib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gate import Gate
from tests.support.mail_system import wait_for
from tests.support.postfix_oracle import is_installed
from tests.support.side_by_side import Kind, System, side_by_side

MESSAGES = 40
SETTINGS = {
    "relay_domains": "y.example",
    "destination_concurrency_feedback_debug": "yes",
    "smtp_connection_cache_on_demand": "no",
    "minimal_backoff_time": "1000s",
    "maximal_backoff_time": "4000s",
    "default_process_limit": "100",
}
ALWAYS = "default_destination_concurrency_failed_cohort_limit"
SCENARIOS = {
    "a destination that answers": ("s" * 24, {}),
    "one that fails once in a while": ("sssfsssffsssssfffssss", {ALWAYS: "10"}),
    "one that dies and takes those under way along": ("sssffffffff", {ALWAYS: "3"}),
    "one that dies while another session still succeeds": ("ffffs", {}),
    "one that is never dead": ("ssffffffffffff", {ALWAYS: "0"}),
    "a window with a limit": ("s" * 12, {"default_destination_concurrency_limit": "7"}),
    "a window of one": ("ssfs", {"initial_destination_concurrency": "1", ALWAYS: "3"}),
    "shared feedback": (
        "sssssssffffssssssff",
        {
            "default_destination_concurrency_positive_feedback": "1/concurrency",
            "default_destination_concurrency_negative_feedback": "1/concurrency",
            ALWAYS: "10",
        },
    ),
    "slow feedback": (
        "ssssssffffffssss",
        {
            "default_destination_concurrency_positive_feedback": "1/3",
            "default_destination_concurrency_negative_feedback": "0.3",
            ALWAYS: "10",
        },
    ),
    "feedback that is malformed or too much": (
        "ssssssffffssss",
        {
            "default_destination_concurrency_positive_feedback": "1/sqrt_concurrency",
            "default_destination_concurrency_negative_feedback": "1.5",
            ALWAYS: "10",
        },
    ),
}
WINDOW = re.compile(r"qmgr\[\d+\]: ((?:qmgr_queue_\w+: |relay: default_\w+ feedback).*)")


def run(system: System, gate: Gate, answers: str) -> list[int]:
    """Return how many sessions were open before each answer, and after the last."""
    with smtplib.SMTP("127.0.0.1", system.port, timeout=60) as client:
        for number in range(MESSAGES):
            client.sendmail("a@x.example", [f"r{number}@y.example"], "Subject: x\n\nx\n")
    left = MESSAGES
    counts = []
    for kind in answers:
        counts.append(_sessions(system, gate, left))
        lines = _window_lines(system)
        is_dead = bool(lines) and " window 0 " in lines[-1]
        gate.answer(kind)
        left -= 1
        if is_dead and kind == "f":
            time.sleep(1.0)  # nothing is told of one more failure
            continue
        known = len(lines)
        wait_for(lambda n=known: len(_window_lines(system)) > n, 30, "a word on the window")
    return [*counts, _sessions(system, gate, left)]


def _sessions(system: System, gate: Gate, left: int) -> int:
    """Return how many sessions are open once there are as many as the window lets be, or more."""
    sizes = [int(size) for size in re.findall(r" window (\d+) ", "\n".join(_window_lines(system)))]
    limit = int(system.settings.get("initial_destination_concurrency", "5"))
    expected = min(sizes[-1] if sizes else limit, left)
    try:
        wait_for(lambda: gate.open >= expected, 10, "sessions")
    except AssertionError:
        return gate.open
    time.sleep(0.3)  # for those that should not come
    return gate.open


def _window_lines(system: System) -> list[str]:
    return [line for line in told(system) if " window " in line]


def told(system: System) -> list[str]:
    """Return what the log tells of windows, without ports."""
    return [re.sub(r"\]:\d+", "]", line) for line in WINDOW.findall(system.log())]


def settings(gate: Gate, own: dict[str, str]) -> dict[str, str]:
    return {**SETTINGS, "relayhost": f"[127.0.0.1]:{gate.server.port}", **own}


@pytest.fixture
def root() -> Iterator[Path]:
    """Return a folder that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="window-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.root
@pytest.mark.skipif(not is_installed(), reason="needs a Postfix beside ours, and root")
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_window_goes_as_postfixs_does(scenario: str, root: Path) -> None:
    answers, own = SCENARIOS[scenario]

    def see(kind: Kind, folder: Path) -> tuple[list[int], list[str]]:
        with Gate() as gate, kind(folder, settings(gate, own)) as system:
            return run(system, gate, answers), told(system)

    (their_counts, their_lines), (our_counts, our_lines) = side_by_side(root, see)
    assert our_lines == their_lines
    apart = [abs(a - b) for a, b in zip(our_counts, their_counts, strict=True)]
    assert max(apart) <= 1, f"ours {our_counts}, Postfix's {their_counts}"
