"""Deliveries over real sockets: what each recipient's outcome says, and what the log says."""

import asyncio
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from spoolmta.agents.smtp.agent import SmtpAgent
from spoolmta.agents.smtp.settings import FINAL, ReuseSettings
from spoolmta.message.outcome import Action, Outcome, Success
from spoolmta.protocols.smtp_client import Phase
from spoolmta.spool.deliveries import Feedback, Report, Verdict
from tests.support.scripted_server import DROP, SILENT, Behaviour, ScriptedServer
from tests.support.smtp_delivery import CONTENT, Client, HeldContent, delivery, keeping, settings
from tests.support.stub_dns import StubDns

ALICE, BOB = "alice@example.com", "bob@example.com"
HERE = "[127.0.0.1]"
QUEUE_ID = "0123456789ABCDE"


@pytest.fixture(scope="module")
def dns() -> Iterator[StubDns]:
    with StubDns() as server:
        yield server


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def results(outcomes: tuple[Outcome, ...]) -> list[tuple[str, str, str]]:
    return [(o.action.value, o.dsn, o.reason) for o in outcomes]


def two_servers(dns: StubDns, domain: str) -> None:
    """Publish mx1 (127.0.0.2) before mx2 (127.0.0.3)."""
    for number in (1, 2):
        dns.mx(domain, number * 10, f"mx{number}.{domain}")
        dns.a(f"mx{number}.{domain}", f"127.0.0.{number + 1}")


def at(address: str, port: int, **more: object) -> Behaviour:
    return Behaviour(address=(address, port), **more)  # type: ignore[arg-type]


def test_a_message_is_taken(dns: StubDns) -> None:
    with ScriptedServer() as server:
        client = Client(dns, settings(server.port))
        (outcome,) = client.deliver(HERE, ALICE)
    assert outcome.action is Action.SENT
    assert (outcome.dsn, outcome.reason) == ("2.0.0", "250 2.0.0 Ok: queued as TEST")
    assert outcome.relay == f"127.0.0.1[127.0.0.1]:{server.port}"
    assert (outcome.remote, outcome.reply) == ("127.0.0.1", "250 2.0.0 Ok: queued as TEST")
    assert outcome.delays[0] == pytest.approx(1)
    assert outcome.delays[1] == pytest.approx(1)
    (message,) = server.messages
    assert message.sender == "sender@example.org"
    assert message.recipients == [ALICE]
    assert message.content == CONTENT
    assert server.verbs() == ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]
    assert client.lines == []


@pytest.mark.parametrize(
    ("capabilities", "tell"), [(("PIPELINING",), Success.RELAYED), (("DSN",), None)]
)
def test_success_is_ours_to_tell_unless_the_server_offers_dsn(
    dns: StubDns, capabilities: tuple[str, ...], tell: Success | None
) -> None:
    with ScriptedServer(behaviour=Behaviour(capabilities)) as server:
        (outcome,) = Client(dns, settings(server.port)).deliver(HERE, ALICE)
    assert outcome.tell_success is tell


@pytest.mark.parametrize("capabilities", [("PIPELINING",), ()])
def test_each_recipient_has_its_own_answer(dns: StubDns, capabilities: tuple[str, ...]) -> None:
    script = {"RCPT TO:<bob": "550-5.1.1 no such\n550 5.1.1 user"}
    with ScriptedServer(script, Behaviour(capabilities)) as server:
        client = Client(dns, settings(server.port))
        alice, bob = client.deliver(HERE, ALICE, BOB)
    assert alice.action is Action.SENT
    assert results((bob,)) == [
        (
            "bounced",
            "5.1.1",
            (
                "host 127.0.0.1[127.0.0.1] said: 550-5.1.1 no such 550 5.1.1 user"
                " (in reply to RCPT TO command)"
            ),
        )
    ]
    assert (bob.remote, bob.reply) == ("127.0.0.1", "550-5.1.1 no such 550 5.1.1 user")


