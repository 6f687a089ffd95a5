import asyncio

import pytest

from spoolmta.address.canonical import AddressKind
from spoolmta.address.masquerade import Masquerade
from spoolmta.errors import ConfigError, MapUnavailable

CLASSES = "envelope_sender, header_sender"


def hidden(address: str, domains: str, exceptions: str = "") -> str:
    return asyncio.run(Masquerade.open(domains, exceptions, CLASSES).hidden(address))


# As Postfix 3.7's cleanup has it.
@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("u@a.example", "u@a.example"),
        ("u@h.a.example", "u@a.example"),
        ("u@x.h.a.example", "u@a.example"),
        ("U@H.A.Example", "U@a.example"),
        ("u@A.example", "u@A.example"),
        ("u@aa.example", "u@aa.example"),
        ("u@.a.example", "u@a.example"),
        ("u", "u"),
        ("u@x@h.a.example", "u@x@a.example"),
        ("root@h.a.example", "root@h.a.example"),
        ("Root@h.a.example", "Root@h.a.example"),
        ("root+x@h.a.example", "root+x@a.example"),
    ],
)
def test_a_host_hides_behind_its_domain(address: str, shown: str) -> None:
    assert hidden(address, "A.example", "root") == shown


def test_the_first_domain_of_the_list_counts() -> None:
    assert hidden("u@x.h.a.example", "h.a.example a.example") == "u@h.a.example"
    assert hidden("u@x.h.a.example", "a.example, h.a.example") == "u@a.example"


def test_a_domain_with_an_exclamation_mark_shows() -> None:
    for address in ("u@c.b.example", "u@d.c.b.example"):
        assert hidden(address, "!c.b.example b.example") == address
    assert hidden("u@d.b.example", "!c.b.example b.example") == "u@b.example"


def test_an_exception_that_cannot_be_looked_up_is_no_answer() -> None:
    with pytest.raises(MapUnavailable):
        hidden("u@h.a.example", "a.example", "fail:x")


def test_only_the_named_kinds_of_addresses_hide() -> None:
    masquerade = Masquerade.open("a.example", "", CLASSES)
    assert masquerade.kinds == {AddressKind.ENVELOPE_SENDER, AddressKind.HEADER_SENDER}
    assert not Masquerade.open("", "", CLASSES).kinds


def test_an_unknown_kind_is_an_error_that_names_the_parameter() -> None:
    with pytest.raises(ConfigError, match=r"masquerade_classes = .*unknown \"header\""):
        Masquerade.open("a.example", "", "header")
