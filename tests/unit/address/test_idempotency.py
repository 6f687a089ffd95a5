"""What may be done twice as well as once: where Postfix's semantics make it so.

Rewriting is: what is complete stays. Masquerading is: a domain that hides its hosts has none left.
Generic and canonical maps are not in general: generic(5) looks up once, so that a -> b, b -> c
gives b, and then c; canonical(5) follows a chain to its end, but ten steps at most, and an entry
may make something that another entry, a source route or an extension applies to. They are for
closed tables: those whose values are no keys.
"""

import asyncio
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spoolmta.address.canonical import AddressKind, Canonical
from spoolmta.address.generic import Generic
from spoolmta.address.masquerade import Masquerade
from spoolmta.address.rewrite import RewriteRules, rewrite
from spoolmta.address.routing import Routing
from spoolmta.maps import open_maps

OpenRouting = Callable[..., Routing]

RULES = RewriteRules("origin.test", "domain.test", append_dot_mydomain=True)
NAMES = st.sampled_from(["a", "b", "c", "a+x", "root", "a b", "ü"])
DOMAINS = st.sampled_from(["in.test", "h.in.test", "out.test", "x.h.in.test", "other.test"])
PLAIN = st.builds("{}@{}".format, NAMES, DOMAINS)
CLOSED = "inline:{ {a@in.test=one@out.test}, {@h.in.test=two@out.test}, {b@in.test=b@in.test} }"
EVERY = frozenset(AddressKind)
REPEATED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@given(PLAIN | st.from_regex(r"[a-z]{1,3}([@%!][a-z]{1,3}(\.[a-z]{1,3})?)?", fullmatch=True))
def test_a_complete_address_stays(address: str) -> None:
    once = rewrite(address, RULES)
    assert rewrite(once, RULES) == once


@given(PLAIN)
def test_a_domain_without_hosts_has_none_to_hide(address: str) -> None:
    hiding = Masquerade.open("in.test", "root", "envelope_sender")
    once = asyncio.run(hiding.hidden(address))
    assert asyncio.run(hiding.hidden(once)) == once


@REPEATED
@given(address=PLAIN)
def test_a_closed_table_replaces_once_for_all(address: str, open_routing: OpenRouting) -> None:
    routing = open_routing(canonical_maps=CLOSED)
    canonical = Canonical(EVERY, EVERY, EVERY)
    generic = Generic(open_maps(CLOSED), "smtp_generic_maps", routing, print)

    async def replaced(text: str) -> tuple[str, str]:
        kind = AddressKind.HEADER_SENDER
        return await canonical.replaced(text, kind, routing, print), await generic.replaced(text)

    for once in asyncio.run(replaced(address)):
        assert asyncio.run(replaced(once)) == (once, once)


def test_generic_follows_no_chain_and_canonical_does(open_routing: OpenRouting) -> None:
    table = "inline:{ {a@in.test=b@in.test}, {b@in.test=c@in.test} }"
    routing = open_routing(canonical_maps=table)
    canonical = Canonical(EVERY, EVERY, EVERY)
    generic = Generic(open_maps(table), "smtp_generic_maps", routing, print)
    kind = AddressKind.HEADER_SENDER
    assert asyncio.run(canonical.replaced("a@in.test", kind, routing, print)) == "c@in.test"
    assert asyncio.run(generic.replaced("a@in.test")) == "b@in.test"
