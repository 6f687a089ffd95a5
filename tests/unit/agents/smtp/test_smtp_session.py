"""One conversation: what goes over the wire, seen from the server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import msgspec
import pytest
import uvloop

from spoolmta.agents.smtp.agent import SmtpAgent
from spoolmta.agents.smtp.server import Server
from spoolmta.agents.smtp.session import Message, Session, Transmission
from spoolmta.agents.smtp.settings import DialogueSettings
from spoolmta.agents.smtp.trouble import Radius, Trouble
from spoolmta.errors import SpoolBusy
from spoolmta.maillog import MailLog
from spoolmta.maps.registry import open_maps
from spoolmta.message.outcome import Delivery
from spoolmta.net.stream import Target, connect
from tests.support.scripted_server import DROP, SILENT, Behaviour, ScriptedServer
from tests.support.smtp_delivery import CONTENT, Client, HeldContent, KeptLines, delivery, settings
from tests.support.stub_dns import StubDns

ALICE = "alice@example.com"
PIECE = b"x" * 74 + b"\r\n"
USUAL = settings(25).dialogue


class Talk:
    """One session with a scripted server, run to its end."""

    def __init__(self, server: ScriptedServer, dialogue: DialogueSettings = USUAL) -> None:
        self.server = server
        self.dialogue = dialogue
        self.log = KeptLines()
        self.greeted: Trouble | None = None

    def send(
        self,
        one: Delivery,
        content: HeldContent | None = None,
        *,
        last: bool = False,
        detect_loop: bool = False,
    ) -> Transmission | None:
        """Greet, send one message; None if the greeting failed."""

        async def run() -> Transmission | None:
            log = MailLog(self.log, "postfix/smtp", "client")
            stream = await connect(Target("127.0.0.1", self.server.port), timeout_s=5)
            server = Server("mx.test.example", "127.0.0.1", self.server.port)
            session = Session(stream, server, self.dialogue, log)
            try:
                self.greeted = await session.hello("example.com", detect_loop=detect_loop)
                found = None
                if self.greeted is None:
                    body = content or HeldContent(CONTENT)
                    message = Message(one, one.recipients, body, last=last)
                    found = await session.transact(message)
                if session.leave():
                    await session.wait_for_farewell()
                return found
            finally:
                session.abort()
                log.flush()

        return uvloop.run(run())


def replies(transmission: Transmission | None) -> list[int | None]:
    assert transmission is not None
    return [answer and answer.reply.code for answer in transmission.answers]


@pytest.mark.parametrize("pieces", [1, 40])
def test_large_content_is_sent_in_pieces(pieces: int) -> None:
    body = [b"Subject: x\r\n\r\n", *[PIECE * 3000 + b".dot\r\n"] * pieces]
    size = sum(map(len, body))
    with ScriptedServer() as server:
        found = Talk(server).send(
            delivery("example.com", ALICE, size=max(size, 300_000)), HeldContent(*body)
        )
    assert replies(found) == [250]
    assert server.messages[0].content == b"".join(body)


def test_large_content_can_be_refused() -> None:
    with ScriptedServer({".": "552 5.3.4 too much"}) as server:
        found = Talk(server).send(
            delivery("example.com", ALICE, size=1_000_000), HeldContent(*[PIECE * 3000] * 4)
        )
    assert replies(found) == [552]


def test_a_connection_lost_inside_the_content() -> None:
    body = [PIECE * 3000] * 100
    with ScriptedServer({"CONTENT": DROP}) as server:
        found = Talk(server).send(
            delivery("example.com", ALICE, size=10_000_000), HeldContent(*body)
        )
    assert found is not None
    assert found.failure is not None
    assert found.failure.reason == (
        "lost connection with mx.test.example[127.0.0.1] while sending message body"
    )
    assert found.failure.radius is Radius.DESTINATION


def test_content_that_cannot_be_read_is_never_completed() -> None:
    class Failing(HeldContent):
        async def read(self) -> AsyncIterator[bytes]:
            yield PIECE
            raise SpoolBusy("the spool is locked")

    with ScriptedServer() as server:
        talk = Talk(server)
        found = talk.send(delivery("example.com", ALICE, size=1_000_000), Failing())
    assert found is not None
    assert found.failure is not None
    assert (found.failure.dsn, found.failure.radius) == ("4.3.0", Radius.MESSAGE)
    assert found.failure.reason == ("local data error while talking to mx.test.example[127.0.0.1]")
    assert server.messages == []
    assert talk.log.lines == ["warning: 0123456789ABCDE: the spool is locked"]


def test_small_content_that_cannot_be_read_is_found_out_before_mail() -> None:
    class Failing(HeldContent):
        async def whole(self) -> bytes:
            raise SpoolBusy("the spool is locked")

    with ScriptedServer() as server, pytest.raises(SpoolBusy):
        Talk(server).send(delivery("example.com", ALICE), Failing())
    assert server.verbs() == ["EHLO"]


def test_long_lines_are_folded_and_that_is_logged() -> None:
    body = b"Subject: x\r\n\r\n" + b"y" * 1500 + b"\r\n"
    with ScriptedServer() as server:
        talk = Talk(server)
        talk.send(delivery("example.com", ALICE, size=len(body)), HeldContent(body))
    lines = server.messages[0].content.split(b"\r\n")
    assert lines[2:4] == [b"y" * 998, b" " + b"y" * 502]
    assert talk.log.lines == ["0123456789ABCDE: breaking line > 998 bytes with <CR><LF>SPACE"]


@pytest.mark.parametrize("capabilities", [("PIPELINING",), ()])
def test_quit_follows_the_last_message(capabilities: tuple[str, ...]) -> None:
    with ScriptedServer(behaviour=Behaviour(capabilities)) as server:
        assert replies(Talk(server).send(delivery("example.com", ALICE), last=True)) == [250]
    assert server.verbs() == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


def test_the_reply_to_quit_is_waited_for_if_so_configured() -> None:
    with ScriptedServer({"QUIT": DROP}) as server:
        patient = replace(USUAL, skip_quit_response=False)
        assert replies(Talk(server, patient).send(delivery("example.com", ALICE))) == [250]


@pytest.mark.parametrize(
    ("greeting", "changes", "verbs"),
    [
        ("220 mx ESMTP", {"never_ehlo": True}, ["HELO"]),
        ("220 mx SMTP", {"always_ehlo": False}, ["HELO"]),
        ("220 mx ESMTP", {"always_ehlo": False}, ["EHLO"]),
        ("220 mx", {}, ["EHLO"]),
    ],
)
def test_ehlo_or_helo(greeting: str, changes: dict[str, bool], verbs: list[str]) -> None:
    with ScriptedServer(behaviour=Behaviour(greeting=greeting)) as server:
        Talk(server, replace(USUAL, **changes)).send(delivery("example.com", ALICE))  # type: ignore[arg-type]
    assert server.verbs()[: len(verbs)] == verbs
    assert server.verbs()[len(verbs)] == "MAIL"


def test_keywords_can_be_discarded() -> None:
    with ScriptedServer() as server:
        talk = Talk(server, replace(USUAL, discarded_keywords=("pipelining", "dsn", "SIZE")))
        talk.send(delivery("example.com", ALICE))
    assert "MAIL FROM:<sender@example.org> BODY=7BIT" in server.commands
    assert talk.log.lines == ["discarding EHLO keywords: PIPELINING DSN SIZE"]


def test_keywords_can_be_discarded_by_address_and_in_silence() -> None:
    table = open_maps("inline:{ { 127.0.0.1 = size, silent-discard } }")
    with ScriptedServer() as server:
        talk = Talk(server, replace(USUAL, discarded_keyword_maps=table))
        talk.send(delivery("example.com", ALICE))
    assert "MAIL FROM:<sender@example.org> BODY=7BIT" in server.commands
    assert talk.log.lines == []


def test_a_keyword_table_that_fails_defers() -> None:
    with ScriptedServer() as server:
        talk = Talk(server, replace(USUAL, discarded_keyword_maps=open_maps("fail:down")))
        assert talk.send(delivery("example.com", ALICE)) is None
    assert talk.greeted is not None
    assert talk.greeted.dsn == "4.3.0"


OWN_NAME = {"own_name": "mx.test.example"}


def test_a_server_with_our_name_is_ourselves() -> None:
    with ScriptedServer() as server:
        talk = Talk(server, replace(USUAL, **OWN_NAME))  # type: ignore[arg-type]
        assert talk.send(delivery("example.com", ALICE), detect_loop=True) is None
        relay = f"mx.test.example[127.0.0.1]:{server.port}"
    assert talk.greeted == Trouble(
        Radius.DESTINATION, "5.4.6", "mail for example.com loops back to myself"
    )
    assert talk.log.lines == [
        f"warning: host {relay} greeted me with my own hostname mx.test.example",
        f"warning: host {relay} replied to HELO/EHLO with my own hostname mx.test.example",
    ]


def test_our_name_on_another_port_is_no_loop() -> None:
    with ScriptedServer() as server:
        talk = Talk(server, replace(USUAL, **OWN_NAME))  # type: ignore[arg-type]
        assert replies(talk.send(delivery("example.com", ALICE))) == [250]


UTF8_ADDRESS = msgspec.structs.replace(delivery("example.com", "ü@example.com"), smtputf8=True)
UTF8_HEADER = msgspec.structs.replace(delivery("example.com", ALICE), smtputf8=True)


@pytest.mark.parametrize(
    ("one", "content"),
    [(UTF8_ADDRESS, CONTENT), (UTF8_HEADER, "Subject: ü\r\n\r\nx\r\n".encode())],
)
def test_utf8_needs_a_server_that_takes_it(one: Delivery, content: bytes) -> None:
    with ScriptedServer(behaviour=Behaviour(("8BITMIME",))) as server:
        found = Talk(server).send(one, HeldContent(content))
    assert found is not None
    assert found.failure is not None
    assert found.failure.elsewhere
    assert (found.failure.dsn, found.failure.reason) == (
        "5.6.7",
        "SMTPUTF8 is required, but was not offered by host mx.test.example[127.0.0.1]",
    )


def test_smtputf8_that_is_not_needed_is_not_missed() -> None:
    with ScriptedServer(behaviour=Behaviour(("8BITMIME",))) as server:
        assert replies(Talk(server).send(UTF8_HEADER)) == [250]


def test_utf8_goes_to_a_server_that_takes_it() -> None:
    with ScriptedServer() as server:
        assert replies(Talk(server).send(UTF8_ADDRESS)) == [250]
    assert server.commands[1].endswith(" SMTPUTF8")
    assert server.messages[0].recipients == ["ü@example.com"]


@pytest.mark.parametrize(
    ("capabilities", "converts", "sent"),
    [((), True, b"=C3=BC"), ((), False, "ü".encode()), (("8BITMIME",), True, "ü".encode())],
)
def test_8bit_content_for_a_7bit_server(
    capabilities: tuple[str, ...], converts: bool, sent: bytes
) -> None:
    content = "Subject: x\r\n\r\nü\r\n".encode()
    one = msgspec.structs.replace(
        delivery("example.com", ALICE, size=len(content)), encoding="8bit"
    )
    with ScriptedServer(behaviour=Behaviour(("SIZE 1000", *capabilities))) as server:
        talk = Talk(server, replace(USUAL, convert_8bit=converts))
        assert replies(talk.send(one, HeldContent(content))) == [250]
    assert server.messages[0].content.endswith(sent + b"\r\n")
    assert ("SIZE=" in server.commands[1]) == (sent != b"=C3=BC")


def test_an_address_with_a_line_end_is_refused_here() -> None:
    with ScriptedServer() as server:
        found = Talk(server).send(delivery("example.com", "a\r\nRSET\r\n@b"))
    assert found is not None
    assert found.failure is not None
    assert found.failure.dsn == "5.1.3"
    assert server.verbs() == ["EHLO", "QUIT"]


@pytest.fixture(scope="module")
def dns() -> Iterator[StubDns]:
    with StubDns() as server:
        yield server


@pytest.mark.parametrize("moment", ["RCPT", "DATA", "."])
def test_a_cancelled_delivery_leaves_nothing_behind(dns: StubDns, moment: str) -> None:
    """A process that is told to end at once must not hand over half a message."""
    with ScriptedServer({moment: SILENT}, Behaviour(())) as server:
        client = Client(dns, settings(server.port))

        async def work(agent: SmtpAgent) -> None:
            one = delivery("[127.0.0.1]", ALICE)
            task = asyncio.create_task(agent.deliver(one, HeldContent(CONTENT)))
            while not server.has_come_to(moment):
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        client.run(work)
    expected = {"RCPT": "RCPT", "DATA": "DATA", ".": "DATA"}[moment]
    assert server.verbs()[-1] == expected
