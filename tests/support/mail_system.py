"""A real spoolmta for a test: its own main.cf, master.cf, spool and ports, real processes.

    with MailSystem(tmp_path, {"relayhost": "[127.0.0.1]:2526"}) as system:
        system.send("me@inbox.example", ["alice@inbox.example"], "Subject: hi\\n\\nhello\\n")
        system.wait_until_empty()

Its programs are forks that have their modules imported (tests/support/forked.py), but for a test of
the start itself, of memory or of privileges: that has them *executed*.

Must not: reach into the processes; what it sees is what a user and an operator see: sockets,
commands, the log, and the spool file opened read-only.
"""

import contextlib
import itertools
import json
import os
import signal
import smtplib
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import apsw
import psutil

from tests.support import forked
from tests.support.forked import BIN, Forked

START_SECONDS = 30.0
STOP_SECONDS = 40.0
COMMAND_SECONDS = 60.0
POLL_SECONDS = 0.02

# Clients get ports from 32768 on.
_FIRST_PORT = 10_000
_PORTS_OF_A_WORKER = 2_500
# Two runs of the tests at a time begin at different places.
_NUMBERS = itertools.count(os.getpid() * 7)

MAILBOX_DOMAIN = "inbox.example"

# What a test system has beside the stock settings; a test's own settings come last.
SETTINGS = {
    "compatibility_level": "3.6",
    "myhostname": "mx.test.example",
    "mydestination": "",
    "local_recipient_maps": "",
    "mynetworks": "127.0.0.0/8",
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "recipient_delimiter": "+",
    "alias_maps": "",
    "virtual_mailbox_domains": MAILBOX_DOMAIN,
    "virtual_mailbox_maps": "inline:{"
    "{alice@inbox.example = inbox.example/alice/}, {bob@inbox.example = inbox.example/bob/}}",
    "queue_run_delay": "1s",
    "minimal_backoff_time": "1s",
    "maximal_backoff_time": "3s",
    "service_throttle_time": "1s",
}

SERVICES = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60  1 pickup
cleanup   unix  n - n -   0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n -   - trivial-rewrite
bounce    unix  - - n -   0 bounce
defer     unix  - - n -   0 bounce
trace     unix  - - n -   0 bounce
verify    unix  - - n -   1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -   - proxymap
smtp      unix  - - n -   - smtp
relay     unix  - - n -   - smtp
showq     unix  n - n -   - showq
error     unix  - - n -   - error
retry     unix  - - n -   - error
discard   unix  - - n -   - discard
local     unix  - n n -   - local
virtual   unix  - n n -   - virtual
lmtp      unix  - - n -   - lmtp
"""


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now.

    It is none that the kernel gives to clients, and none that another test process hands out: it
    stays free until it is used.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for number in _NUMBERS:
        port = _FIRST_PORT + worker * _PORTS_OF_A_WORKER + number % _PORTS_OF_A_WORKER
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the numbers do not end")


def wait_for(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Return the first true value of *condition*; fail after *seconds* with *what* was awaited."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(POLL_SECONDS)


class Process(Protocol):
    """The master's process, as a test holds it; what subprocess.Popen has of it."""

    pid: int

    @property
    def returncode(self) -> Any:
        """The exit status, once it is known."""
        ...

    def poll(self) -> int | None:
        """Return the exit status; None while it runs."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end."""
        ...

    def send_signal(self, number: int, /) -> None:
        """Send it a signal."""
        ...

    def kill(self) -> None:
        """Kill it."""
        ...


