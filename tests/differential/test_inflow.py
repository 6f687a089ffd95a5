"""Mail that comes in faster than the queue manager takes it has to wait, as with Postfix.

A receiver that answers nobody keeps the only active message; all others stay in incoming.
"""

import itertools
import smtplib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gate import Gate
from tests.support.mail_system import MailSystem, wait_for
from tests.support.postfix_oracle import is_installed
from tests.support.side_by_side import Kind, System, side_by_side

LIMIT, DELAY = 4, 3.0
STEPS = ("MAIL", "first RCPT", "second RCPT", "DATA", "end")
# What the client of each message waits for.
NOTHING: list[str] = []
PAUSE = ["first RCPT"]
FLOOD = [*[NOTHING] * (LIMIT + 1), *[PAUSE] * 3]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="needs a Postfix beside ours, and root"),
]


def send(client: smtplib.SMTP) -> list[str]:
    """Send a message; return which steps of it took as long as in_flow_delay."""
    times = [time.monotonic()]
    for command in ("MAIL FROM:<a@x.example>", *["RCPT TO:<b@y.example>"] * 2, "DATA"):
        assert client.docmd(command)[0] in (250, 354)
        times.append(time.monotonic())
    client.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
    assert client.getreply()[0] == 250
    times.append(time.monotonic())
    took = [after - before for before, after in itertools.pairwise(times)]
    return [step for step, time_ in zip(STEPS, took, strict=True) if time_ > DELAY * 0.9]


def waits(system: System, gate: Gate) -> list[list[str]]:
    """Return what each message waited for: of a flood, and of two more once one has left."""
    with smtplib.SMTP("127.0.0.1", system.port, timeout=60) as client:
        client.ehlo()
        found = [send(client)]
        wait_for(lambda: gate.open == 1, 20, "the first message at the receiver")
        found += [send(client) for _ in FLOOD[1:]]
        gate.answer("s")
        wait_for(lambda: gate.open == 1, 20, "the second message at the receiver")
        return [*found, *(send(client) for _ in range(2))]


def settings(gate: Gate, delay: str) -> dict[str, str]:
    return {
        "relay_domains": "y.example",
        "relayhost": f"[127.0.0.1]:{gate.server.port}",
        "default_process_limit": str(LIMIT),
        "qmgr_message_active_limit": "1",
        "smtp_connection_cache_on_demand": "no",
        "in_flow_delay": delay,
    }


@pytest.fixture
def root() -> Iterator[Path]:
    """Return a folder that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="inflow-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        (f"{DELAY:g}s", [*FLOOD, NOTHING, PAUSE]),
        ("0", [NOTHING] * (len(FLOOD) + 2)),
    ],
)
def test_a_flood_waits_before_the_first_recipient_as_with_postfix(
    delay: str, expected: list[list[str]], root: Path
) -> None:
    def see(kind: Kind, folder: Path) -> list[list[str]]:
        with Gate() as gate, kind(folder, settings(gate, delay)) as system:
            return waits(system, gate)

    assert side_by_side(root, see) == (expected, expected)


def test_mail_that_is_handed_in_on_the_machine_does_not_wait(root: Path) -> None:
    # With Postfix it would be the same; ours has no process between pickup and the queue.
    with Gate() as gate, MailSystem(root / "ours", settings(gate, "10s")) as ours:
        for number in range(3 * LIMIT):
            ours.run("sendmail", "-f", "a@x.example", f"r{number}@y.example", stdin=b"x\n")
        question = "SELECT count(*) FROM incoming"
        wait_for(lambda: ours.read(question) == [(3 * LIMIT - 1,)], 8, "all in incoming")
