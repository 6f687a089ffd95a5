"""postfix logrotate: put the log file away under another name, and compress it.

Every process of the mail system writes the file itself. The master is told to read its
configuration again: it opens a new file, and starts services that do. Those that it retires write
the old one to their end, which is waited for; only then the file is compressed.

Postfix:    postfix(1) logrotate, MAILLOG_README
Parameters: maillog_file, maillog_file_rotate_suffix, maillog_file_compressor, drain_time_limit
"""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil

from spoolmta.clock import SystemClock
from spoolmta.config.parameters.log import LogRotationParameters
from spoolmta.errors import SpoolmtaError


class RotationError(SpoolmtaError):
    """The log file could not be put away."""


def rotate(parameters: LogRotationParameters, master: int | None, patience: float) -> None:
    """Put the log file away; *master* is its process if it runs, *patience* in seconds.

    Raises RotationError: it was not, or not compressed; the text says why.
    """
    name = parameters.maillog_file
    if not name:
        raise RotationError("empty 'maillog_file' parameter value - logfile rotation failed")
    if name.startswith("/dev/"):
        raise RotationError(f"'maillog_file' is no file: '{name}' - logfile rotation failed")
    try:
        _put_away(parameters, Path(name), master, patience)
    except OSError as error:
        raise RotationError(f"logfile '{name}' rotation failed: {error.strerror}") from error


def _put_away(
    parameters: LogRotationParameters, path: Path, master: int | None, patience: float
) -> None:
    now = time.localtime(SystemClock().now())
    old = path.with_name(f"{path.name}.{time.strftime(parameters.maillog_file_rotate_suffix, now)}")
    if old.exists():
        raise RotationError(f"logfile '{path}' rotation failed: {old} is there already")
    writers = _services(master)
    path.rename(old)
    if master is not None:
        os.kill(master, signal.SIGHUP)
        psutil.wait_procs(writers, timeout=patience)
        if any(writer.is_running() for writer in writers):
            raise RotationError(f"services still write to {old}: compress it when they have ended")
    done = subprocess.run(
        [parameters.maillog_file_compressor, old],
        capture_output=True,
        check=False,
        text=True,
        errors="replace",
    )
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())
        raise RotationError(f"logfile '{path}' rotation failed: {said}")


def _services(master: int | None) -> list[psutil.Process]:
    if master is None:
        return []
    try:
        services: list[psutil.Process] = psutil.Process(master).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return services
