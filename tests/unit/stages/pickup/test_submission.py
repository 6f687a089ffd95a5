"""The socket public/submit, spoken to as sendmail does, over a real spool."""

import asyncio
import os
import pwd
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spoolmta.clock import SystemClock
from spoolmta.config.loader import from_text
from spoolmta.config.master_cf import Service
from spoolmta.maillog import MailLog
from spoolmta.message.queue_id import MessageIds
from spoolmta.message.submitter import find_submitter
from spoolmta.protocols import submission
from spoolmta.protocols.submission import Answer, AnswerReader, Submission
from spoolmta.service.context import ServiceContext
from spoolmta.service.wakeup import Wakeup
from spoolmta.spool import processes
from spoolmta.spool.committer import Committer
from spoolmta.spool.connection import FILE_NAME, Row, Spool
from spoolmta.stages import pickup
from spoolmta.stages.pickup import submission as server
from tests.support.rights import let_everybody_into

US = find_submitter(os.getuid())
MAIL = b"Subject: x\r\nTo: bob@x.test\r\n\r\nbody\r\n"


@dataclass
class Pickup:
    """The pickup service, running in a thread of its own."""

    folder: Path
    context: ServiceContext
    thread: threading.Thread
    failures: list[BaseException]

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        client.connect(str(self.folder / "submit"))
        return client

    def say(self, data: bytes, *, half_closed: bool = False) -> Answer | None:
        """Send bytes and return the answer."""
        with self.connect() as client:
            try:
                client.sendall(data)
                if half_closed:
                    client.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # refused early
            reader = AnswerReader()
            while received := client.recv(4096):
                if answer := reader.feed(received):
                    return answer
        return None

    def rows(self, sql: str) -> list[Row]:
        spool = Spool.open(self.folder / FILE_NAME, SystemClock())
        try:
            return spool._connection.execute(sql).fetchall()
        finally:
            spool.close()

    def log(self) -> str:
        return (self.folder / "maillog").read_text()

    def stop(self) -> None:
        loop: Any = self.context.wakeup._loop
        loop.call_soon_threadsafe(self.context.drain)
        self.thread.join(20)
        assert not self.thread.is_alive()


Start = Callable[..., Pickup]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Pickup] = []

    def start(**settings: str) -> Pickup:
        started.append(_start(tmp_path, settings))
        return started[-1]

    yield start
    for service in started:
        if service.thread.is_alive():
            service.stop()
        assert not service.failures


def whole(content: bytes = MAIL, said: Submission | None = None, *people: str) -> bytes:
    """Return all that a client says to hand in *content*."""
    return b"".join(
        (
            submission.format_begin(said or Submission(), people or ("bob@x.test",)),
            *submission.format_content(content),
            submission.format_end(),
        )
    )


def test_a_message_is_in_the_queue_once_it_is_answered(start: Start) -> None:
    service = start()
    answer = service.say(whole(MAIL, Submission(envid="id", ret="FULL", notify=2)))
    assert answer is not None
    assert answer.status == 0
    service.stop()
    assert service.rows("SELECT queue_id, origin, sender, uid, envid, ret FROM message") == [
        (answer.queue_id, "sendmail", f"{US.name}@m.example", US.uid, "id", "FULL")
    ]
    assert service.rows("SELECT address, original, notify FROM recipient") == [
        ("bob@x.test", "bob@x.test", 2)
    ]
    assert f"{answer.queue_id}: uid={US.uid} from=<{US.name}>" in service.log()


def test_sender_and_name_may_be_chosen_the_uid_may_not(start: Start) -> None:
    service = start()
    assert service.say(whole(MAIL, Submission("", "Some Body"))) is not None
    service.stop()
    assert service.rows("SELECT sender, full_name, uid FROM message") == [("", "Some Body", US.uid)]


@pytest.mark.root
def test_the_kernel_says_who_it_is(start: Start) -> None:
    service = start()
    nobody = pwd.getpwnam("nobody")
    (service.folder / "submit").chmod(0o666)
    let_everybody_into(service.folder)
    os.seteuid(nobody.pw_uid)
    try:
        client = service.connect()
    finally:
        os.seteuid(0)
    with client:
        client.sendall(whole())
        while client.recv(100) not in (b"", submission.GREETING):
            pass
        assert client.recv(100).startswith(b"A")
    service.stop()
    assert service.rows("SELECT sender, uid FROM message") == [("nobody@m.example", nobody.pw_uid)]
    assert "(Postfix, from userid 65534)" in str(service.rows("SELECT data FROM content"))


def test_recipients_are_taken_from_the_headers_if_asked(start: Start) -> None:
    service = start()
    begin = submission.format_begin(Submission(extract=True), ("a@x.test",))
    content = b"".join(submission.format_content(MAIL))
    service.say(begin + content + submission.format_end())
    service.stop()
    assert service.rows("SELECT address FROM recipient ORDER BY number") == [
        ("a@x.test",),
        ("bob@x.test",),
    ]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"Subject: x\r\n\r\nTo: bob@x.test\r\n", os.EX_TEMPFAIL),
        (b"To: " + b"a, " * 30 + b"b\r\n\r\n", os.EX_DATAERR),
        (b"To: \xff@x.test\r\n\r\n", os.EX_DATAERR),
    ],
)
def test_headers_that_name_nobody_or_too_many(start: Start, content: bytes, status: int) -> None:
    service = start(extract_recipient_limit="20")
    begin = submission.format_begin(Submission(extract=True), ())
    frames = b"".join(submission.format_content(content))
    answer = service.say(begin + frames + submission.format_end())
    assert answer is not None
    assert answer.status == status