@pytest.mark.parametrize(
    ("script", "action", "dsn", "text"),
    [
        (
            {"MAIL": "451 4.3.0 no"},
            "deferred",
            "4.3.0",
            "said: 451 4.3.0 no (in reply to MAIL FROM command)",
        ),
        (
            {"MAIL": "553 5.1.8 no"},
            "bounced",
            "5.1.8",
            "said: 553 5.1.8 no (in reply to MAIL FROM command)",
        ),
        ({"DATA": "554 no"}, "bounced", "5.0.0", "said: 554 no (in reply to DATA command)"),
        (
            {".": "552 5.3.4 big"},
            "bounced",
            "5.3.4",
            "said: 552 5.3.4 big (in reply to end of DATA command)",
        ),
        (
            {"RCPT": "354 what"},
            "deferred",
            "4.5.0",
            "said: 354 what (in reply to RCPT TO command)",
        ),
    ],
)
def test_a_refusal_is_told_with_the_command_it_answers(
    dns: StubDns, script: dict[str, str], action: str, dsn: str, text: str
) -> None:
    with ScriptedServer(script) as server:
        client = Client(dns, settings(server.port))
        report = client.report(delivery(HERE, ALICE))
    outcome = report.outcomes[0]
    assert (outcome.action, outcome.dsn) == (action, dsn)
    assert outcome.reason.endswith(f"host 127.0.0.1[127.0.0.1] {text}")
    assert report.feedback == Feedback()
    assert not client.lines


@pytest.mark.parametrize(
    ("script", "dsn", "text"),
    [
        (
            {"CONNECT": "421 4.3.2 busy"},
            "4.3.2",
            "host 127.0.0.1[127.0.0.1] refused to talk to me: 421 4.3.2 busy",
        ),
        (
            {"CONNECT": "554 5.7.1 go away"},
            "4.7.1",
            "host 127.0.0.1[127.0.0.1] refused to talk to me: 554 5.7.1 go away",
        ),
        (
            {"EHLO": "421 4.3.2 busy"},
            "4.3.2",
            "host 127.0.0.1[127.0.0.1] refused to talk to me: 421 4.3.2 busy",
        ),
        (
            {"CONNECT": DROP},
            "4.4.2",
            "lost connection with 127.0.0.1[127.0.0.1] while receiving the initial server greeting",
        ),
        (
            {"EHLO": DROP},
            "4.4.2",
            "lost connection with 127.0.0.1[127.0.0.1] while performing the EHLO handshake",
        ),
        (
            {"MAIL": DROP},
            "4.4.2",
            "lost connection with 127.0.0.1[127.0.0.1] while sending MAIL FROM",
        ),
        (
            {".": DROP},
            "4.4.2",
            (
                "lost connection with 127.0.0.1[127.0.0.1] while sending end of data"
                " -- message may be sent more than once"
            ),
        ),
        (
            {"DATA": "hello?"},
            "4.5.0",
            (
                "Protocol error: host 127.0.0.1[127.0.0.1] sent no valid reply"
                " while sending DATA command"
            ),
        ),
    ],
)
def test_a_destination_that_fails_as_a_whole_is_fed_back(
    dns: StubDns, script: dict[str, str], dsn: str, text: str
) -> None:
    with ScriptedServer(script) as server:
        report = Client(dns, settings(server.port)).report(delivery(HERE, ALICE))
    outcome = report.outcomes[0]
    assert (outcome.action, outcome.dsn, outcome.reason) == ("deferred", dsn, text)
    assert outcome.relay == f"127.0.0.1[127.0.0.1]:{server.port}"
    assert report.feedback == Feedback(Verdict.FAILED, dsn, text, "421 " in text)


def test_a_silent_server_is_timed_out(dns: StubDns) -> None:
    with ScriptedServer({"MAIL": SILENT}, Behaviour(())) as server:
        usual = settings(server.port)
        timeouts = {**usual.dialogue.timeouts, Phase.MAIL: 0.1}
        dialogue = replace(usual.dialogue, timeouts=timeouts)
        report = Client(dns, replace(usual, dialogue=dialogue)).report(delivery(HERE, ALICE))
        server.hang_up()
    text = "conversation with 127.0.0.1[127.0.0.1] timed out while sending MAIL FROM"
    assert results(report.outcomes) == [("deferred", "4.4.2", text)]
    assert report.feedback.verdict is Verdict.FAILED


def test_nobody_listens(dns: StubDns, port: int) -> None:
    client = Client(dns, settings(port))
    report = client.report(delivery(HERE, ALICE))
    text = f"connect to 127.0.0.1[127.0.0.1]:{port}: Connection refused"
    assert results(report.outcomes) == [("deferred", "4.4.1", text)]
    assert report.outcomes[0].relay == "none"
    assert report.feedback == Feedback(Verdict.FAILED, "4.4.1", text)
    assert client.lines == [text]


