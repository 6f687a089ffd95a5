import asyncio
from collections.abc import Callable

import pytest

from spoolmta.address.canonical import canonical_recipient, canonical_sender
from spoolmta.address.routing import Routing
from spoolmta.errors import MapUnavailable

OpenRouting = Callable[..., Routing]

MAPS = {
    "canonical_maps": "inline:{a@x=b@x, b@x=c@x, {c@x=c@x}, @old.test=@new.test, joe=Joe.Doe}",
    "sender_canonical_maps": "inline:{s@x=a@x}",
    "recipient_canonical_maps": "inline:{r@x=a@x}",
}


@pytest.mark.parametrize(
    ("address", "canonical"),
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
def test_recipients_become_canonical(
    open_routing: OpenRouting, address: str, canonical: str
) -> None:
    assert asyncio.run(canonical_recipient(address, open_routing(**MAPS))) == canonical


def test_senders_have_a_table_of_their_own(open_routing: OpenRouting) -> None:
    assert asyncio.run(canonical_sender("s@x", open_routing(**MAPS))) == "c@x"
    assert asyncio.run(canonical_sender("r@x", open_routing(**MAPS))) == "r@x"


def test_extensions_are_dropped_if_not_propagated(open_routing: OpenRouting) -> None:
    routing = open_routing(**MAPS, propagate_unmatched_extensions="virtual")
    assert asyncio.run(canonical_recipient("a+ext@x", routing)) == "c@x"


def test_a_circle_ends(open_routing: OpenRouting) -> None:
    routing = open_routing(canonical_maps="inline:{a@x=b@x, b@x=a@x}")
    assert asyncio.run(canonical_recipient("a@x", routing)) in ("a@x", "b@x")


def test_a_table_that_fails_is_no_missing_entry(open_routing: OpenRouting) -> None:
    with pytest.raises(MapUnavailable):
        asyncio.run(canonical_recipient("a@x", open_routing(canonical_maps="fail:x")))
