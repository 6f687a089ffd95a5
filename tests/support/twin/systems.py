"""A Postfix and a spoolmta with the same site, and what a client can do with either."""

import re
import smtplib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from spoolmta.cli.sendmail import sendmail
from spoolmta.cli.tables import postalias, postmap
from tests.support.mail_system import MailSystem, wait_for
from tests.support.oracle import Answer, ours, postfix
from tests.support.postfix_oracle import PostfixOracle
from tests.support.twin import site_files
from tests.support.twin.cases import Mail, Site
from tests.support.twin.site_files import Folder, Table
from tests.support.twin.story import Delivery, Log, Normal, files_told

_SECONDS = 60.0
_SOURCES = {"inside": "127.0.0.1", "outside": "127.0.0.2"}
_QUEUED = re.compile(r"queued as (\w+)")
_SUCCESS = "23"


@dataclass(frozen=True)
class Handed:
    """What a client heard when it handed a message in; *queue_id* is "" if it was not taken."""

    heard: str
    queue_id: str


class System(ABC):
    """One of the two."""

    name: str

    def __init__(self, site: Site, root: Path) -> None:
        root.mkdir()
        root.chmod(0o755)
        self.root = root
        self.site = site
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Write the site, build its tables, start."""
        self._set_up()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._stack.close()

    def hand_in(self, number: int, case: Mail) -> Handed:
        """Hand a message in."""
        return self._sendmail(case) if case.by == "sendmail" else self._smtp(number, case)

    def stories(self, handed: list[Handed]) -> list[str]:
        """Return a story for each message, and one of the files, when nothing moves any more."""
        wait_for(self._is_idle, _SECONDS, f"rest in {self.name}\n{self.log()}")
        self._end_of_log()
        log = Log.parse(self.log())
        deliveries = [Delivery.read(path) for path in self.folder.records.iterdir()]
        normal = Normal.of(self.root, log)
        told = [normal(self._story(one, log, deliveries)) for one in handed]
        return [*told, files_told(self.folder.out, normal)]

    def _story(self, handed: Handed, log: Log, deliveries: list[Delivery]) -> str:
        parts = [handed.heard]
        if handed.queue_id:
            family = log.family(handed.queue_id)
            ours = [one for one in deliveries if one.queue_id in family]
            parts += [one.told() for one in sorted(ours, key=Delivery.order)]
            parts += sorted(log.statuses(family))
            parts += log.actions(handed.queue_id)
            if self._is_held(handed.queue_id):
                parts.append("on hold\n")
            if not any(parts):
                parts.append("taken, and nothing came of it\n")
        return "".join(parts)

    def _write(self, port: int, configuration: Path, places: Mapping[str, str]) -> None:
        self.folder = Folder.make(self.root, configuration)
        log = {"maillog_file": str(self.root / "maillog"), "maillog_file_prefixes": str(self.root)}
        places = {**log, **places}
        for table in site_files.write(self.site, self.folder, port, places):
            self._build(table)

    def _smtp(self, number: int, case: Mail) -> Handed:
        client = smtplib.SMTP(
            local_hostname=f"case-{number}.client.example",
            source_address=(_SOURCES[case.by], 0),
            timeout=60,
        )
        client.command_encoding = "utf-8"
        client.connect("127.0.0.1", self.port)
        try:
            heard, queue_id = "", ""
            for command, reply in _dialogue(client, case):
                if reply[0] not in _SUCCESS:
                    heard += f"{command}: {reply}\n"
                elif found := _QUEUED.search(reply):
                    queue_id = found[1]
            return Handed(heard, queue_id)
        finally:
            client.close()

    def _sendmail(self, case: Mail) -> Handed:
        known = len(Log.parse(self.log()).handed_in())
        sender = [] if case.sender is None else ["-f", case.sender]
        done = self._run_sendmail([*sender, *case.options, *case.recipients], case.text)
        if done.status:
            return Handed(f"sendmail: {done.status}: {done.out}{done.err}", "")

        def picked_up() -> list[str]:
            return Log.parse(self.log()).handed_in()[known:]

        (queue_id,) = wait_for(picked_up, _SECONDS, "pickup")
        return Handed("", queue_id)

    def log(self) -> str:
        """Return the mail log so far."""
        path = self.root / "maillog"
        return path.read_text(errors="surrogateescape") if path.exists() else ""

    port: int
    folder: Folder

    @property
    def _environment(self) -> dict[str, str]:
        return {"MAIL_CONFIG": str(self.folder.configuration)}

    @abstractmethod
    def _set_up(self) -> None: ...

    @abstractmethod
    def _run_sendmail(self, arguments: list[str], text: bytes) -> Answer: ...

    @abstractmethod
    def _build(self, table: Table) -> None: ...

    @abstractmethod
    def _is_idle(self) -> bool: ...

    @abstractmethod
    def _is_held(self, queue_id: str) -> bool: ...

    @abstractmethod
    def _end_of_log(self) -> None: ...


class Postfix(System):
    """Debian's."""

    name = "postfix"

    def _set_up(self) -> None:
        oracle = PostfixOracle(self.root)
        self.port = oracle.port
        self._oracle = oracle
        places = {"queue_directory": str(oracle.queue), "data_directory": str(oracle.data)}
        self._write(oracle.port, oracle.configuration, places)
        self._stack.enter_context(oracle)

    def _run_sendmail(self, arguments: list[str], text: bytes) -> Answer:
        stdin, environment = text.decode("utf-8", "surrogateescape"), self._environment
        return postfix("sendmail", *arguments, stdin=stdin, environment=environment)

    def _build(self, table: Table) -> None:
        said = self._oracle.run(table.program, f"{table.kind}:{table.path}")
        assert not said, said

    def _is_idle(self) -> bool:
        # What moves on, or is made of other mail, is met on the second round.
        stages = ("maildrop", "incoming", "active") * 2
        return not any(any((self._oracle.queue / stage).iterdir()) for stage in stages)

    def _is_held(self, queue_id: str) -> bool:
        return (self._oracle.queue / "hold" / queue_id).exists()

    def _end_of_log(self) -> None:
        """Wait for the lines that are on their way to postlogd."""
        self._oracle.run("postlog", "-t", "twin", "all is told")
        wait_for(lambda: "all is told" in self.log(), _SECONDS, "the end of Postfix's log")


