import asyncio
import contextlib
from collections.abc import Callable

import pytest

from spoolmta.address.routing import Routing
from spoolmta.address.virtual_alias import AliasExpansionError, expand_virtual_aliases
from spoolmta.errors import MapUnavailable
from tests.support.hostile_texts import HOSTILE, milliseconds

OpenRouting = Callable[..., Routing]

ALIASES = """inline:{
  {info@a.test = joe, Jane Doe <jane@x.org>}, {@map.test = @other.test},
  {chain@a.test = info@a.test}, {twice@a.test = a@y.org, b@y.org, a@y.org},
  {loop@a.test = loop@a.test, x@y.org},
  {joe = joe@x.org}, {cycle1@a.test = cycle2@a.test}, {cycle2@a.test = cycle1@a.test},
  {grow@a.test = grow@a.test.x, a@b}, {all@all.test = no@all.test}, {@all.test = catch@y.org},
  {quoted@a.test = "a b"@y.org}, {route@a.test = site!user}
}""".replace("\n", "")


def expand(routing: Routing, address: str) -> tuple[str, ...]:
    return asyncio.run(expand_virtual_aliases(address, routing))


@pytest.mark.parametrize(
    ("address", "expanded"),
    [
        ("info@a.test", ("joe@x.org", "jane@x.org")),
        ("info+ext@a.test", ("joe+ext@x.org", "jane+ext@x.org")),
        ("chain@a.test", ("joe@x.org", "jane@x.org")),
        ("user@map.test", ("user@other.test",)),
        ("user+ext@map.test", ("user+ext@other.test",)),
        ("loop@a.test", ("loop@a.test", "x@y.org")),
        ("LOOP@a.test", ("loop@a.test", "x@y.org")),
        ("all@all.test", ("catch@y.org",)),
        ("twice@a.test", ("a@y.org", "b@y.org")),
        ("joe@example.com", ("joe@x.org",)),
        ("joe@elsewhere.org", ("joe@elsewhere.org",)),
        ("quoted@a.test", ("a b@y.org",)),
        ("route@a.test", ("user@site",)),
    ],
)
def test_an_alias_becomes_its_addresses(
    open_routing: OpenRouting, address: str, expanded: tuple[str, ...]
) -> None:
    assert expand(open_routing(virtual_alias_maps=ALIASES), address) == expanded


def test_extensions_are_dropped_if_not_propagated(open_routing: OpenRouting) -> None:
    routing = open_routing(virtual_alias_maps=ALIASES, propagate_unmatched_extensions="canonical")
    assert expand(routing, "info+ext@a.test") == ("joe@x.org", "jane@x.org")


def test_without_aliases_an_address_stays(open_routing: OpenRouting) -> None:
    assert expand(open_routing(), "user@a.test") == ("user@a.test",)


def test_aliases_in_a_circle_are_an_error(open_routing: OpenRouting) -> None:
    routing = open_routing(virtual_alias_maps=ALIASES, virtual_alias_recursion_limit="20")
    with pytest.raises(AliasExpansionError, match="unreasonable virtual_alias_maps map nesting"):
        expand(routing, "cycle1@a.test")


def test_too_many_addresses_are_an_error(open_routing: OpenRouting) -> None:
    routing = open_routing(virtual_alias_maps=ALIASES, virtual_alias_expansion_limit="1")
    with pytest.raises(AliasExpansionError, match="expansion size"):
        expand(routing, "info@a.test")
    routing = open_routing(
        virtual_alias_maps="pcre:{{/^(.*)@a.test$$/ a$$1@a.test, b$$1@a.test}}",
        virtual_alias_expansion_limit="100",
        virtual_alias_recursion_limit="1000",
    )
    with pytest.raises(AliasExpansionError, match="expansion size"):
        expand(routing, "x@a.test")


def test_an_address_that_is_too_long_is_an_error(open_routing: OpenRouting) -> None:
    routing = open_routing(virtual_alias_maps=ALIASES, virtual_alias_address_length_limit="9")
    assert expand(routing, "joe@example.com") == ("joe@x.org",)
    with pytest.raises(
        AliasExpansionError, match=r"unreasonable virtual_alias_maps result .*\.\.\. -- message not"
    ):
        expand(routing, "joe+x@example.com")


def test_a_table_that_fails_is_no_missing_alias(open_routing: OpenRouting) -> None:
    with pytest.raises(MapUnavailable):
        expand(open_routing(virtual_alias_maps="fail:x", virtual_alias_domains=""), "a@b")


@pytest.mark.alone
@pytest.mark.parametrize("domain", ["a.test", "map.test"])
@pytest.mark.parametrize("local", HOSTILE)
def test_aliases_of_a_long_address_are_found_at_once(
    open_routing: OpenRouting, local: str, domain: str
) -> None:
    routing = open_routing(virtual_alias_maps=ALIASES)

    def look_up() -> None:
        with contextlib.suppress(AliasExpansionError, MapUnavailable):
            expand(routing, f"{local}@{domain}")

    assert milliseconds(look_up, 50) < 50