def test_a_recipient_that_was_refused_keeps_its_answer_when_the_connection_is_lost(
    dns: StubDns,
) -> None:
    script = {"RCPT TO:<alice": "550 5.1.1 no", "RCPT TO:<bob": DROP}
    with ScriptedServer(script) as server:
        alice, bob = Client(dns, settings(server.port)).deliver(HERE, ALICE, BOB)
    assert (alice.action, alice.dsn) == ("bounced", "5.1.1")
    assert (bob.action, bob.dsn) == ("deferred", "4.4.2")
    assert bob.reason.endswith("while sending RCPT TO")


def test_ehlo_refused_falls_back_to_helo(dns: StubDns) -> None:
    with ScriptedServer({"EHLO": "502 5.5.2 what"}) as server:
        (outcome,) = Client(dns, settings(server.port)).deliver(HERE, ALICE)
    assert outcome.action is Action.SENT
    assert server.commands[:3] == [
        "EHLO client.example",
        "HELO client.example",
        "MAIL FROM:<sender@example.org>",
    ]


def test_a_message_that_is_too_large_for_the_server_is_not_sent(dns: StubDns) -> None:
    with ScriptedServer(behaviour=Behaviour(("SIZE 10",))) as server:
        report = Client(dns, settings(server.port)).report(delivery(HERE, ALICE))
    text = f"message size {len(CONTENT)} exceeds size limit 10 of server 127.0.0.1[127.0.0.1]"
    assert results(report.outcomes) == [("bounced", "5.3.4", text)]
    assert server.verbs() == ["EHLO", "QUIT"]


# ------------------------------------------------------------------------ from server to server


def test_the_best_exchanger_is_tried_first(dns: StubDns, port: int) -> None:
    two_servers(dns, "first.example")
    with (
        ScriptedServer(behaviour=at("127.0.0.2", port)) as first,
        ScriptedServer(behaviour=at("127.0.0.3", port)) as second,
    ):
        (outcome,) = Client(dns, settings(port)).deliver("first.example", ALICE)
    assert outcome.relay == f"mx1.first.example[127.0.0.2]:{port}"
    assert outcome.remote == "mx1.first.example"
    assert (first.connections, second.connections) == (1, 0)


@pytest.mark.parametrize(
    ("script", "line"),
    [
        (None, "connect to mx1.next.example[127.0.0.2]:{port}: Connection refused"),
        (
            {"CONNECT": "421 4.3.2 busy"},
            f"{QUEUE_ID}: host mx1.next.example[127.0.0.2] refused to talk to me: 421 4.3.2 busy",
        ),
        (
            {"CONNECT": "554 5.3.2 no"},
            f"{QUEUE_ID}: host mx1.next.example[127.0.0.2] refused to talk to me: 554 5.3.2 no",
        ),
        (
            {"MAIL": "451 4.3.0 no"},
            (
                f"{QUEUE_ID}: host mx1.next.example[127.0.0.2] said: 451 4.3.0 no"
                " (in reply to MAIL FROM command)"
            ),
        ),
        (
            {"RCPT": "450 4.2.0 no"},
            (
                f"{QUEUE_ID}: host mx1.next.example[127.0.0.2] said: 450 4.2.0 no"
                " (in reply to RCPT TO command)"
            ),
        ),
        (
            {".": DROP},
            (
                f"{QUEUE_ID}: lost connection with mx1.next.example[127.0.0.2] while sending"
                " end of data -- message may be sent more than once"
            ),
        ),
    ],
)
def test_a_soft_failure_goes_to_the_next_server_and_is_logged(
    dns: StubDns, port: int, script: dict[str, str] | None, line: str
) -> None:
    dns.forget("next.example")
    two_servers(dns, "next.example")
    client = Client(dns, settings(port))
    with ScriptedServer(behaviour=at("127.0.0.3", port)) as second:
        if script is None:
            (outcome,) = client.deliver("next.example", ALICE)
        else:
            with ScriptedServer(script, at("127.0.0.2", port)):
                (outcome,) = client.deliver("next.example", ALICE)
    assert outcome.action is Action.SENT
    assert outcome.relay == f"mx2.next.example[127.0.0.3]:{port}"
    assert len(second.messages) == 1
    assert client.lines == [line.format(port=port)]


