"""Whether a master runs on this queue directory, and which process it is.

The lock on pid/master.pid tells; the number in it is only who holds the lock.
"""

import fcntl
import os
from pathlib import Path

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
