"""Whether a master runs on this queue directory, and which process it is.

The lock on pid/master.pid tells; the number in it is only who holds the lock.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from spoolmta.errors import SpoolmtaError

PID_FILE = "master.pid"


def master_pid(process_directory: Path) -> int | None:
    """Return the pid of the running master; None if none runs."""
    path = process_directory / PID_FILE
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.read(descriptor, 64).strip()
        return int(text) if text.isdigit() else None
    finally:
        os.close(descriptor)
    return None


@contextlib.contextmanager
def keep_stopped(process_directory: Path) -> Iterator[None]:
    """Hold the master's lock, so that no mail system starts meanwhile.

    Raises SpoolmtaError: one runs.
    """
    process_directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    path = process_directory / PID_FILE
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise SpoolmtaError(
            "the mail system runs, nothing was changed: stop it first (postfix stop)"
        ) from None
    finally:
        os.close(descriptor)
