"""A Postfix and a spoolmta with the same deferred mail, and the same commands asked of both.

Queue ids are told by the names of the messages, times and sizes by marks: the rest is compared.
"""

import encodings.punycode  # noqa: F401 -- who is not root may not be able to load it later
import json
import os
import re
import shutil
import smtplib
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from spoolmta.cli.queue_tools import postcat, postqueue, postsuper
from spoolmta.cli.sendmail import sendmail
from tests.support.mail_system import MailSystem, wait_for
from tests.support.oracle import Answer, ours
from tests.support.postfix_oracle import PostfixOracle, program

NOBODY = 65534
REASON = "a reason that is longer than the seventy-six columns that a listing keeps for a reason"
SETTINGS = {
    "relay_domains": "site.example, .sub.example, other.example",
    "relay_transport": "smtp:[127.0.0.1]:1",
    "relay_recipient_maps": "",
    "default_transport": f"retry:4.4.1 {REASON}",
    "enable_long_queue_ids": "yes",
    "queue_run_delay": "1h",
    "minimal_backoff_time": "1h",
    "maximal_backoff_time": "1h",
    "parent_domain_matches_subdomains": "relay_domains",
}
HEADERS = (
    "Date: Mon, 30 Nov 2026 07:10:38 +0000\nMessage-Id: <one@here.example>\nFrom: x@y.example\n"
)
CONTENT = f"{HEADERS}Subject: hello\n\tthere\n\nbody\n.. dots\n"
MAIL = {
    "plain": ("-f", "me@here.example", "a@site.example"),
    "two": ("-f", "me@here.example", "b@far.example", "c@far.example"),
    "null": ("-f", "<>", "e@far.example"),
    "quoted": ("-f", '"a b"@here.example', "-F", "Full Name", "f@x.sub.example"),
    "dsn": (
        "-f",
        "me@here.example",
        "-N",
        "success,failure",
        "-V",
        "xyz",
        "-R",
        "hdrs",
        "g@far.example",
    ),
}
MAINS: Mapping[str, Callable[[], object]] = {
    "postqueue": postqueue.main,
    "mailq": postqueue.mailq,
    "postsuper": postsuper.main,
    "postcat": postcat.main,
    "sendmail": sendmail.main,
}  # fmt: skip
_TIME = re.compile(r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d")


class Side:
    """One of the two, with its mail."""

    def __init__(self, system: PostfixOracle | MailSystem) -> None:
        self.system = system
        self.names: dict[str, str] = {}  # by queue id

    def ask(self, *words: str, stdin: str = "", uid: int = 0) -> Answer:
        """Run a command, queue ids given by names in braces; return what it says, ids by names."""
        ids = {name: queue_id for queue_id, name in self.names.items()}
        said = self._run([word.format(**ids) for word in words], stdin.format(**ids), uid)
        return Answer(said.status, self.named(said.out), self.named(said.err))

    def named(self, text: str) -> str:
        """Return text without what must differ."""
        for queue_id, name in self.names.items():
            text = re.sub(rf"{queue_id}([!*#]*) *(?= \d+ \w{{3}} )", rf"<{name}>\1", text)
            text = re.sub(rf"(deferred|hold)/(\w/)?{queue_id}", rf"\1/<{name}>", text)
            text = text.replace(queue_id, f"<{name}>")
        return text

    def dialogue(self, *lines: str) -> list[str]:
        """Return the replies of the SMTP server to commands."""
        with smtplib.SMTP("127.0.0.1", self.system.port, timeout=60) as client:
            replies = [client.docmd(line) for line in lines]
        return [f"{code} {text.decode()}" for code, text in replies]

    def hand_in(self, name: str, arguments: tuple[str, ...], queue: str = "deferred") -> None:
        """Hand a message in and wait until it is deferred, or in another queue."""
        said = self._run(["sendmail", *arguments], CONTENT, 0)
        assert said.status == 0, said
        (self.names[wait_for(lambda: self._new(queue), 20, name)],) = (name,)

    def log(self) -> str:
        """Return the mail log, ids by names."""
        return self.named(self.system.log())

    def listed(self) -> list[dict[str, object]]:
        """Return the queue as postqueue -j has it."""
        said = self._run(["postqueue", "-j"], "", 0)
        return [json.loads(line) for line in said.out.splitlines()]

    def _new(self, queue: str) -> str:
        for one in self.listed():
            told = queue != "deferred" or "delay_reason" in str(one["recipients"])
            if one["queue_name"] == queue and told and one["queue_id"] not in self.names:
                return str(one["queue_id"])
        return ""

    def _run(self, words: list[str], stdin: str, uid: int) -> Answer:
        raise NotImplementedError


class Postfix(Side):
    """Debian's. Who is not root may name no configuration folder: for them it is the usual one."""

    def _run(self, words: list[str], stdin: str, uid: int) -> Answer:
        folder = self.system.configuration
        command, executable = words, program(words[0])
        if uid:
            script = (
                f"mount --bind {folder} /etc/postfix && unset MAIL_CONFIG &&"
                f' exec setpriv --reuid {uid} --regid {uid} --clear-groups "$@"'
            )
            command = ["unshare", "-m", "sh", "-c", script, "sh", executable, *words[1:]]
            executable = "unshare"
        done = subprocess.run(
            command,
            executable=shutil.which(executable),
            input=stdin.encode(),
            capture_output=True,
            env={**os.environ, "MAIL_CONFIG": str(folder)},
            timeout=60,
            check=False,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


class Spoolmta(Side):
    """Ours."""

    def _run(self, words: list[str], stdin: str, uid: int) -> Answer:
        def main() -> None:
            if uid:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
            MAINS[words[0]]()

        environment = {"MAIL_CONFIG": str(self.system.configuration)}
        return ours(main, words[0], *words[1:], stdin=stdin, environment=environment)


@contextmanager
def twins(
    mail: Mapping[str, tuple[str, ...]] = MAIL, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[Side, Side]]:
    """Yield Postfix and ours, running, with the same mail deferred in both."""
    lines = {**SETTINGS, **(settings or {})}
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tools-twin-")))
        root.chmod(0o755)
        (root / "ours").mkdir(mode=0o755)
        postfix = PostfixOracle(root / "postfix", lines)
        spoolmta = MailSystem(root / "ours", {**lines, "mail_owner": "postfix"})
        sides: tuple[Side, Side] = (
            Postfix(stack.enter_context(postfix)),
            Spoolmta(stack.enter_context(spoolmta)),
        )
        for side in sides:
            for name, arguments in mail.items():
                side.hand_in(name, arguments)
        yield sides


def listing(text: str) -> list[str]:
    """Return a listing with its messages in a fixed order, times and sizes by marks."""
    text = re.sub(r"-- \d+ Kbytes", "-- N Kbytes", _TIME.sub("TIME", text))
    text = re.sub(r"^(<\w+>[!*#]*) +\d+ TIME", r"\1 SIZE TIME", text, flags=re.MULTILINE)
    head, _, rest = text.partition("\n")
    return [head, *sorted(rest.split("\n\n"))]


def is_open(path: Path) -> bool:
    """Return whether somebody listens at a socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        return connection.connect_ex(str(path)) == 0
