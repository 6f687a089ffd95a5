"""Who takes the mail of a domain."""

import asyncio
from collections.abc import Iterator

import pytest

from spoolmta.clock import ManualClock
from spoolmta.net.dns import MailExchanger, Resolver
from spoolmta.stages.trivial_rewrite.providers import Providers, provider
from tests.support.stub_dns import StubDns


@pytest.fixture
def dns() -> Iterator[StubDns]:
    with StubDns() as server:
        yield server


def found(domain: str, *hosts: str) -> str:
    exchangers = (MailExchanger(10 * number, host) for number, host in enumerate(hosts))
    return provider(domain, tuple(exchangers))


@pytest.mark.parametrize(
    ("host", "destination"),
    [
        ("aspmx.l.google.com", "mx:l.google.com"),
        ("shop-example.mail.protection.outlook.com", "mx:mail.protection.outlook.com"),
        ("MX.Provider.Example.", "mx:provider.example"),
        ("mx.provider.co.uk", "mx:provider.co.uk"),
        ("provider.co.uk", "mx:provider.co.uk"),
        ("provider.com", "mx:provider.com"),
    ],
)
def test_the_provider_is_the_best_exchanger_without_its_first_label(
    host: str, destination: str
) -> None:
    assert found("shop.example", host, "other.example") == destination


@pytest.mark.parametrize("hosts", [(), ("shop.example",), ("mx.shop.example",), ("",)])
def test_a_domain_with_exchangers_of_its_own_shares_nothing(hosts: tuple[str, ...]) -> None:
    assert found("shop.example", *hosts) == ""


def test_a_domain_is_asked_for_once_as_long_as_its_record_holds(dns: StubDns) -> None:
    dns.add("a.example", "MX", "10 mx.p.example.", ttl=600)
    clock = ManualClock()

    async def ask() -> set[str]:
        providers = Providers(Resolver([dns.address]), clock.now)
        names = await asyncio.gather(*(providers.destination("A.example") for _ in range(20)))
        clock.jump(599)
        return {*names, await providers.destination("a.example")}

    assert asyncio.run(ask()) == {"mx:p.example"}
    assert len(dns.queries) == 1


def test_a_failure_of_the_name_service_leaves_the_domain_by_itself_for_a_minute(
    dns: StubDns,
) -> None:
    dns.fails("a.example")
    clock = ManualClock()

    async def ask() -> tuple[str, str, str]:
        providers = Providers(Resolver([dns.address]), clock.now)
        first = await providers.destination("a.example")
        dns.forget("a.example")
        dns.mx("a.example", 10, "mx.p.example")
        second = await providers.destination("a.example")
        clock.jump(60)
        return first, second, await providers.destination("a.example")

    assert asyncio.run(ask()) == ("", "", "mx:p.example")


def test_a_silent_name_service_is_not_asked_for_every_domain(dns: StubDns) -> None:
    domains = [f"d{number}.example" for number in range(50)]
    for domain in domains:
        dns.is_silent(domain)

    async def ask() -> float:
        providers = Providers(Resolver([dns.address]), ManualClock().now)
        begun = asyncio.get_running_loop().time()
        assert {await providers.destination(domain) for domain in domains} == {""}
        return asyncio.get_running_loop().time() - begun

    assert asyncio.run(ask()) < 10.0
    assert len({name for _, name, _ in dns.queries}) == 1


@pytest.mark.parametrize("nexthop", ["[mx.p.example]", "a.example:587", "[192.0.2.1]", "a.b, c.d"])
def test_what_is_no_domain_shares_nothing(dns: StubDns, nexthop: str) -> None:
    async def ask() -> str:
        return await Providers(Resolver([dns.address]), ManualClock().now).destination(nexthop)

    assert asyncio.run(ask()) == ""
    assert dns.queries == []