@dataclass
class MailSystem:
    """One spoolmta: folders below *root*, main.cf *settings*, more master.cf lines, environment."""

    root: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    services_extra: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    executed: bool = False

    def __post_init__(self) -> None:
        """Choose the port and write the configuration."""
        self.port = free_port()
        self.configuration = self.root / "etc"
        self.queue = self.root / "spool"
        self.log_file = self.root / "maillog"
        self.stderr_file = self.root / "stderr"
        self._master: Process | None = None
        self.configure(self.settings)

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, if it still runs."""
        if self._master is not None:
            self.kill()

    def configure(self, settings: Mapping[str, str]) -> None:
        """Write main.cf and master.cf afresh."""
        self.configuration.mkdir(parents=True, exist_ok=True)
        self.queue.mkdir(parents=True, exist_ok=True)
        lines = {
            **SETTINGS,
            "queue_directory": str(self.queue),
            "data_directory": str(self.root / "data"),
            "virtual_mailbox_base": str(self.queue / "mail"),
            "virtual_uid_maps": f"static:{os.geteuid()}",
            "virtual_gid_maps": f"static:{os.getegid()}",
            "virtual_minimum_uid": str(max(1, min(os.geteuid(), 100))),
            "maillog_file": str(self.log_file),
            "maillog_file_prefixes": str(self.root),
            "mail_owner": _user_name(),
            **settings,
        }
        main = "".join(f"{name} = {value}\n" for name, value in lines.items())
        (self.configuration / "main.cf").write_text(main)
        master = SERVICES.format(port=self.port) + self.services_extra
        (self.configuration / "master.cf").write_text(master)

    def start(self) -> None:
        """Start the master and wait until smtpd greets."""
        self._master = self.launch()
        wait_for(self._greets, START_SECONDS, f"220 on port {self.port}\n{self.stderr()}")

    def launch(self) -> Process:
        """Begin to run the master."""
        words = ("spoolmta", "-c", self.configuration, "serve")
        environment = self._environment()
        with self.stderr_file.open("ab") as stderr, Path(os.devnull).open("rb") as stdin:
            if not self.executed:
                streams = (stdin, stderr, stderr)
                return Forked(words, streams, folder=self.root, environment=environment)
            return subprocess.Popen(
                [BIN / words[0], *words[1:]],
                stdin=stdin,
                stdout=stderr,
                stderr=stderr,
                env=environment,
                cwd=self.root,
                start_new_session=True,
            )

    @property
    def master(self) -> Process:
        """The master's process."""
        assert self._master is not None, "not started"
        return self._master

    def stop(self) -> int:
        """Send SIGTERM and return the master's exit status; fail if it does not drain in time."""
        master = self.master
        master.send_signal(signal.SIGTERM)
        try:
            status = master.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"not drained within {STOP_SECONDS:g} s\n{self.log()}") from None
        self._master = None
        return status

    def kill(self) -> None:
        """Kill every process of the system with -9, the master first, and wait for their end."""
        master = self.master
        with contextlib.suppress(psutil.NoSuchProcess):
            tree = [psutil.Process(master.pid)]
            tree += tree[0].children(recursive=True)
            for process in tree:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            master.wait()
            psutil.wait_procs(tree[1:], timeout=10)
        master.wait()
        self._master = None

    def processes(self) -> list[psutil.Process]:
        """Return the master and all its descendants."""
        master = psutil.Process(self.master.pid)
        return [master, *master.children(recursive=True)]

    def services(self) -> dict[int, str]:
        """Return the service name of every living process that has registered in the spool."""
        rows = self.read("SELECT pid, service FROM process")
        alive = {process.pid for process in self.processes()}
        return {pid: service for pid, service in rows if pid in alive}

    def client(self) -> smtplib.SMTP:
        """Return a connected SMTP client."""
        return smtplib.SMTP("127.0.0.1", self.port, local_hostname="client.example", timeout=60)

    def send(self, sender: str, recipients: Sequence[str], text: str | bytes) -> None:
        """Send one message over SMTP."""
        with self.client() as client:
            client.sendmail(sender, list(recipients), text)

    def run(
        self, program: str, *arguments: str | Path, stdin: bytes = b"", status: int | None = 0
    ) -> str:
        """Run one of spoolmta's programs on this configuration; return what it printed."""
        done = self._run((program, *arguments), stdin)
        text = done.stdout.decode() + done.stderr.decode()
        assert status is None or done.returncode == status, f"{program}: {done.returncode}: {text}"
        return text

    def queued(self) -> list[dict[str, Any]]:
        """Return the queue as `postqueue -j` prints it."""
        return [json.loads(line) for line in self.run("postqueue", "-j").splitlines()]

    def read(self, statement: str, *bindings: object) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT on the spool, opened read-only for just that."""
        path = self.queue / "spool.db"
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            connection.set_busy_timeout(5000)
            return connection.execute(statement, bindings).fetchall()
        finally:
            connection.close()

    def wait_until_empty(self, seconds: float = 60.0) -> None:
        """Wait until no message is left in the spool but held and corrupt ones."""
        question = (
            "SELECT count(*) FROM message WHERE message_id NOT IN (SELECT message_id FROM hold)"
            " AND message_id NOT IN (SELECT message_id FROM corrupt)"
        )
        wait_for(lambda: self.read(question) == [(0,)], seconds, "an empty queue")

    def log(self) -> str:
        """Return the mail log so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def stderr(self) -> str:
        """Return what the master and its services wrote to stderr and stdout."""
        return self.stderr_file.read_text(errors="replace") if self.stderr_file.exists() else ""

    def wait_for_log(self, text: str, seconds: float = 30.0) -> None:
        """Wait until the mail log contains *text*."""
        wait_for(lambda: text in self.log(), seconds, f"{text!r} in the log")

    def mailbox(self, user: str) -> list[bytes]:
        """Return the messages in the maildir of a virtual mailbox user."""
        folder = self.queue / "mail" / MAILBOX_DOMAIN / user / "new"
        return [path.read_bytes() for path in sorted(folder.glob("*"))]

    def _run(
        self, words: Sequence[str | Path], stdin: bytes
    ) -> "subprocess.CompletedProcess[bytes]":
        environment = {**self._environment(), "MAIL_CONFIG": str(self.configuration)}
        if not self.executed:
            return forked.run(words, stdin=stdin, environment=environment, timeout=COMMAND_SECONDS)
        return subprocess.run(
            [BIN / words[0], *words[1:]],
            input=stdin,
            capture_output=True,
            env=environment,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name != "MAIL_CONFIG"}
        return {**kept, **self.environment}

    def _greets(self) -> bool:
        if self.master.poll() is not None:
            raise AssertionError(f"exit status {self.master.returncode}\n{self.stderr()}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
                return connection.recv(3) == b"220"
        except OSError:
            return False


def _user_name() -> str:
    return str(psutil.Process().username())
