"""Started by root: nothing that reads the network or a message stays root."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.mail_system import MailSystem, free_port, wait_for

MESSAGE = "Subject: test\r\n\r\nhello\r\n"
MAIL_OWNER = "nobody"
MAILBOX_OWNER = 61234

# What an operator types, on a queue with a deferred message.
COMMANDS = (
    ("mailq",),
    ("postqueue", "-j"),
    ("postqueue", "-f"),
    ("postsuper", "-h", "ALL"),
    ("postsuper", "-H", "ALL"),
    ("postsuper", "-r", "ALL"),
    ("postsuper", "-s"),
    ("spoolmta", "status"),
    ("spoolmta", "status", "--json"),
    ("spoolmta", "queue", "list"),
    ("spoolmta", "queue", "list", "--json", "--sender", "me@example.com"),
    ("spoolmta", "queue", "hold", "--all", "--yes"),
    ("spoolmta", "queue", "release", "--all", "--yes"),
    ("spoolmta", "queue", "flush"),
    ("spoolmta", "queue", "requeue", "--all", "--yes"),
    ("spoolmta", "trace", "stays@outside.example"),
    ("spoolmta", "sql", "SELECT * FROM v1_queue"),
    ("spoolmta", "queue", "delete", "--all", "--yes"),
)


@pytest.fixture
def system() -> Iterator[MailSystem]:
    """Yield a system of root's."""
    with _system() as system:
        yield system


@pytest.fixture(scope="module")
def waiting() -> Iterator[MailSystem]:
    """Yield one in which a message waits."""
    with _system() as system:
        system.send("me@example.com", ["stays@outside.example"], MESSAGE)
        wait_for(lambda: system.queued()[0]["queue_name"] == "deferred", 20, "a deferred message")
        yield system


@contextmanager
def _system() -> Iterator[MailSystem]:
    """Yield a system of root's whose folders others may enter, as those of pytest are not."""
    root = Path(tempfile.mkdtemp(prefix="spoolmta-test-"))
    root.chmod(0o755)
    settings = {
        "mail_owner": MAIL_OWNER,
        "relayhost": f"[127.0.0.1]:{free_port()}",
        "virtual_mailbox_base": str(root / "mail"),
        "virtual_uid_maps": f"static:{MAILBOX_OWNER}",
        "virtual_gid_maps": f"static:{MAILBOX_OWNER}",
    }
    (root / "mail").mkdir()
    os.chown(root / "mail", MAILBOX_OWNER, MAILBOX_OWNER)
    system = MailSystem(root, settings, executed=True)
    with system:
        yield system
    shutil.rmtree(root)


@pytest.mark.root
def test_services_become_the_mail_owner_and_mailboxes_belong_to_their_users(
    system: MailSystem,
) -> None:
    system.send("me@example.com", ["alice@inbox.example"], MESSAGE)
    folder = system.root / "mail" / "inbox.example" / "alice" / "new"
    wait_for(lambda: folder.exists() and list(folder.iterdir()), 20, f"a message\n{system.log()}")
    (message,) = folder.iterdir()
    assert message.stat().st_uid == MAILBOX_OWNER

    for process in map(psutil.Process, system.services()):
        assert process.username() == MAIL_OWNER, system.services()[process.pid]
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        assert "Groups:\t \n" in status
    assert system.stop() == 0


@pytest.mark.root
def test_root_and_the_mail_owner_share_the_spool_after_commands_of_root(system: MailSystem) -> None:
    system.run(
        "sendmail", "-f", "me@example.com", "alice@inbox.example", stdin=b"Subject: x\n\nx\n"
    )
    system.run("postqueue", "-p")
    system.run("spoolmta", "status")
    folder = system.root / "mail" / "inbox.example" / "alice" / "new"
    wait_for(lambda: folder.exists() and list(folder.iterdir()), 20, f"a message\n{system.log()}")
    owners = {path.name: path.owner() for path in system.queue.glob("spool*")}
    assert set(owners.values()) == {MAIL_OWNER}, owners
    assert system.stop() == 0
    system.start()
    system.send("me@example.com", ["alice@inbox.example"], MESSAGE)
    wait_for(lambda: len(list(folder.iterdir())) == 2, 20, f"the second message\n{system.log()}")
    assert system.stop() == 0


@pytest.mark.root
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_of_root_works_as_the_mail_owner(
    waiting: MailSystem, command: tuple[str, ...]
) -> None:
    assert "Traceback" not in waiting.run(*command)
