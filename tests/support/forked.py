"""A process that is a fork of the test: what the test has imported, it need not import again.

Limits: what is to be quick must have been imported before; a lock that another thread of the test
holds at the fork stays locked in the process
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import TimeoutExpired

from tests.support.oracle import become

_POLL_SECONDS = 0.01
_INHERITED = 3


class Forked:
    """Runs a command's main() in *folder*, its output in a file; used like a subprocess.Popen."""

    def __init__(
        self,
        main: Callable[[], object],
        argv: Sequence[str],
        *,
        folder: Path,
        output: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.argv = argv
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            self._be(main, folder, output, environment)

    def _be(
        self,
        main: Callable[[], object],
        folder: Path,
        output: Path,
        environment: Mapping[str, str],
    ) -> None:
        """Be the process, and never come back."""
        os.setsid()
        os.chdir(folder)
        null = os.open(os.devnull, os.O_RDONLY)
        written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, descriptor in enumerate((null, written, written)):
            os.dup2(descriptor, number)
        os.closerange(_INHERITED, os.sysconf("SC_OPEN_MAX"))
        become(main, list(self.argv), environment, (0, 1, 2))

    def poll(self) -> int | None:
        """Return the exit status, or minus the signal; None while it runs."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit status.

        Raises TimeoutExpired: it still runs.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutExpired(self.argv, timeout or 0.0)
            time.sleep(_POLL_SECONDS)
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)
