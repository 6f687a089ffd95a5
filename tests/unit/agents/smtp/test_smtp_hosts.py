"""Which servers a next hop means; the name service is a real one on 127.0.0.1."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.agents.smtp.hosts import Found, HostFinder, balanced
from spoolmta.agents.smtp.server import Server
from spoolmta.agents.smtp.settings import LookupSettings
from spoolmta.maillog import MailLog
from spoolmta.net.dns import Resolver
from spoolmta.net.network import parse_address
from tests.support.smtp_delivery import KeptLines
from tests.support.stub_dns import StubDns

BASIC = LookupSettings(default_service="25", randomize=False)
OWN = parse_address("192.0.2.99")
WITH_OWN = replace(BASIC, own=frozenset([OWN] if OWN else []))
NO_SUCH_HOST = "Host or domain name not found. Name service error for name={} type={}: {}"


@pytest.fixture
def dns() -> Iterator[StubDns]:
    with StubDns() as server:
        yield server


def find(
    dns: StubDns, nexthop: str, settings: LookupSettings = BASIC, log: KeptLines | None = None
) -> Found:
    mail_log = MailLog(log or KeptLines(), "postfix/smtp", "client")

    async def run() -> Found:
        resolver = Resolver([dns.address], timeout_s=5)
        return await HostFinder(settings, resolver, mail_log).find(nexthop)

    found = uvloop.run(run())
    mail_log.flush()
    return found


def places(found: Found) -> list[str]:
    return [server.relay for server in found.servers]


def trouble(found: Found) -> tuple[str, str]:
    assert found.trouble is not None
    assert not found.servers
    return found.trouble.dsn, found.trouble.reason


def test_exchangers_in_the_order_of_their_preference(dns: StubDns) -> None:
    for preference, name in ((20, "b"), (10, "a"), (30, "c")):
        dns.mx("example.com", preference, f"{name}.example.com")
        dns.a(f"{name}.example.com", f"192.0.2.{preference}")
    found = find(dns, "example.com")
    assert places(found) == [
        "a.example.com[192.0.2.10]:25",
        "b.example.com[192.0.2.20]:25",
        "c.example.com[192.0.2.30]:25",
    ]
    assert [server.best for server in found.servers] == [True, False, False]


def test_equal_exchangers_are_shuffled(dns: StubDns) -> None:
    for number in range(8):
        dns.mx("example.com", 10, f"mx{number}.example.com")
        dns.a(f"mx{number}.example.com", f"192.0.2.{number}")
    shuffling = replace(BASIC, randomize=True)
    orders = {tuple(places(find(dns, "example.com", shuffling))) for _ in range(5)}
    assert len(orders) > 1


def test_without_exchanger_the_address_of_the_domain_counts(dns: StubDns) -> None:
    dns.a("example.com", "192.0.2.1")
    assert places(find(dns, "example.com:587")) == ["example.com[192.0.2.1]:587"]


@pytest.mark.parametrize("nexthop", ["[host.example]", "[host.example]:25"])
def test_brackets_mean_the_host_itself(dns: StubDns, nexthop: str) -> None:
    dns.mx("host.example", 10, "elsewhere.example")
    dns.a("host.example", "192.0.2.1")
    assert places(find(dns, nexthop)) == ["host.example[192.0.2.1]:25"]
    assert ("udp", "host.example", "MX") not in dns.queries


@pytest.mark.parametrize(
    ("nexthop", "address"),
    [("[192.0.2.7]", "192.0.2.7"), ("[ipv6:2001:db8::7]", "2001:db8::7"), ("[::1]", "::1")],
)
def test_an_address_is_not_looked_up(dns: StubDns, nexthop: str, address: str) -> None:
    found = find(dns, nexthop)
    assert [(s.address, s.port) for s in found.servers] == [(address, 25)]
    assert not dns.queries


def test_null_mx(dns: StubDns) -> None:
    dns.null_mx("example.com")
    assert trouble(find(dns, "example.com")) == (
        "5.1.0",
        "Domain example.com does not accept mail (nullMX)",
    )


@pytest.mark.parametrize(("families", "kind"), [(BASIC.families, "AAAA"), ((socket.AF_INET,), "A")])
def test_no_such_domain(dns: StubDns, families: tuple[int, ...], kind: str) -> None:
    found = find(dns, "nosuch.example", replace(BASIC, families=families))
    text = NO_SUCH_HOST.format("nosuch.example", kind, "Host not found")
    assert trouble(found) == ("5.4.4", text)


def test_a_domain_without_exchanger_and_address(dns: StubDns) -> None:
    dns.add("example.com", "TXT", '"nothing else"')
    text = NO_SUCH_HOST.format(
        "example.com", "AAAA", "Host found but no data record of requested type"
    )
    assert trouble(find(dns, "example.com")) == ("5.4.4", text)


def test_an_exchanger_lookup_that_fails(dns: StubDns) -> None:
    dns.fails("example.com")
    text = NO_SUCH_HOST.format("example.com", "MX", "Host not found, try again")
    assert trouble(find(dns, "example.com")) == ("4.4.3", text)


def test_an_exchanger_lookup_that_fails_may_be_ignored(dns: StubDns) -> None:
    dns.fails("example.com")
    ignoring = replace(BASIC, ignore_mx_error=True)
    text = NO_SUCH_HOST.format("example.com", "A", "Host not found, try again")
    assert trouble(find(dns, "example.com", ignoring)) == ("4.4.3", text)


def test_exchangers_without_address_are_passed_over(dns: StubDns) -> None:
    dns.mx("example.com", 10, "gone.example.com")
    dns.mx("example.com", 20, "broken.example.com")
    dns.mx("example.com", 30, "mx.example.com")
    dns.fails("broken.example.com")
    dns.a("mx.example.com", "192.0.2.1")
    assert places(find(dns, "example.com")) == ["mx.example.com[192.0.2.1]:25"]


def test_no_exchanger_has_an_address(dns: StubDns) -> None:
    dns.mx("example.com", 10, "gone.example.com")
    log = KeptLines()
    status, _ = trouble(find(dns, "example.com", log=log))
    assert status == "5.4.4"
    assert log.lines == ["warning: no MX host for example.com has a valid address record"]
    deferring = replace(BASIC, defer_without_address=True)
    assert trouble(find(dns, "example.com", deferring))[0] == "4.4.4"


def test_an_exchanger_that_may_be_found_later_defers(dns: StubDns) -> None:
    dns.mx("example.com", 10, "gone.example.com")
    dns.mx("example.com", 20, "broken.example.com")
    dns.fails("broken.example.com")
    assert trouble(find(dns, "example.com"))[0] == "4.4.3"


def publish_with_self(dns: StubDns, own_preference: int) -> None:
    dns.mx("example.com", 10, "best.example.com")
    dns.a("best.example.com", "192.0.2.1")
    dns.mx("example.com", 30, "worst.example.com")
    dns.a("worst.example.com", "192.0.2.3")
    dns.mx("example.com", own_preference, "self.example.com")
    dns.a("self.example.com", "192.0.2.99")


def test_the_list_is_cut_at_this_machine(dns: StubDns) -> None:
    publish_with_self(dns, 20)
    found = find(dns, "example.com", WITH_OWN)
    assert places(found) == ["best.example.com[192.0.2.1]:25"]
    assert found.is_exchanger


@pytest.mark.parametrize("preference", [5, 10])
def test_mail_for_which_this_machine_is_best_loops(dns: StubDns, preference: int) -> None:
    publish_with_self(dns, preference)
    found = find(dns, "example.com", WITH_OWN)
    assert trouble(found) == ("5.4.6", "mail for example.com loops back to myself")
    assert found.trouble is not None
    assert found.trouble.is_loop


def test_a_better_exchanger_that_is_not_found_is_no_loop(dns: StubDns) -> None:
    dns.mx("example.com", 10, "gone.example.com")
    dns.mx("example.com", 20, "self.example.com")
    dns.a("self.example.com", "192.0.2.99")
    assert trouble(find(dns, "example.com", WITH_OWN)) == (
        "4.4.4",
        "unable to find primary relay for example.com",
    )


def test_a_host_that_is_this_machine_loops(dns: StubDns) -> None:
    dns.a("self.example", "192.0.2.99")
    status, reason = trouble(find(dns, "[self.example]", WITH_OWN))
    assert (status, reason) == ("5.4.6", "mail for self.example loops back to myself")


def test_another_port_of_this_machine_is_no_loop(dns: StubDns) -> None:
    dns.a("self.example", "192.0.2.99")
    assert places(find(dns, "[self.example]:10025", WITH_OWN)) == ["self.example[192.0.2.99]:10025"]


@pytest.mark.parametrize(
    ("preferred", "first"), [(socket.AF_INET6, "2001:db8::1"), (socket.AF_INET, "192.0.2.1")]
)
def test_a_preferred_family_comes_first(dns: StubDns, preferred: int, first: str) -> None:
    dns.a("example.com", "192.0.2.1", "2001:db8::1")
    found = find(dns, "example.com", replace(BASIC, preferred_family=preferred))
    assert next(s.address for s in found.servers) == first
    assert len(found.servers) == 2


def test_only_enabled_families_are_used(dns: StubDns) -> None:
    dns.a("example.com", "192.0.2.1", "2001:db8::1")
    found = find(dns, "example.com", replace(BASIC, families=(socket.AF_INET,)))
    assert [s.address for s in found.servers] == ["192.0.2.1"]
    assert trouble(find(dns, "example.com", replace(BASIC, families=()))) == (
        "4.4.4",
        "all network protocols are disabled",
    )


def test_the_hosts_file_is_read_when_native_lookups_are_asked_for(dns: StubDns) -> None:
    native = replace(BASIC, methods=("native",), use_mx=False, families=(socket.AF_INET,))
    assert [s.address for s in find(dns, "localhost", native).servers] == ["127.0.0.1"]
    assert not dns.queries


def test_native_lookups_come_after_dns(dns: StubDns) -> None:
    both = replace(BASIC, methods=("dns", "native"), families=(socket.AF_INET,))
    assert [s.address for s in find(dns, "[localhost]", both).servers] == ["127.0.0.1"]
    assert dns.queries == [("udp", "localhost", "A")]


def test_an_international_domain_is_asked_for_in_ascii(dns: StubDns) -> None:
    dns.mx("xn--bcher-kva.example", 10, "mx.example.com")
    dns.a("mx.example.com", "192.0.2.1")
    assert places(find(dns, "bücher.example")) == ["mx.example.com[192.0.2.1]:25"]


@given(
    st.lists(st.sampled_from(["192.0.2.1", "2001:db8::1"]), max_size=12),
    st.integers(min_value=1, max_value=10),
)
def test_neither_family_is_crowded_out(addresses: list[str], limit: int) -> None:
    servers = [Server(str(number), address) for number, address in enumerate(addresses)]
    kept = balanced(servers, limit)
    assert [s for s in servers if s in kept] == kept
    both = len(set(addresses)) == 2
    if not both or len(servers) <= limit:
        assert kept == servers
        return
    assert len(kept) == limit
    if limit > 1:
        assert len({s.address for s in kept}) == 2
