"""spoolmta sink: what arrives is shown, and answered as told."""

import asyncio
import json
import smtplib
from collections.abc import Callable
from pathlib import Path

import pytest

from spoolmta.cli.receiver import Receiver, Reply, Settings, parse_replies
from spoolmta.errors import UsageError

LETTER = "From: a@x.example\r\nSubject: hello\r\n\r\nline\r\n..dots\r\n"
Client = Callable[[smtplib.SMTP], object]


def talk(settings: Settings, client: Client) -> object:
    """Run a sink for as long as *client* talks to it; return what the client returns."""

    def connect(port: int) -> object:
        kind = smtplib.LMTP if settings.lmtp else smtplib.SMTP
        with kind("127.0.0.1", port) as connection:
            return client(connection)

    async def serve() -> object:
        receiver = Receiver(settings)
        running = asyncio.create_task(receiver.run())
        await receiver.listening.wait()
        try:
            return await asyncio.to_thread(connect, receiver.address[1])
        finally:
            receiver.stop()
            await running

    return asyncio.run(serve())


def send(*recipients: str) -> Client:
    def client(connection: smtplib.SMTP) -> object:
        return connection.sendmail("a@x.example", list(recipients), LETTER)

    return client


def test_what_arrives_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    talk(Settings(), send("b@y.example", "c@y.example"))
    out, err = capsys.readouterr()
    assert "<a@x.example>" in out
    assert "to <b@y.example>, <c@y.example>, " in out
    assert '"hello": 250 2.0.0 Ok: taken' in out
    assert "sink listens on 127.0.0.1:" in err
    assert err.endswith("1 message received\n")


def test_content_is_shown_on_demand(capsys: pytest.CaptureFixture[str]) -> None:
    talk(Settings(show=True), send("b@y.example"))
    assert "    line\n    ..dots\n" in capsys.readouterr().out


def test_a_quiet_sink_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    talk(Settings(quiet=True), send("b@y.example"))
    assert capsys.readouterr().out == ""


def test_what_arrives_is_shown_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    talk(Settings(as_json=True), send("b@y.example"))
    shown = json.loads(capsys.readouterr().out)
    assert (shown["recipients"], shown["subject"]) == (["b@y.example"], "hello")
    assert "content" not in shown


def test_what_arrives_is_kept_in_a_maildir(tmp_path: Path) -> None:
    talk(Settings(quiet=True, maildir=str(tmp_path / "box")), send("b@y.example"))
    (path,) = (tmp_path / "box" / "new").iterdir()
    assert path.read_bytes() == LETTER.replace("\r\n", "\n").encode()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ("MAIL=451 4.3.0 later", smtplib.SMTPSenderRefused),
        ("RCPT=450", smtplib.SMTPRecipientsRefused),
        ("DATA=451", smtplib.SMTPDataError),
        ("END=552 5.2.2 full", smtplib.SMTPDataError),
        ("EHLO=421 4.3.2 closing", smtplib.SMTPException),
        ("CONNECT=554 no", smtplib.SMTPConnectError),
    ],
)
def test_an_answer_is_given_at_its_moment(reply: str, error: type[Exception]) -> None:
    settings = Settings(quiet=True, replies=parse_replies([reply]))
    with pytest.raises(error):
        talk(settings, send("b@y.example"))


def test_some_recipients_may_be_refused() -> None:
    settings = Settings(quiet=True, replies=parse_replies(["RCPT:B@*=550 5.1.1 unknown"]))
    refused = talk(settings, send("b@y.example", "c@y.example"))
    assert refused == {"b@y.example": (550, b"5.1.1 unknown")}


def test_lmtp_answers_for_each_recipient() -> None:
    def client(connection: smtplib.SMTP) -> object:
        connection.ehlo_or_helo_if_needed()
        connection.mail("a@x.example")
        connection.rcpt("b@y.example")
        connection.rcpt("c@y.example")
        return connection.data(LETTER), connection.getreply()

    first, second = talk(Settings(quiet=True, lmtp=True), client)  # type: ignore[misc]
    assert first == second == (250, b"2.0.0 Ok: taken")


def test_a_count_ends_the_sink() -> None:
    async def serve() -> int:
        receiver = Receiver(Settings(quiet=True, count=1))
        running = asyncio.create_task(receiver.run())
        await receiver.listening.wait()

        def client() -> None:
            with smtplib.SMTP("127.0.0.1", receiver.address[1]) as connection:
                connection.sendmail("a@x.example", ["b@y.example"], LETTER)

        await asyncio.to_thread(client)
        await asyncio.wait_for(running, 10)
        return receiver.received

    assert asyncio.run(serve()) == 1


def test_replies_are_parsed() -> None:
    assert parse_replies(["rcpt:Bob@*=550", "END=250 2.0.0 fine"]) == (
        Reply("RCPT", "550 5.0.0 No, as told", "bob@*"),
        Reply("END", "250 2.0.0 fine"),
    )


@pytest.mark.parametrize(
    "text", ["RCPT", "RCPT=", "RCPT=abc", "RCPT=350", "LATER=450", "MAIL:a@b=450", "RCPT=4５0"]
)
def test_a_reply_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_replies([text])


def test_a_port_in_use_is_said() -> None:
    async def serve() -> None:
        first = Receiver(Settings(quiet=True))
        running = asyncio.create_task(first.run())
        await first.listening.wait()
        try:
            with pytest.raises(UsageError, match="cannot listen on"):
                await Receiver(Settings(port=first.address[1])).run()
        finally:
            first.stop()
            await running

    asyncio.run(serve())