def test_a_hard_refusal_goes_to_no_other_server(dns: StubDns, port: int) -> None:
    two_servers(dns, "hard.example")
    script = {"RCPT TO:<bob": "550 5.1.1 no", "RCPT TO:<alice": "450 4.2.0 later"}
    with (
        ScriptedServer(script, at("127.0.0.2", port)),
        ScriptedServer(behaviour=at("127.0.0.3", port)) as second,
    ):
        alice, bob = Client(dns, settings(port)).deliver("hard.example", ALICE, BOB)
    assert (alice.action, bob.action) == ("sent", "bounced")
    assert second.messages[0].recipients == [ALICE]


def test_what_the_last_server_says_counts(dns: StubDns, port: int) -> None:
    two_servers(dns, "last.example")
    with (
        ScriptedServer({"RCPT": "450 4.2.0 first"}, at("127.0.0.2", port)),
        ScriptedServer({"RCPT": "450 4.2.1 second"}, at("127.0.0.3", port)),
    ):
        client = Client(dns, settings(port))
        report = client.report(delivery("last.example", ALICE))
    (outcome,) = report.outcomes
    assert (outcome.dsn, outcome.remote) == ("4.2.1", "mx2.last.example")
    assert report.feedback == Feedback()
    assert len(client.lines) == 1


def test_a_server_that_worked_keeps_the_destination_alive(dns: StubDns, port: int) -> None:
    two_servers(dns, "alive.example")
    with ScriptedServer({"RCPT": "450 4.2.0 first"}, at("127.0.0.2", port)):
        report = Client(dns, settings(port)).report(delivery("alive.example", ALICE))
    assert report.outcomes[0].reason == (
        f"connect to mx2.alive.example[127.0.0.3]:{port}: Connection refused"
    )
    assert report.feedback == Feedback()


def many_servers(dns: StubDns, domain: str) -> None:
    for number in range(1, 6):
        dns.mx(domain, number, f"mx{number}.{domain}")
        dns.a(f"mx{number}.{domain}", f"127.0.0.{number + 1}")


def test_no_more_than_the_session_limit_of_servers_is_bothered(dns: StubDns, port: int) -> None:
    many_servers(dns, "sessions.example")
    refusing = {"RCPT": "450 4.2.0 no"}
    with (
        ScriptedServer(refusing, at("127.0.0.2", port)) as first,
        ScriptedServer(refusing, at("127.0.0.3", port)) as second,
        ScriptedServer(behaviour=at("127.0.0.4", port)) as third,
    ):
        (outcome,) = Client(dns, settings(port)).deliver("sessions.example", ALICE)
    assert outcome.action is Action.DEFERRED
    assert [s.connections for s in (first, second, third)] == [1, 1, 0]


def test_no_more_than_the_address_limit_of_addresses_is_tried(dns: StubDns, port: int) -> None:
    many_servers(dns, "addresses.example")
    usual = settings(port)
    limited = replace(usual, lookup=replace(usual.lookup, address_limit=3))
    client = Client(dns, limited)
    with ScriptedServer(behaviour=at("127.0.0.5", port)) as fourth:
        (outcome,) = client.deliver("addresses.example", ALICE)
    assert outcome.reason.startswith("connect to mx3.addresses.example[127.0.0.4]")
    assert fourth.connections == 0
    assert len(client.lines) == 3


def test_a_list_of_next_hops_is_gone_through(dns: StubDns, port: int) -> None:
    with ScriptedServer() as server:
        client = Client(dns, settings(server.port))
        (outcome,) = client.deliver(f"[127.0.0.1]:{port}, nosuch.example [127.0.0.1]", ALICE)
    assert outcome.action is Action.SENT


def test_the_fallback_relay_comes_last(dns: StubDns, port: int) -> None:
    with ScriptedServer() as server:
        usual = settings(port)
        client = Client(dns, replace(usual, fallback_relays=(f"[127.0.0.1]:{server.port}",)))
        (outcome,) = client.deliver("nosuch.example", ALICE)
    assert outcome.action is Action.SENT


