"""Where the mail of a profile goes: on to a receiver, into maildirs, or nowhere."""

import os
import socket
import time
from pathlib import Path

from tests.support.mail_system import free_port, wait_for
from tools.bench import peers
from tools.bench.load import LONGEST_RUN, ORDINARY, OUTSIDE, Load
from tools.bench.systems import System

MAILBOX_DOMAIN = "mailboxes.example"
MAILBOXES = 10
NOBODY = 65534
OTHER_DOMAIN = "other.example"
HOST = "127.0.0.1"
BACKLOG = 512


class Route:
    """One way out for *load*, made afresh for each run below *root*."""

    # What the rate of messages at its end is called, and the domain that mail for it is sent to.
    rate: str
    domain = OUTSIDE

    def __init__(self, root: Path, load: Load = ORDINARY) -> None:
        """Start what is at its end."""

    def settings(self) -> dict[str, str]:
        """Return what main.cf of both systems has for it."""
        raise NotImplementedError

    def wait_for(self, count: int) -> float:
        """Wait until *count* messages have come out since the start; return that moment."""
        raise NotImplementedError

    def settle(self, system: System) -> None:
        """Wait until the system has nothing more to do with them."""
        wait_for(system.is_empty, LONGEST_RUN, f"an empty queue of {system.name}")

    def close(self) -> None:
        """End what was started."""


class Relayed(Route):
    """On to one receiver."""

    rate = "relayed/s"

    def __init__(self, root: Path, load: Load = ORDINARY) -> None:
        super().__init__(root, load)
        self._sink = peers.Sink(load)

    def settings(self) -> dict[str, str]:
        """See Route."""
        return {"relayhost": f"[127.0.0.1]:{self._sink.port}"}

    def wait_for(self, count: int) -> float:
        """See Route."""
        return self._sink.wait_for_count(count, LONGEST_RUN)

    def close(self) -> None:
        """See Route."""
        self._sink.close()


class BesideDead(Relayed):
    """On to one receiver; mail for OTHER_DOMAIN stays queued: its host takes no connections."""

    def __init__(self, root: Path, load: Load = ORDINARY) -> None:
        super().__init__(root, load)
        self._other_port = free_port()

    def settings(self) -> dict[str, str]:
        """See Route."""
        other = f"{{{OTHER_DOMAIN} = smtp:[127.0.0.1]:{self._other_port}}}"
        return {**super().settings(), "transport_maps": f"inline:{{ {other} }}"}

    def settle(self, system: System) -> None:
        """See Route."""


class BesideHanging(BesideDead):
    """The same, and the other host takes connections and says nothing."""

    def __init__(self, root: Path, load: Load = ORDINARY) -> None:
        super().__init__(root, load)
        self._silent = socket.create_server((HOST, self._other_port), backlog=BACKLOG)

    def close(self) -> None:
        """See Route."""
        self._silent.close()
        super().close()


class Held(Route):
    """Nowhere: a check says HOLD, so all is accepted and kept, and nothing is done after that.

    A transport that only discards would have the queue manager and an agent work beside the
    accepting; in the hold queue of either system mail lies still.
    """

    rate = "held/s"

    def __init__(self, root: Path, load: Load = ORDINARY) -> None:
        super().__init__(root, load)
        self._count = 0

    def settings(self) -> dict[str, str]:
        """See Route."""
        return {"smtpd_client_restrictions": "check_client_access static:HOLD"}

    def wait_for(self, count: int) -> float:
        """See Route."""
        self._count = count
        return time.monotonic()

    def settle(self, system: System) -> None:
        """See Route; it is there already, or it is lost."""
        held = system.count("hold")
        if held != self._count:
            raise RuntimeError(f"{system.name} was given {self._count} messages and holds {held}")


class Maildirs(Route):
    """Into the maildirs of a few virtual mailboxes."""

    rate = "delivered/s"
    domain = MAILBOX_DOMAIN

    def __init__(self, root: Path, load: Load = ORDINARY) -> None:
        super().__init__(root, load)
        self._folder = root / "mailboxes"
        self._folder.mkdir()
        as_root = os.geteuid() == 0
        self._uid, self._gid = (NOBODY, NOBODY) if as_root else (os.geteuid(), os.getegid())
        os.chown(self._folder, self._uid, self._gid)

    def settings(self) -> dict[str, str]:
        """See Route; the last digit of the sequence number that leads the address decides."""
        rules = ", ".join(f"{{/{number}rcpt@/ {number}/}}" for number in range(MAILBOXES))
        return {
            "virtual_mailbox_domains": MAILBOX_DOMAIN,
            "virtual_mailbox_base": str(self._folder),
            "virtual_mailbox_maps": f"regexp:{{{rules}}}",
            "virtual_uid_maps": f"static:{self._uid}",
            "virtual_gid_maps": f"static:{self._gid}",
        }

    def wait_for(self, count: int) -> float:
        """See Route."""
        wait_for(lambda: self._delivered() >= count, LONGEST_RUN, f"{count} messages in maildirs")
        return time.monotonic()

    def _delivered(self) -> int:
        return sum(1 for _ in self._folder.glob("*/new/*"))
