"""A real Postfix beside ours: own configuration, queue and ports, started and stopped by a test.

Debian's package is the oracle of behaviour and the yardstick of speed. Nothing here touches the
machine's own instance: `postfix -c DIR` names ours, and its ports are high ones.

Limits: needs root, as Postfix does.
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from tests.support.mail_system import free_port, wait_for

START_SECONDS = 30.0

# Where Debian's package has its programs.
PATH = "/usr/sbin:/usr/bin"

SETTINGS = {
    "compatibility_level": "3.6",
    "myhostname": "mx.test.example",
    "mydestination": "",
    "local_recipient_maps": "",
    "mynetworks": "127.0.0.0/8",
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "alias_maps": "",
    "alias_database": "",
    "mail_owner": "postfix",
    "setgid_group": "postdrop",
}

SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60  1 pickup
cleanup   unix  n - n -   0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -   - trivial-rewrite
bounce    unix  - - n -   0 bounce
defer     unix  - - n -   0 bounce
trace     unix  - - n -   0 bounce
verify    unix  - - n -   1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -   - proxymap
proxywrite unix - - n -   1 proxymap
smtp      unix  - - n -   - smtp
relay     unix  - - n -   - smtp
showq     unix  n - n -   - showq
error     unix  - - n -   - error
retry     unix  - - n -   - error
discard   unix  - - n -   - discard
local     unix  - n n -   - local
virtual   unix  - n n -   - virtual
lmtp      unix  - - n -   - lmtp
anvil     unix  - - n -   1 anvil
scache    unix  - - n -   1 scache
postlog   unix-dgram n - n - 1 postlogd
"""


# What a queue consists of, beside what belongs to root and is open to all: (mode, for postdrop).
_PRIVATE, _DROP, _PUBLIC = (0o700, False), (0o730, True), (0o710, True)
QUEUE = {
    **dict.fromkeys(("active", "bounce", "corrupt", "defer", "deferred", "flush"), _PRIVATE),
    **dict.fromkeys(("hold", "incoming", "private", "saved", "trace"), _PRIVATE),
    "maildrop": _DROP,
    "public": _PUBLIC,
}


def is_installed() -> bool:
    """Tell whether a Postfix can be run here."""
    return os.geteuid() == 0 and shutil.which("postfix", path=PATH) is not None


def program(name: str) -> str:
    """Return the path of one of Postfix's programs; ours of the same name may be found before."""
    return shutil.which(name, path=PATH) or name


@dataclass
class PostfixOracle:
    """One Postfix instance below *root*, which the user postfix must be able to enter."""

    root: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    services_extra: str = ""

    def __post_init__(self) -> None:
        """Choose the port and write the configuration."""
        self.port = free_port()
        self.configuration = self.root / "etc"
        self.queue = self.root / "queue"
        self.data = self.root / "data"
        self.log_file = self.root / "maillog"
        for folder in (self.configuration, self.queue, self.data):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        owner = pwd.getpwnam("postfix")
        os.chown(self.data, owner.pw_uid, owner.pw_gid)
        lines = {
            **SETTINGS,
            "queue_directory": str(self.queue),
            "data_directory": str(self.data),
            "maillog_file": str(self.log_file),
            "maillog_file_prefixes": str(self.root),
            **self.settings,
        }
        main = "".join(f"{name} = {value}\n" for name, value in lines.items())
        (self.configuration / "main.cf").write_text(main)
        master = SERVICES.format(port=self.port) + self.services_extra
        (self.configuration / "master.cf").write_text(master)

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def start(self) -> None:
        """Start the instance and wait until smtpd greets."""
        self._make_queue()
        self._postfix("start")
        wait_for(self._greets, START_SECONDS, f"Postfix's 220 on port {self.port}\n{self.log()}")

    def stop(self) -> None:
        """Stop the instance and wait for the end of its processes."""
        try:
            master = self.master()
            processes = [master, *master.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        master.send_signal(signal.SIGTERM)
        psutil.wait_procs(processes, timeout=60)

    def master(self) -> psutil.Process:
        """Return the master's process."""
        return psutil.Process(int((self.queue / "pid" / "master.pid").read_text()))

    def run(self, name: str, *arguments: str, stdin: bytes = b"") -> str:
        """Run one of Postfix's programs on this instance; return what it printed."""
        done = subprocess.run(
            [program(name), *arguments],
            input=stdin,
            capture_output=True,
            env={**os.environ, "MAIL_CONFIG": str(self.configuration)},
            timeout=60,
            check=False,
        )
        return done.stdout.decode() + done.stderr.decode()

    def log(self) -> str:
        """Return the mail log so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def _make_queue(self) -> None:
        """Make the folders that the check before a start would, and let it be left out.

        It takes half a second of a core, and there are some hundred starts.
        """
        owner, group = pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postdrop").gr_gid
        for name, (mode, is_for_postdrop) in QUEUE.items():
            folder = self.queue / name
            folder.mkdir(exist_ok=True)
            os.chown(folder, owner, group if is_for_postdrop else 0)
            folder.chmod(mode)
        (self.queue / "pid").mkdir(exist_ok=True)
        (self.queue / "quick-start").touch()

    def _postfix(self, *arguments: str) -> None:
        done = subprocess.run(
            [program("postfix"), "-c", self.configuration, *arguments],
            check=False,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{done.stderr.decode()}\n{self.log()}"

    def _greets(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                return connection.recv(3) == b"220"
        except OSError:
            return False
