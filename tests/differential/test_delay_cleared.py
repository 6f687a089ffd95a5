"""Who was warned that mail is late hears of its end, if so configured: as from Postfix."""

import email
import smtplib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mail_system import wait_for
from tests.support.postfix_oracle import is_installed
from tests.support.scripted_server import Message, ScriptedServer
from tests.support.side_by_side import Kind, System, side_by_side

LATE_SECONDS = 1.0
SETTINGS = {
    "relay_domains": "y.example",
    "delay_warning_time": f"{LATE_SECONDS:g}s",
    "queue_run_delay": "1s",
    "minimal_backoff_time": "1s",
    "maximal_backoff_time": "1s",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="needs a Postfix beside ours, and root"),
]


def told(system: System, receiver: ScriptedServer, notices: int) -> list[str]:
    """Return what the sender of a message is told that is taken at the second try."""
    with smtplib.SMTP("127.0.0.1", system.port, timeout=60) as client:
        client.sendmail("a@x.example", ["b@y.example"], "Subject: x\n\nx\n")
    wait_for(lambda: len(receiver.messages) == notices + 1, 60, "the message, and all notices")
    time.sleep(0.5)  # for what should not come
    return sorted(summary(message) for message in receiver.messages)


def summary(message: Message) -> str:
    """Return whom a message is for, and what it says of whom; each system has its own words."""
    text = email.message_from_bytes(message.content)
    shown = [f"to {', '.join(message.recipients)} from <{message.sender}>: {text['Subject']}"]
    for part in text.walk():
        if part.get_content_type() == "message/delivery-status":
            shown += [
                line
                for line in str(part).splitlines()
                if line.startswith(("Action:", "Status:", "Diagnostic-Code:"))
            ]
    return "\n".join(shown)


def be_late(_: ScriptedServer) -> str:
    time.sleep(LATE_SECONDS + 0.5)
    return "450 4.2.0 not now"


@pytest.fixture
def root() -> Iterator[Path]:
    """Return a folder that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="late-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize(("confirm", "notices"), [("yes", 2), ("no", 1)])
def test_the_sender_is_told_as_by_postfix(confirm: str, notices: int, root: Path) -> None:
    def see(kind: Kind, folder: Path) -> list[str]:
        with ScriptedServer({"RCPT TO:<b@": [be_late, "250 2.1.5 Ok"]}) as receiver:
            relayhost = f"[127.0.0.1]:{receiver.port}"
            own = {**SETTINGS, "relayhost": relayhost, "confirm_delay_cleared": confirm}
            with kind(folder, own) as system:
                return told(system, receiver, notices)

    theirs, ours = side_by_side(root, see)
    assert ours == theirs
