import asyncio
from collections.abc import Callable

import pytest

from spoolmta.address.canonical import AddressKind, Canonical, parse_kinds
from spoolmta.address.routing import Routing
from spoolmta.errors import ConfigError, MapUnavailable

SENDER, RECIPIENT = AddressKind.HEADER_SENDER, AddressKind.ENVELOPE_RECIPIENT
EVERY = frozenset(AddressKind)

OpenRouting = Callable[..., Routing]

MAPS = {
    "canonical_maps": "inline:{a@x=b@x, b@x=c@x, {c@x=c@x}, @old.test=@new.test, joe=Joe.Doe}",
    "sender_canonical_maps": "inline:{s@x=a@x}",
    "recipient_canonical_maps": "inline:{r@x=a@x}",
}


def canonical(
    address: str, routing: Routing, kind: AddressKind = RECIPIENT, warnings: list[str] | None = None
) -> str:
    tell = ([] if warnings is None else warnings).append
    return asyncio.run(Canonical(EVERY, EVERY, EVERY).replaced(address, kind, routing, tell))


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("a@x", "c@x"),
        ("A@X", "c@x"),
        ("a+ext@x", "c+ext@x"),
        ("user+e@old.test", "user+e@new.test"),
        ("joe@example.com", "Joe.Doe@example.com"),
        ("r@x", "c@x"),
        ("s@x", "s@x"),
        ("other@x", "other@x"),
        ("", ""),
    ],
)
def test_recipients_become_canonical(open_routing: OpenRouting, address: str, wanted: str) -> None:
    assert canonical(address, open_routing(**MAPS)) == wanted


def test_senders_have_a_table_of_their_own(open_routing: OpenRouting) -> None:
    assert canonical("s@x", open_routing(**MAPS), SENDER) == "c@x"
    assert canonical("r@x", open_routing(**MAPS), SENDER) == "r@x"


def test_extensions_are_dropped_if_not_propagated(open_routing: OpenRouting) -> None:
    routing = open_routing(**MAPS, propagate_unmatched_extensions="virtual")
    assert canonical("a+ext@x", routing) == "c@x"


def test_a_circle_ends_with_a_warning(open_routing: OpenRouting) -> None:
    warnings: list[str] = []
    routing = open_routing(canonical_maps="inline:{a@x=b@x, b@x=a@x}")
    assert canonical("a@x", routing, warnings=warnings) == "a@x"
    assert warnings == [
        "unreasonable canonical_maps map nesting for a@x -- message not accepted, try again later"
    ]


def test_of_several_addresses_the_first_counts(open_routing: OpenRouting) -> None:
    warnings: list[str] = []
    routing = open_routing(canonical_maps="inline:{ {a@x = b@x, c@x} }")
    assert canonical("a@x", routing, warnings=warnings) == "b@x"
    assert warnings == ["multi-valued canonical_maps entry for a@x"]


def test_an_address_may_become_nobody(open_routing: OpenRouting) -> None:
    assert canonical("a@x", open_routing(canonical_maps="inline:{a@x=<>}")) == ""


@pytest.mark.parametrize("table", ["fail:x", "inline:{ {a@x = ,} }"])
def test_a_table_that_fails_is_no_missing_entry(open_routing: OpenRouting, table: str) -> None:
    with pytest.raises(MapUnavailable, match="canonical_maps map lookup problem for a@x -- "):
        canonical("a@x", open_routing(canonical_maps=table))


def test_each_table_sees_the_kinds_of_addresses_of_its_classes(open_routing: OpenRouting) -> None:
    rules = Canonical(frozenset({SENDER}), frozenset(), frozenset({RECIPIENT}))
    routing = open_routing(**MAPS)
    assert rules.kinds(routing.parameters) == {SENDER, RECIPIENT}
    assert not rules.kinds(open_routing().parameters)

    def replaced(address: str, kind: AddressKind) -> str:
        return asyncio.run(rules.replaced(address, kind, routing, print))

    assert replaced("s@x", SENDER) == "a@x"
    assert replaced("s@x", AddressKind.ENVELOPE_SENDER) == "s@x"
    assert replaced("r@x", RECIPIENT) == "r@x"
    assert replaced("a@x", RECIPIENT) == "c@x"


def test_classes_are_words_of_a_list() -> None:
    assert parse_kinds("header_sender,Envelope_Recipient", "p") == {SENDER, RECIPIENT}
    with pytest.raises(ConfigError, match=r'p = x: unknown "x"; expected envelope_sender, '):
        parse_kinds("x", "p")
