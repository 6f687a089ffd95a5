"""Domains with the same mail exchangers share one window, if main.cf says so."""

from collections.abc import Iterator

import pytest

from tests.flow.conftest import MakeMta
from tests.support.stub_dns import StubDns

DOMAINS = 1000
# So many domains are asked for at once: what takes longer than their answers may is not grouped.
AT_ONCE = 20


@pytest.fixture
def dns() -> Iterator[StubDns]:
    with StubDns() as server:
        yield server


def settings(dns: StubDns, grouping: str) -> dict[str, str]:
    return {"destination_grouping": grouping, "dns_nameservers": dns.parameter}


def test_a_thousand_domains_at_one_provider_share_one_window(
    make_mta: MakeMta, dns: StubDns
) -> None:
    mta = make_mta(**settings(dns, "mx"))
    for number in range(DOMAINS):
        dns.mx(f"d{number}.example", 10, "mx.provider.example")
        mta.submit("a@x.example", [f"b@d{number}.example"])
        if number % AT_ONCE == AT_ONCE - 1:
            mta.plan()
    mta.run(mta.step_stages())
    assert mta.rows("SELECT DISTINCT destination FROM delivery") == [("mx:provider.example",)]
    assert mta.rows("SELECT count(DISTINCT nexthop) FROM delivery") == [(DOMAINS,)]
    assert mta.rows("SELECT destination, granted FROM v1_destinations") == [
        ("mx:provider.example", 5)
    ]


def test_recipients_at_one_provider_are_still_delivered_by_next_hop(
    make_mta: MakeMta, dns: StubDns
) -> None:
    dns.mx("a.example", 10, "mx.provider.example")
    dns.mx("b.example", 10, "mx.provider.example")
    mta = make_mta(**settings(dns, "mx"))
    mta.submit("a@x.example", ["1@a.example", "2@b.example", "3@A.example"])
    mta.plan()
    rows = mta.rows("SELECT nexthop, count(*) FROM v1_recipients GROUP BY delivery_id ORDER BY 1")
    assert rows == [("a.example", 2), ("b.example", 1)]


def test_mail_goes_on_though_the_name_service_fails(make_mta: MakeMta, dns: StubDns) -> None:
    dns.fails("a.example")
    mta = make_mta(**settings(dns, "mx"))
    mta.submit("a@x.example", ["1@a.example"])
    mta.plan()
    assert mta.rows("SELECT destination FROM delivery") == [("a.example",)]


def test_without_the_option_nothing_is_looked_up(make_mta: MakeMta, dns: StubDns) -> None:
    mta = make_mta(**settings(dns, "none"))
    mta.submit("a@x.example", ["1@a.example"])
    mta.plan()
    assert mta.rows("SELECT destination FROM delivery") == [("a.example",)]
    assert dns.queries == []
