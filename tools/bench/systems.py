"""The two mail systems under test, each below a folder of its own, with the same settings."""

import os
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

import psutil

from tests.support import postfix_oracle
from tests.support.forked import BIN
from tests.support.mail_system import MailSystem
from tests.support.postfix_oracle import PostfixOracle

BOTH = ("spoolmta", "postfix")

# The service of a process that has not told yet what it does.
UNREGISTERED = "unregistered"

# main.cf of both, beside folders and ports. The first two lift brakes that a burst from one client
# would meet; mail still goes through the queue and is on the disk before each 250. The next are
# Postfix's defaults, which a system under test has otherwise shortened.
SETTINGS = {
    "in_flow_delay": "0s",
    "smtpd_client_event_limit_exceptions": "static:all",
    "smtp_tls_security_level": "none",
    "smtpd_tls_security_level": "none",
    "message_size_limit": "20480000",
    "smtputf8_enable": "yes",
    "queue_run_delay": "300s",
    "minimal_backoff_time": "300s",
    "maximal_backoff_time": "4000s",
    "service_throttle_time": "60s",
    "recipient_delimiter": "",
    "virtual_mailbox_domains": "",
    "virtual_mailbox_maps": "",
}
if postfix_oracle.is_installed():
    # Neither system works as root.
    SETTINGS["mail_owner"] = "postfix"

# In the WAL index, a counter that every commit of any process increments.
_COMMITS_OFFSET = 8


class System(Protocol):
    """What the benchmark needs of a mail system."""

    name: str

    @property
    def port(self) -> int:
        """Where it listens for SMTP."""
        ...

    def start(self) -> None:
        """Start it and wait until it greets."""
        ...

    def stop(self) -> None:
        """Stop it."""
        ...

    def master(self) -> psutil.Process:
        """Return the process above all its others."""
        ...

    def service(self, process: psutil.Process) -> str:
        """Return the service that a process of its does."""
        ...

    def is_empty(self) -> bool:
        """Tell whether its queue is empty."""
        ...

    def count(self, queue: str) -> int:
        """Return how many messages are in one queue, "hold" or "deferred"."""
        ...

    def sendmail(self) -> tuple[str, dict[str, str]]:
        """Return the path of its sendmail and the environment to run it in."""
        ...

    def commits(self) -> int | None:
        """Return how many commits its spool has seen, None if it has no such thing."""
        ...


class Spoolmta:
    """spoolmta of this checkout."""

    name = "spoolmta"

    def __init__(self, root: Path, settings: Mapping[str, str]) -> None:
        self._system = MailSystem(root, settings, executed=True)

    @property
    def port(self) -> int:
        """See System."""
        return self._system.port

    @property
    def spool(self) -> Path:
        """The file that is its spool."""
        return self._system.queue / "spool.db"

    def start(self) -> None:
        """See System."""
        self._system.start()

    def stop(self) -> None:
        """See System."""
        self._system.stop()

    def master(self) -> psutil.Process:
        """See System."""
        return psutil.Process(self._system.master.pid)

    def service(self, process: psutil.Process) -> str:
        """See System; the spool's process table knows it, or the process that forked it."""
        if process.pid == self._system.master.pid:
            return "master"
        services = self._system.services()
        name = services.get(process.pid) or services.get(process.ppid(), UNREGISTERED)
        return "smtpd" if name == f"127.0.0.1:{self.port}" else name

    def is_empty(self) -> bool:
        """See System."""
        return self._system.read("SELECT NOT EXISTS (SELECT 1 FROM message)") == [(1,)]

    def count(self, queue: str) -> int:
        """See System."""
        [(number,)] = self._system.read(f"SELECT count(*) FROM {queue}")
        return int(number)

    def sendmail(self) -> tuple[str, dict[str, str]]:
        """See System."""
        return str(BIN / "sendmail"), _environment(self._system.configuration)

    def commits(self) -> int:
        """See System."""
        with (self._system.queue / "spool.db-shm").open("rb") as index:
            index.seek(_COMMITS_OFFSET)
            return int(struct.unpack("=I", index.read(4))[0])


class Postfix:
    """Debian's Postfix."""

    name = "postfix"

    def __init__(self, root: Path, settings: Mapping[str, str]) -> None:
        self._system = PostfixOracle(root, settings)

    @property
    def port(self) -> int:
        """See System."""
        return self._system.port

    def start(self) -> None:
        """See System."""
        self._system.start()

    def stop(self) -> None:
        """See System."""
        self._system.stop()

    def master(self) -> psutil.Process:
        """See System."""
        return self._system.master()

    def service(self, process: psutil.Process) -> str:
        """See System."""
        return str(process.name())

    def is_empty(self) -> bool:
        """See System."""
        return not any(map(self.count, ("incoming", "active", "deferred", "maildrop")))

    def count(self, queue: str) -> int:
        """See System."""
        return sum(len(files) for _, _, files in os.walk(self._system.queue / queue))

    def sendmail(self) -> tuple[str, dict[str, str]]:
        """See System."""
        return postfix_oracle.program("sendmail"), _environment(self._system.configuration)

    def commits(self) -> None:
        """See System: Postfix's queue is files, one fsync a message."""
        return


def _environment(configuration: Path) -> dict[str, str]:
    return {**os.environ, "MAIL_CONFIG": str(configuration)}


SYSTEMS: Mapping[str, Callable[[Path, Mapping[str, str]], System]] = {
    "spoolmta": Spoolmta,
    "postfix": Postfix,
}
