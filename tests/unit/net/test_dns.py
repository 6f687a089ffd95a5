"""The resolver against a real name server on 127.0.0.1."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import dns.rcode
import pytest
import uvloop

from spoolmta.errors import ConfigError, DnsTryAgain
from spoolmta.net import dns as name_service
from spoolmta.net.dns import Answer, MailExchanger, Resolver, parse_nameservers
from spoolmta.net.network import parse_address
from tests.support.stub_dns import StubDns

T = TypeVar("T")


@pytest.fixture
def server() -> Iterator[StubDns]:
    with StubDns() as server:
        yield server


def ask(server: StubDns, question: Callable[[Resolver], Awaitable[T]], timeout_s: float = 5.0) -> T:
    async def run() -> T:
        return await question(Resolver([server.address], timeout_s=timeout_s))

    return uvloop.run(run())


def test_mail_exchangers_come_with_their_preference(server: StubDns) -> None:
    server.mx("example.com", 20, "backup.example.com")
    server.mx("example.com", 10, "mx.example.com")
    answer = ask(server, lambda resolver: resolver.mx("Example.COM"))
    assert set(answer.records) == {
        MailExchanger(10, "mx.example.com"),
        MailExchanger(20, "backup.example.com"),
    }


def test_null_mx_has_an_empty_host(server: StubDns) -> None:
    server.null_mx("example.com")
    answer = ask(server, lambda resolver: resolver.mx("example.com"))
    assert answer.records == (MailExchanger(0, ""),)


def test_a_name_that_does_not_exist_is_told_from_one_without_the_record(server: StubDns) -> None:
    server.a("example.com", "192.0.2.1")
    no_data = ask(server, lambda resolver: resolver.mx("example.com"))
    no_name = ask(server, lambda resolver: resolver.mx("nosuch.example"))
    assert (no_data.records, no_data.exists) == ((), True)
    assert (no_name.records, no_name.exists) == ((), False)
    assert (no_data.reason, no_name.reason) == (
        "Host found but no data record of requested type",
        "Host not found",
    )


def test_addresses_of_both_families_ipv4_first(server: StubDns) -> None:
    server.a("mx.example.com", "2001:db8::1", "192.0.2.1")
    answer = ask(server, lambda resolver: resolver.addresses("mx.example.com"))
    assert [str(address) for address in answer.records] == ["192.0.2.1", "2001:db8::1"]


def test_only_the_wanted_family_is_asked_for(server: StubDns) -> None:
    server.a("mx.example.com", "2001:db8::1", "192.0.2.1")
    answer = ask(server, lambda resolver: resolver.addresses("mx.example.com", [socket.AF_INET]))
    assert answer.records == (parse_address("192.0.2.1"),)
    assert server.queries == [("udp", "mx.example.com", "A")]


def test_a_cname_is_followed(server: StubDns) -> None:
    server.cname("mail.example.com", "mx.example.com")
    server.a("mx.example.com", "192.0.2.1")
    answer = ask(server, lambda resolver: resolver.addresses("mail.example.com"))
    assert answer.records == (parse_address("192.0.2.1"),)


def test_the_name_of_an_address(server: StubDns) -> None:
    server.ptr("192.0.2.1", "client.example.com")
    answer = ask(server, lambda resolver: resolver.ptr("192.0.2.1"))
    assert answer.records == ("client.example.com",)


def test_the_strings_of_a_text_record_are_joined(server: StubDns) -> None:
    server.add("example.com", "TXT", '"v=spf1 " "-all"')
    answer = ask(server, lambda resolver: resolver.txt("example.com"))
    assert answer.records == ("v=spf1 -all",)


@pytest.mark.parametrize("rcode", [dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.NOTIMP])
def test_an_error_of_the_server_is_temporary(server: StubDns, rcode: dns.rcode.Rcode) -> None:
    server.fails("example.com", rcode)
    with pytest.raises(DnsTryAgain) as failure:
        ask(server, lambda resolver: resolver.mx("example.com"))
    assert str(failure.value) == (
        "Host or domain name not found. Name service error for name=example.com type=MX: "
        "Host not found, try again"
    )


def test_silence_is_temporary(server: StubDns) -> None:
    server.is_silent("example.com")
    with pytest.raises(DnsTryAgain):
        ask(server, lambda resolver: resolver.mx("example.com"), timeout_s=0.2)


def test_no_server_at_all_is_temporary() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    async def run() -> Answer[MailExchanger]:
        return await Resolver([("127.0.0.1", port)], timeout_s=0.2).mx("example.com")

    with pytest.raises(DnsTryAgain):
        uvloop.run(run())


def test_one_family_without_an_answer_does_not_hide_the_other(server: StubDns) -> None:
    server.a("mx.example.com", "192.0.2.1")
    server.is_silent("v6.example.com")

    async def question(resolver: Resolver) -> object:
        return name_service._joined(
            await asyncio.gather(
                resolver.lookup("mx.example.com", "A"),
                resolver.lookup("v6.example.com", "AAAA"),
                return_exceptions=True,
            )
        ).records

    assert ask(server, question) == (parse_address("192.0.2.1"),)


def test_a_truncated_answer_is_fetched_over_tcp(server: StubDns) -> None:
    server.is_truncated("example.com")
    server.mx("example.com", 10, "mx.example.com")
    answer = ask(server, lambda resolver: resolver.mx("example.com"))
    assert answer.records == (MailExchanger(10, "mx.example.com"),)
    assert [transport for transport, _, _ in server.queries] == ["udp", "tcp"]


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64 + ".example", ("x" * 60 + ".") * 5])
def test_a_name_that_cannot_be_asked_for_does_not_exist(server: StubDns, name: str) -> None:
    answer = ask(server, lambda resolver: resolver.addresses(name))
    assert (answer.records, answer.exists) == ((), False)
    assert not server.queries


def test_answers_are_kept_as_long_as_their_ttl(server: StubDns) -> None:
    server.add("kept.example", "A", "192.0.2.1", ttl=60)
    server.add("fresh.example", "A", "192.0.2.2", ttl=0)

    async def question(resolver: Resolver) -> None:
        for _ in range(3):
            await resolver.lookup("kept.example", "A")
            await resolver.lookup("fresh.example", "A")
            await resolver.lookup("nosuch.example", "A")

    ask(server, question)
    asked = [name for _, name, _ in server.queries]
    assert [asked.count(n) for n in ("kept.example", "fresh.example", "nosuch.example")] == [
        *(1, 3, 1)
    ]


def test_a_failure_is_not_kept(server: StubDns) -> None:
    server.fails("example.com")

    async def question(resolver: Resolver) -> Answer[MailExchanger]:
        with pytest.raises(DnsTryAgain):
            await resolver.mx("example.com")
        server.forget("example.com")
        server.mx("example.com", 10, "mx.example.com")
        return await resolver.mx("example.com")

    assert ask(server, question)


def test_name_servers_are_read_with_and_without_port() -> None:
    assert parse_nameservers("192.0.2.1, 127.0.0.1:5353 [::1]:54 ::1") == [
        ("192.0.2.1", 53),
        ("127.0.0.1", 5353),
        ("::1", 54),
        ("::1", 53),
    ]


@pytest.mark.parametrize("text", ["ns.example", "192.0.2.1:0", "192.0.2.1:x", "[::1"])
def test_a_bad_name_server_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_nameservers(text)