@pytest.mark.parametrize("where", ["relayhost", "smtp_fallback_relay"])
def test_a_relay_of_ours_that_does_not_exist_bounces_nothing(
    dns: StubDns, port: int, where: str
) -> None:
    usual = settings(port)
    if where == "relayhost":
        client = Client(dns, replace(usual, relayhost="nosuch.example"))
    else:
        client = Client(dns, replace(usual, fallback_relays=("nosuch.example",)))
    (outcome,) = client.deliver("nosuch.example", ALICE)
    assert (outcome.action, outcome.dsn) == ("deferred", "4.3.5")
    assert outcome.reason.endswith("Host not found")
    assert client.lines == [f"warning: {where} configuration problem"]


def test_a_domain_that_does_not_exist_bounces(dns: StubDns, port: int) -> None:
    report = Client(dns, settings(port)).report(delivery("nosuch.example", ALICE))
    assert results(report.outcomes) == [
        (
            "bounced",
            "5.4.4",
            (
                "Host or domain name not found. Name service error for name=nosuch.example"
                " type=AAAA: Host not found"
            ),
        )
    ]
    assert report.outcomes[0].relay == "none"
    assert report.feedback == Feedback()


def test_a_name_service_that_fails_defers_the_destination(dns: StubDns, port: int) -> None:
    dns.fails("broken.example")
    report = Client(dns, settings(port)).report(delivery("broken.example", ALICE))
    text = (
        "Host or domain name not found. Name service error for name=broken.example"
        " type=MX: Host not found, try again"
    )
    assert results(report.outcomes) == [("deferred", "4.4.3", text)]
    assert report.feedback == Feedback(Verdict.FAILED, "4.4.3", text)


@pytest.mark.parametrize("nexthop", ["[127.0.0.1", "host:nosuchport", "[127.0.0.1]:99999"])
def test_a_next_hop_that_cannot_be_read_waits_for_the_operator(
    dns: StubDns, port: int, nexthop: str
) -> None:
    client = Client(dns, settings(port))
    (outcome,) = client.deliver(nexthop, ALICE)
    assert (outcome.action, outcome.dsn) == ("deferred", "4.3.5")
    assert client.lines[0].startswith("warning: ")


def test_an_own_address_that_cannot_be_used_is_warned_of(dns: StubDns) -> None:
    with ScriptedServer() as server:
        usual = replace(settings(server.port), sources={socket.AF_INET: "192.0.2.9"})
        client = Client(dns, usual)
        (outcome,) = client.deliver(HERE, ALICE)
        strict = Client(dns, replace(usual, sources_required=True))
        (deferred,) = strict.deliver(HERE, ALICE)
    assert outcome.action is Action.SENT
    assert client.lines == [
        "warning: smtp_connect_addr: bind 192.0.2.9: Cannot assign requested address"
    ]
    assert results((deferred,)) == [("deferred", "4.4.0", "server configuration error")]


# --------------------------------------------------------------------------------------- LMTP


def lmtp_client(dns: StubDns, port: int = 24) -> Client:
    return Client(dns, settings(port, lmtp=True))


def test_lmtp_over_a_unix_domain_socket(dns: StubDns, tmp_path: Path) -> None:
    path = tmp_path / "lmtp"
    script = {".": ["250 2.0.0 alice has it", "452 4.2.2 bob is full"]}
    with ScriptedServer(script, Behaviour(lmtp=True, path=path)) as server:
        client = lmtp_client(dns)
        alice, bob = client.deliver(f"unix:{path}", ALICE, BOB)
    assert server.commands[0] == "LHLO client.example"
    assert alice.relay == f"client.example[{path}]"
    assert results((alice, bob)) == [
        ("sent", "2.0.0", "250 2.0.0 alice has it"),
        (
            "deferred",
            "4.2.2",
            (
                f"host client.example[{path}] said: 452 4.2.2 bob is full"
                " (in reply to end of DATA command)"
            ),
        ),
    ]


def test_a_relative_path_is_below_the_queue_directory(dns: StubDns, tmp_path: Path) -> None:
    with ScriptedServer(behaviour=Behaviour(lmtp=True, path=tmp_path / "lmtp")):
        client = Client(dns, replace(settings(24, lmtp=True), queue_directory=tmp_path))
        (outcome,) = client.deliver("unix:lmtp", ALICE)
    assert (outcome.action, outcome.relay) == ("sent", "client.example[lmtp]")


