"""What servers see of a message whose addresses are generic ones."""

import asyncio

import pytest

from spoolmta.address.generic import Generic
from spoolmta.address.routing import Routing
from spoolmta.agents.smtp.agent import SmtpAgent
from spoolmta.agents.smtp.departure import Departures
from spoolmta.clock import SystemClock
from spoolmta.config.loader import from_text
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.maillog import MailLog
from spoolmta.maps import open_maps
from spoolmta.message.outcome import Action, Outcome
from spoolmta.net.dns import Resolver
from tests.support.scripted_server import ScriptedServer
from tests.support.smtp_delivery import HeldContent, KeptLines, delivery, settings

MAIN = """
compatibility_level = 3.6
myhostname = mx.in.example
myorigin = in.example
mydestination = in.example
inet_interfaces = 127.0.0.1
recipient_delimiter = +
"""
TABLE = (
    "inline:{ {a@in.example = A@out.example} {b@in.example = one@out.example, two@out.example}"
    " {c@in.example = d@in.example} {d@in.example = no@out.example} {user = User@out.example}"
    " {@dom.example = @out.example} {nobody@in.example = <>} }"
)


def generic(warnings: list[str], table: str = TABLE, **more: str) -> Generic:
    lines = "".join(f"{name} = {value}\n" for name, value in more.items())
    routing = Routing.open(from_text(MAIN + lines).section(RoutingParameters))
    return Generic(open_maps(table), "smtp_generic_maps", routing, warnings.append)


# As Postfix 3.7's smtp has it.
@pytest.mark.parametrize(
    ("address", "outside"),
    [
        ("a@in.example", "A@out.example"),
        ("A@IN.example", "A@out.example"),
        ("c@in.example", "d@in.example"),
        ("user@in.example", "User@out.example"),
        ("user@[127.0.0.1]", "User@out.example"),
        ("user@other.example", "user@other.example"),
        ("x+y@dom.example", "x+y@out.example"),
        ("a+x@in.example", "A@out.example"),
        ("b@in.example", "one@out.example"),
        ("nobody@in.example", ""),
        ("", ""),
    ],
)
def test_an_address_is_looked_up_once(address: str, outside: str) -> None:
    assert asyncio.run(generic([]).replaced(address)) == outside


def test_extensions_go_on_where_generic_is_named() -> None:
    keeping = generic([], propagate_unmatched_extensions="canonical, generic")
    assert asyncio.run(keeping.replaced("a+x@in.example")) == "A+x@out.example"


def test_of_several_addresses_the_first_counts() -> None:
    warnings: list[str] = []
    asyncio.run(generic(warnings).replaced("b@in.example"))
    assert warnings == ["multi-valued smtp_generic_maps result for b@in.example"]


HEADER = (
    b"Received: from x by a@in.example\r\nFrom: a@in.example\r\nTo: U <c@in.example>,\r\n x@y\r\n"
    b"Delivered-To: a@in.example\r\nReply-To : user@in.example\r\nCc: x@y ,z@y\r\n"
)
OUTSIDE = (
    b"Received: from x by a@in.example\r\nFrom: A@out.example\r\nTo: U <d@in.example>, x@y\r\n"
    b"Delivered-To: a@in.example\r\nReply-To: User@out.example\r\nCc: x@y ,z@y\r\n"
)
BODY = b"\r\nFrom: a@in.example\r\n"


@pytest.mark.parametrize("cut", [1, 7, len(HEADER), len(HEADER) + 1, len(HEADER) + 3, 1000])
def test_headers_change_and_the_body_stays_however_it_is_cut(cut: int) -> None:
    content = HEADER + BODY
    pieces = [content[at : at + cut] for at in range(0, len(content), cut)]

    async def leave() -> tuple[bytes, bytes]:
        departures = Departures(generic([]), 10240)
        departing = await departures.rewrite(delivery("[x]", "a@in.example"), HeldContent(*pieces))
        read = b"".join([piece async for piece in departing.content.read()])
        return await departing.content.whole(), read

    assert asyncio.run(leave()) == (OUTSIDE + BODY, OUTSIDE + BODY)


def deliver(port: int, table: str, lines: KeptLines) -> tuple[Outcome, ...]:
    async def whole() -> tuple[Outcome, ...]:
        log = MailLog(lines, "postfix/smtp", "client")
        departures = Departures(generic([], table), 10240)
        agent = SmtpAgent(settings(port), Resolver([]), log, SystemClock(), departures)
        try:
            report = await agent.deliver(
                delivery("[127.0.0.1]", "a@in.example", "x@y.example"), HeldContent(HEADER + BODY)
            )
        finally:
            await agent.close()
            log.flush()
        return report.outcomes

    return asyncio.run(whole())


def test_the_server_sees_generic_addresses_and_the_log_those_of_the_queue() -> None:
    lines = KeptLines()
    with ScriptedServer() as server:
        outcomes = deliver(server.port, TABLE, lines)
    assert [outcome.action for outcome in outcomes] == [Action.SENT] * 2
    (message,) = server.messages
    assert message.recipients == ["A@out.example", "x@y.example"]
    assert message.content == OUTSIDE + BODY


def test_without_an_answer_from_the_table_nothing_leaves() -> None:
    lines = KeptLines()
    with ScriptedServer() as server:
        outcomes = deliver(server.port, "fail:x", lines)
    assert {(outcome.action, outcome.dsn) for outcome in outcomes} == {(Action.DEFERRED, "4.3.0")}
    assert not server.messages
    assert any("fail:x" in line for line in lines.lines)
