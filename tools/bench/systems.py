"""The two mail systems under test, each below a folder of its own, with the same settings."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import psutil

from tests.support.mail_system import MailSystem
from tests.support.postfix_oracle import PostfixOracle
from tools.bench.profiles import SETTINGS, Profile

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

    def commits(self) -> int | None:
        """Return how many commits its spool has seen, None if it has no such thing."""
        ...


class Spoolmta:
    """spoolmta of this checkout."""

    name = "spoolmta"

    def __init__(self, root: Path, settings: Mapping[str, str]) -> None:
        self._system = MailSystem(root, settings)

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
        return psutil.Process(self._system.master.pid)

    def service(self, process: psutil.Process) -> str:
        """See System; the spool's process table knows it."""
        if process.pid == self._system.master.pid:
            return "master"
        name = self._system.services().get(process.pid, "unregistered")
        return "smtpd" if name == f"127.0.0.1:{self.port}" else name

    def is_empty(self) -> bool:
        """See System."""
        return self._system.read("SELECT NOT EXISTS (SELECT 1 FROM message)") == [(1,)]

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
        folders = ("incoming", "active", "deferred", "maildrop")
        return not any(
            path.is_file()
            for folder in folders
            for path in (self._system.queue / folder).rglob("*")
        )

    def commits(self) -> None:
        """See System: Postfix's queue is files, one fsync a message."""
        return


def settings_for(profile: Profile, sink_port: int) -> dict[str, str]:
    """Return main.cf of both systems for a profile."""
    route = {"relayhost": f"[127.0.0.1]:{sink_port}"}
    if not profile.relays:
        route = {"default_transport": "discard:", "relayhost": ""}
    return {**SETTINGS, **route, **profile.settings}