def test_no_lmtp_server_behind_the_path(dns: StubDns, tmp_path: Path) -> None:
    report = lmtp_client(dns).report(delivery(f"unix:{tmp_path}/lmtp", ALICE))
    text = f"connect to client.example[{tmp_path}/lmtp]: No such file or directory"
    assert results(report.outcomes) == [("deferred", "4.4.1", text)]
    assert report.feedback == Feedback(Verdict.FAILED, "4.4.1", text)


@pytest.mark.parametrize("form", ["inet:127.0.0.1:{port}", "inet:[127.0.0.1]:{port}", "127.0.0.1"])
def test_lmtp_over_tcp(dns: StubDns, form: str) -> None:
    with ScriptedServer(behaviour=Behaviour(lmtp=True)) as server:
        client = lmtp_client(dns, server.port)
        (outcome,) = client.deliver(form.format(port=server.port), ALICE)
    assert outcome.action is Action.SENT
    assert outcome.relay == f"127.0.0.1[127.0.0.1]:{server.port}"


def test_lmtp_looks_for_no_exchanger(dns: StubDns) -> None:
    dns.mx("lmtp.example", 10, "elsewhere.example")
    dns.a("lmtp.example", "127.0.0.1")
    with ScriptedServer(behaviour=Behaviour(lmtp=True)) as server:
        (outcome,) = lmtp_client(dns, server.port).deliver("inet:lmtp.example", ALICE)
    assert outcome.relay == f"lmtp.example[127.0.0.1]:{server.port}"


@pytest.mark.parametrize("final", [True, False])
def test_the_last_hop_says_delivered(dns: StubDns, tmp_path: Path, final: bool) -> None:
    path = tmp_path / "lmtp"
    with ScriptedServer(behaviour=Behaviour((), lmtp=True, path=path)):
        client = Client(
            dns, replace(settings(24, lmtp=True), flags=frozenset({FINAL} if final else ()))
        )
        (outcome,) = client.deliver(f"unix:{path}", ALICE)
    assert outcome.tell_success is (Success.DELIVERED if final else Success.RELAYED)


@pytest.mark.parametrize("size", [100, 1_000_000])
def test_headers_are_prepended_as_the_flags_say(dns: StubDns, size: int) -> None:
    one = delivery(HERE, ALICE, size=size)
    recipient = msgspec.structs.replace(one.recipients[0], original="list@example.com")
    one = msgspec.structs.replace(one, recipients=(recipient,))
    with ScriptedServer() as server:
        client = Client(dns, replace(settings(server.port), flags=frozenset("DOR")))
        client.report(one)
    assert server.messages[0].content == (
        b"Return-Path: <sender@example.org>\r\nX-Original-To: list@example.com\r\n"
        b"Delivered-To: alice@example.com\r\n" + CONTENT
    )


def test_mail_that_comes_by_again_is_returned(dns: StubDns, port: int) -> None:
    client = Client(dns, replace(settings(port), flags=frozenset("D")))
    report = client.report(delivery(HERE, ALICE), b"Delivered-To: Alice@Example.com\r\n" + CONTENT)
    assert results(report.outcomes) == [
        ("bounced", "5.4.6", "mail forwarding loop for alice@example.com")
    ]


# ------------------------------------------------------------------------------ kept sessions


def test_the_next_message_goes_over_the_same_connection(dns: StubDns) -> None:
    with ScriptedServer() as server:
        client = Client(dns, keeping(settings(server.port)))
        reports = client.deliver_in_turn([delivery(HERE, ALICE) for _ in range(3)])
    assert [report.outcomes[0].connection_use for report in reports] == [1, 2, 3]
    assert server.connections == 1
    assert server.verbs() == ["EHLO", *["MAIL", "RCPT", "DATA"] * 3, "QUIT"]


def test_on_demand_a_connection_is_kept_if_the_delivery_before_ended_a_moment_ago(
    dns: StubDns,
) -> None:
    with ScriptedServer() as server:
        client = Client(dns, replace(settings(server.port), reuse=ReuseSettings()))
        reports = client.deliver_in_turn([delivery(HERE, ALICE) for _ in range(4)])
    assert [report.outcomes[0].connection_use for report in reports] == [1, 1, 2, 3]
    message = ["MAIL", "RCPT", "DATA"]
    # The server may read the end of the first connection after the begin of the second.
    assert sorted(server.verbs()) == sorted(["EHLO", "QUIT"] * 2 + message * 4)