def test_a_large_message_is_stored_as_it_comes(start: Start) -> None:
    service = start()
    content = b"Subject: large\r\n\r\n" + b"".join(b"line %d\r\n" % n for n in range(200_000))
    answer = service.say(whole(content))
    assert answer is not None
    assert answer.status == 0
    service.stop()
    stored = b"".join(row[0] for row in service.rows("SELECT data FROM content ORDER BY piece"))
    assert stored.endswith(content[18:])
    assert len(service.rows("SELECT piece FROM content")) > 5
    assert service.rows("SELECT * FROM upload") == []


def test_a_message_that_is_too_large_leaves_nothing(start: Start) -> None:
    service = start(message_size_limit="1000000")
    answer = service.say(whole(b"x" * 78 + b"\r\n" + b"y" * 2_000_000 + b"\r\n"))
    assert answer == Answer(status=os.EX_UNAVAILABLE, text="message file too big")
    service.stop()
    assert service.rows("SELECT count(*) FROM content") == [(0,)]
    assert service.rows("SELECT count(*) FROM upload") == [(0,)]


def test_users_who_may_not(start: Start) -> None:
    service = start(authorized_submit_users=f"!{US.name}, static:all")
    answer = service.say(whole())
    text = f"User {US.name}({US.uid}) is not allowed to submit mail"
    assert answer == Answer(status=os.EX_NOPERM, text=text)
    service.stop()
    assert f"warning: submission of {US.name}({US.uid}) refused: {text}" in service.log()


def test_a_table_of_users_that_gives_no_answer(start: Start) -> None:
    answer = start(authorized_submit_users="fail:down").say(whole())
    assert answer is not None
    assert answer.status == os.EX_TEMPFAIL


@pytest.mark.parametrize("data", [b"GET / HTTP/1.0\r\n\r\n", b"E\xff\xff\xff\xff", b"Z\0\0\0\0"])
def test_who_does_not_speak_the_language_is_refused(start: Start, data: bytes) -> None:
    answer = start().say(data)
    assert answer is not None
    assert answer.status == os.EX_DATAERR


def test_half_a_message_is_none(start: Start) -> None:
    service = start()
    content = b"x" * 78 + b"\r\n" + b"y" * 600_000 + b"\r\n"
    answer = service.say(whole(content)[:-5], half_closed=True)
    assert answer == Answer(status=os.EX_TEMPFAIL, text="the message is not complete")
    service.stop()
    for table in ("message", "content", "upload"):
        assert service.rows(f"SELECT count(*) FROM {table}") == [(0,)]


def test_who_goes_away_leaves_nothing(start: Start) -> None:
    service = start()
    client = service.connect()
    client.sendall(whole(b"y" * 600_000 + b"\r\n")[:500_000])
    client.close()
    service.stop()
    assert service.rows("SELECT count(*) FROM content") == [(0,)]


def test_one_user_cannot_take_all_places(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SESSIONS_OF_USER", 2)
    service = start()
    idle = [service.connect() for _ in range(2)]
    for client in idle:
        assert client.recv(100) == submission.GREETING
    answer = service.say(b"")
    assert answer == Answer(status=os.EX_TEMPFAIL, text="too many submissions at once")
    for client in idle:
        client.close()


def test_who_says_nothing_is_not_waited_for(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "READ_SECONDS", 0.05)
    with start().connect() as client:
        assert client.recv(100) == submission.GREETING
        assert client.recv(100) == b""


def test_many_at_once(start: Start) -> None:
    service = start()
    answers: list[Answer | None] = []
    threads = [
        threading.Thread(target=lambda: answers.append(service.say(whole()))) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [answer.status for answer in answers if answer] == [0] * 20
    assert len({answer.queue_id for answer in answers if answer}) == 20


def _start(folder: Path, settings: dict[str, str]) -> Pickup:
    listener = socket.socket(socket.AF_UNIX)
    listener.setblocking(False)
    listener.bind(str(folder / "submit"))
    listener.listen(100)
    ready = threading.Event()
    found: list[ServiceContext] = []
    failures: list[BaseException] = []

    async def live() -> None:
        context = _context(folder, settings, listener)
        found.append(context)
        ready.set()
        await pickup.serve(context)
        await context.committer.close()
        context.flush_logs()
        context.spool.close()
        listener.close()

    def work() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:  # noqa: BLE001 - the test reports it
            failures.append(error)
            ready.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    ready.wait(20)
    assert not failures, failures
    return Pickup(folder, found[0], thread, failures)


def _context(folder: Path, settings: dict[str, str], listener: socket.socket) -> ServiceContext:
    values = {
        "compatibility_level": "3.6",
        "myhostname": "m.example",
        "queue_directory": str(folder),
        "inet_interfaces": "127.0.0.1",
        "maillog_file": str(folder / "maillog"),
        "maillog_file_prefixes": str(folder),
        **settings,
    }
    configuration = from_text("".join(f"{name} = {value}\n" for name, value in values.items()))
    clock, path = SystemClock(), folder / FILE_NAME
    spool = Spool.open(path, clock, create=True)
    with spool.transaction() as tx:
        process_id = processes.register(tx, "pickup")
    return ServiceContext(
        configuration=configuration,
        service=Service("pickup", "unix", "pickup"),
        log=MailLog.open(configuration, "pickup"),
        clock=clock,
        spool=spool,
        committer=Committer(path, clock),
        ids=MessageIds(process_id, clock),
        process_id=process_id,
        wakeup=Wakeup(None),
        poke=lambda _: None,
        sockets=(listener,),
    )