class Spoolmta(System):
    """Ours."""

    name = "spoolmta"

    def _set_up(self) -> None:
        system = MailSystem(self.root)
        self.port = system.port
        self._system = system
        places = {"queue_directory": str(system.queue), "data_directory": str(self.root / "data")}
        self._write(system.port, system.configuration, places)
        self._stack.enter_context(system)

    def _run_sendmail(self, arguments: list[str], text: bytes) -> Answer:
        stdin, environment = text.decode("utf-8", "surrogateescape"), self._environment
        return ours(sendmail.main, "sendmail", *arguments, stdin=stdin, environment=environment)

    def _build(self, table: Table) -> None:
        main = postalias.main if table.program == "postalias" else postmap.main
        name = f"{table.kind}:{table.path}"
        built = ours(main, table.program, name, environment=self._environment)
        assert (built.status, built.err) == (0, ""), built

    def _is_idle(self) -> bool:
        rows = self._system.read(
            "SELECT sum(messages) FROM v1_states WHERE state NOT IN (?, ?, ?)",
            "deferred",
            "hold",
            "corrupt",
        )
        return rows == [(0,)]

    def _is_held(self, queue_id: str) -> bool:
        return bool(
            self._system.read(
                "SELECT 1 FROM v1_queue WHERE queue_id = ? AND state = 'hold'", queue_id
            )
        )

    def _end_of_log(self) -> None:
        """Wait until all that is gone is logged as removed: it is each message's last line.

        But not that of what cleanup discards.
        """
        question = (
            "SELECT queue_id FROM v1_events GROUP BY queue_id"
            " HAVING max(kind = 'removed') AND NOT max(kind = 'discarded')"
        )

        def is_told() -> bool:
            log = self.log()
            return all(f"{queue_id}: removed" in log for (queue_id,) in self._system.read(question))

        wait_for(is_told, _SECONDS, "the end of our log")


def _dialogue(client: smtplib.SMTP, case: Mail) -> Iterator[tuple[str, str]]:
    """Hand a message in; yield (command, reply) for each step until one more makes no sense."""
    yield "EHLO", _answer(client.ehlo)
    sent = _command(client, f"MAIL FROM:<{case.sender or ''}>", case.mail_options)
    yield sent
    if sent[1][0] not in _SUCCESS:
        return
    taken = 0
    for recipient in case.recipients:
        sent = _command(client, f"RCPT TO:<{recipient}>", case.rcpt_options)
        taken += sent[1][0] in _SUCCESS
        yield sent
    if taken:
        yield _command(client, "DATA")
        lines = case.text.replace(b"\n", b"\r\n").replace(b"\r\n.", b"\r\n..")
        end = b"" if lines.endswith(b"\r\n") or not lines else b"\r\n"
        client.send((b"." if lines.startswith(b".") else b"") + lines + end + b".\r\n")
        yield "end of data", _answer(client.getreply)
    yield _command(client, "QUIT")


def _command(client: smtplib.SMTP, command: str, options: tuple[str, ...] = ()) -> tuple[str, str]:
    return command, _answer(lambda: client.docmd(" ".join((command, *options))))


def _answer(ask: Callable[[], tuple[int, bytes]]) -> str:
    try:
        code, text = ask()
    except smtplib.SMTPServerDisconnected:
        return "hung up"
    return f"{code} {text.decode('utf-8', 'backslashreplace')}"