def test_reset_is_sent_only_where_a_transaction_was_left_open(dns: StubDns) -> None:
    script = {"RCPT TO:<bob": "450 4.2.0 later"}
    with ScriptedServer(script) as server:
        client = Client(dns, keeping(settings(server.port)))
        client.deliver_in_turn([delivery(HERE, who) for who in (ALICE, BOB, ALICE)])
    assert server.verbs() == [
        *("EHLO", "MAIL", "RCPT", "DATA", "MAIL", "RCPT", "DATA"),
        *("RSET", "MAIL", "RCPT", "DATA", "QUIT"),
    ]
    assert len(server.messages) == 2


@pytest.mark.parametrize(
    "second_mail", [DROP, "421 4.4.2 timeout", "421 4.7.0 too many messages on this connection"]
)
def test_a_kept_connection_that_is_dead_is_replaced_unnoticed(
    dns: StubDns, second_mail: str
) -> None:
    with ScriptedServer({"MAIL": ["250 ok", second_mail, "250 ok"]}) as server:
        client = Client(dns, keeping(settings(server.port)))
        reports = client.deliver_in_turn([delivery(HERE, ALICE) for _ in range(2)])
    assert [report.outcomes[0].action for report in reports] == ["sent", "sent"]
    assert reports[1].outcomes[0].connection_use == 1
    assert reports[1].feedback == Feedback()
    assert (server.connections, client.lines) == (2, [])


def test_a_connection_that_was_closed_while_idle_is_not_used(dns: StubDns) -> None:
    with ScriptedServer() as server:
        client = Client(dns, keeping(settings(server.port)))

        async def work(agent: SmtpAgent) -> Report:
            await agent.deliver(delivery(HERE, ALICE), HeldContent(CONTENT))
            server.hang_up()
            await asyncio.sleep(0.05)
            return await agent.deliver(delivery(HERE, ALICE), HeldContent(CONTENT))

        report = client.run(work)
    assert report.outcomes[0].action is Action.SENT
    assert server.connections == 2


def test_an_idle_connection_is_closed_after_a_while(dns: StubDns) -> None:
    with ScriptedServer() as server:
        client = Client(dns, keeping(settings(server.port), idle_limit=0.05))
        client.deliver_in_turn([delivery(HERE, ALICE) for _ in range(2)], pause=0.2)
    assert server.connections == 2
    assert server.verbs().count("QUIT") == 2


def test_a_connection_serves_a_limited_number_of_messages(dns: StubDns) -> None:
    with ScriptedServer() as server:
        client = Client(dns, keeping(settings(server.port), count_limit=1))
        reports = client.deliver_in_turn([delivery(HERE, ALICE) for _ in range(4)])
    assert [r.outcomes[0].connection_use for r in reports] == [1, 2, 1, 2]
    assert server.connections == 2


def test_a_connection_is_not_used_beyond_its_age(dns: StubDns) -> None:
    with ScriptedServer() as server:
        client = Client(dns, keeping(settings(server.port), age_limit=0.05))
        client.deliver_in_turn([delivery(HERE, ALICE) for _ in range(2)], pause=0.1)
    assert server.connections == 2


def test_another_domain_on_the_same_server_shares_its_connections(dns: StubDns, port: int) -> None:
    for domain in ("one.example", "two.example"):
        dns.mx(domain, 10, "shared.example")
    dns.a("shared.example", "127.0.0.1")
    with ScriptedServer() as server:
        client = Client(dns, keeping(settings(server.port)))
        reports = client.deliver_in_turn(
            [delivery(domain, ALICE) for domain in ("one.example", "two.example")]
        )
    assert [r.outcomes[0].connection_use for r in reports] == [1, 2]
    assert server.connections == 1


def test_a_failure_on_a_kept_connection_goes_to_the_other_server(dns: StubDns, port: int) -> None:
    two_servers(dns, "kept.example")
    script = {".": ["250 2.0.0 ok", "451 4.3.0 full"]}
    with (
        ScriptedServer(script, at("127.0.0.2", port)) as first,
        ScriptedServer(behaviour=at("127.0.0.3", port)) as second,
    ):
        client = Client(dns, keeping(settings(port)))
        reports = client.deliver_in_turn([delivery("kept.example", ALICE) for _ in range(2)])
    assert [r.outcomes[0].action for r in reports] == ["sent", "sent"]
    assert (first.connections, second.connections) == (1, 1)
