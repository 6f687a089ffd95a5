import fcntl
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spoolmta.agents.mailbox import mbox
from spoolmta.agents.mailbox.locking import LockRules
from spoolmta.agents.mailbox.mbox import MboxFile
from spoolmta.clock import ManualClock, SystemClock

LOCKING = LockRules(("fcntl", "dotlock"), attempts=2, delay=0.01, stale_after=500.0)
CLOCK = SystemClock()


def _mailbox(path: Path, *, limit: int = 0, locking: LockRules = LOCKING) -> MboxFile:
    return MboxFile(
        str(path),
        os.geteuid(),
        limit,
        True,
        locking,
        "cannot update: ",
        "delivered to mailbox",
        "5.2.0",
    )


def _file(path: Path) -> MboxFile:
    return MboxFile(str(path), None, 0, False, LOCKING, "cannot append: ", "delivered", "5.2.0")


def test_messages_are_appended_and_the_mailbox_is_its_owners(tmp_path: Path) -> None:
    box = tmp_path / "alice"
    for text in (b"first\n\n", b"second\n\n"):
        assert mbox.append(_mailbox(box), [text], CLOCK).is_sent
    assert box.read_bytes() == b"first\n\nsecond\n\n"
    assert box.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "alice"]


def test_a_full_mailbox_returns_the_message_and_stays_as_it_was(tmp_path: Path) -> None:
    box = tmp_path / "alice"
    mbox.append(_mailbox(box), [b"12345"], CLOCK)
    result = mbox.append(_mailbox(box, limit=8), [b"67", b"89"], CLOCK)
    assert result == ("5.2.2", "cannot update: error writing message: File too large", "")
    assert box.read_bytes() == b"12345"


def test_a_write_that_the_system_stops_is_taken_back(tmp_path: Path) -> None:
    box = tmp_path / "alice"
    mbox.append(_mailbox(box), [b"12345"], CLOCK)
    code = (
        "import resource, signal, sys\n"
        "from pathlib import Path\n"
        "from tests.unit.agents.mailbox.test_mbox import CLOCK, _mailbox\n"
        "from spoolmta.agents.mailbox import mbox\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8))\n"
        "print(mbox.append(_mailbox(Path(sys.argv[1])), [b'67', b'8901'], CLOCK).dsn)\n"
    )
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", code, str(box)], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "5.2.2\n"
    assert box.read_bytes() == b"12345"
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 8


def test_a_mailbox_that_another_program_locks_waits(tmp_path: Path) -> None:
    box = tmp_path / "alice"
    box.touch(0o600)
    code = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, fcntl.LOCK_EX);"
        "print('locked', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(box)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    result = mbox.append(_mailbox(box), [b"text"], CLOCK)
    holder.communicate(b"")
    assert result.dsn == "4.2.0"
    assert result.reason.startswith("cannot update: unable to lock for exclusive access: ")
    assert box.read_bytes() == b""


def test_two_deliveries_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    box = tmp_path / "alice"
    box.touch(0o600)
    first = os.open(box, os.O_WRONLY)
    mbox.lock_open_file(first, LOCKING)
    assert mbox.append(_mailbox(box), [b"text"], CLOCK).is_deferred
    os.close(first)
    assert mbox.append(_mailbox(box), [b"text"], CLOCK).is_sent


def test_flock_is_honoured(tmp_path: Path) -> None:
    box = tmp_path / "alice"
    box.touch(0o600)
    rules = LockRules(("flock",), attempts=1, delay=0, stale_after=500.0)
    with box.open("r+b") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert mbox.append(_mailbox(box, locking=rules), [b"text"], CLOCK).is_deferred


def test_a_lock_file_makes_the_delivery_wait(tmp_path: Path) -> None:
    box = tmp_path / "alice"
    (tmp_path / "alice.lock").touch()
    result = mbox.append(_mailbox(box), [b"text"], CLOCK)
    assert result.dsn == "4.2.0"
    assert result.reason.endswith(f"unable to create lock file {box}.lock: File exists")
    assert not box.exists()


def test_a_stale_lock_file_is_removed(tmp_path: Path) -> None:
    (tmp_path / "alice.lock").touch()
    clock = ManualClock(time.time() + 501)
    assert mbox.append(_mailbox(tmp_path / "alice"), [b"text"], clock).is_sent
    assert list(tmp_path.iterdir()) == [tmp_path / "alice"]


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "victim").touch()
    (tmp_path / "alice").symlink_to(tmp_path / "victim")
    result = mbox.append(_mailbox(tmp_path / "alice"), [b"text"], CLOCK)
    assert result == ("5.2.0", "cannot update: file is a symbolic link", "")
    assert (tmp_path / "victim").read_bytes() == b""


def test_a_file_with_a_second_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "victim").touch()
    (tmp_path / "alice").hardlink_to(tmp_path / "victim")
    result = mbox.append(_mailbox(tmp_path / "alice"), [b"text"], CLOCK)
    assert result.reason == "cannot update: file has 2 hard links"


def test_somebody_elses_mailbox_waits_until_it_is_put_right(tmp_path: Path) -> None:
    box = tmp_path / "alice"
    box.touch(0o600)
    file = MboxFile(str(box), os.geteuid() + 1, 0, True, LOCKING, "", "", "5.2.0")
    assert mbox.append(file, [b"text"], CLOCK) == (
        "4.2.0",
        f"destination {box} is not owned by recipient",
        "",
    )


@pytest.mark.parametrize("name", ["folder", "fifo"])
def test_a_mailbox_must_be_a_regular_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    result = mbox.append(_mailbox(path), [b"text"], CLOCK)
    assert result.dsn in {"5.2.0", "4.2.0"}
    assert not result.is_sent


def test_a_file_destination_may_be_the_null_device() -> None:
    assert mbox.append(_file(Path(os.devnull)), [b"text"], CLOCK).is_sent


def test_a_file_destination_must_not_be_executable(tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.touch(0o700)
    assert mbox.append(_file(path), [b"text"], CLOCK).dsn == "5.7.1"


def test_a_folder_without_write_permission_matters_to_mailboxes_alone(tmp_path: Path) -> None:
    missing = tmp_path / "no" / "alice"
    assert "unable to create lock file" in mbox.append(_mailbox(missing), [b"x"], CLOCK).reason
    assert "cannot create file exclusively" in mbox.append(_file(missing), [b"x"], CLOCK).reason
