import asyncio
from collections.abc import Callable

import pytest

from spoolmta.address.recipients import (
    RecipientProblem,
    is_known_recipient,
    recipient_problem,
    recipient_table,
)
from spoolmta.address.resolve import AddressClass, resolve
from spoolmta.address.routing import Routing
from spoolmta.errors import MapUnavailable

OpenRouting = Callable[..., Routing]

SITE = {
    "virtual_alias_domains": "alias.test",
    "virtual_alias_maps": "inline:{info@alias.test=joe@example.com, @all.test=x@y.test}",
    "virtual_mailbox_domains": "box.test",
    "virtual_mailbox_maps": "inline:{bob@box.test=bob/}",
    "relay_domains": "relay.test, all.test",
    "relay_recipient_maps": "inline:{ann@relay.test=x}",
    "local_recipient_maps": "inline:{joe=x, jim@example.com=x}",
    "canonical_maps": "inline:{old@example.com=joe@example.com}",
    "transport_maps": "inline:{{no@relay.test=error:5.7.1 go away},"
    " {later@relay.test=retry:4.2.0 wait}}",
}


async def ask(routing: Routing, address: str) -> RecipientProblem | None:
    resolution = await resolve(address, sender="", routing=routing)
    problem = await recipient_problem(address, resolution, routing)
    assert await is_known_recipient(address, resolution, routing) is (problem is None)
    return problem


@pytest.mark.parametrize(
    "address",
    [
        "joe@example.com",
        "JOE@EXAMPLE.COM",
        "joe+ext@localhost",
        "jim@example.com",
        "joe",
        "postmaster@example.com",
        "MAILER-DAEMON@mail.example.com",
        "double-bounce@example.com",
        "old@example.com",
        "info@alias.test",
        "info+x@alias.test",
        "bob@box.test",
        "bob+x@box.test",
        "ann@relay.test",
        "any@all.test",
        "any@other.org",
    ],
)
def test_recipients_that_exist(open_routing: OpenRouting, address: str) -> None:
    assert asyncio.run(ask(open_routing(**SITE), address)) is None


@pytest.mark.parametrize(
    ("address", "dsn", "text"),
    [
        ("nobody@example.com", "5.1.1", "User unknown in local recipient table"),
        ("jim@localhost", "5.1.1", "User unknown in local recipient table"),
        ("postmaster+x@example.com", "5.1.1", "User unknown in local recipient table"),
        ("nobody@alias.test", "5.1.1", "User unknown in virtual alias table"),
        ("nobody@box.test", "5.1.1", "User unknown in virtual mailbox table"),
        ("postmaster@box.test", "5.1.1", "User unknown in virtual mailbox table"),
        ("nobody@relay.test", "5.1.1", "User unknown in relay recipient table"),
        ("no@relay.test", "5.7.1", "go away"),
        ("later@relay.test", "4.2.0", "wait"),
        ("a@b..c", "5.1.3", "bad address syntax"),
    ],
)
def test_recipients_that_do_not_exist(
    open_routing: OpenRouting, address: str, dsn: str, text: str
) -> None:
    problem = asyncio.run(ask(open_routing(**SITE), address))
    assert problem is not None
    assert (problem.dsn, problem.text) == (dsn, text)


def test_the_name_of_the_table_may_be_kept_secret(open_routing: OpenRouting) -> None:
    routing = open_routing(**SITE, show_user_unknown_table_name="no")
    for address in ("nobody@example.com", "nobody@alias.test"):
        problem = asyncio.run(ask(routing, address))
        assert problem is not None
        assert problem.text == "User unknown"


def test_without_a_table_every_recipient_exists(open_routing: OpenRouting) -> None:
    routing = open_routing(relay_domains="relay.test", virtual_mailbox_domains="box.test")
    for address in ("a@relay.test", "a@box.test", "a@example.com"):
        assert asyncio.run(ask(routing, address)) is None


@pytest.mark.parametrize(
    "setting",
    [
        {"local_recipient_maps": "fail:x"},
        {"virtual_alias_maps": "fail:x", "virtual_alias_domains": ""},
        {"local_recipient_maps": "hash:/no/such"},
    ],
)
def test_a_table_that_fails_makes_nobody_unknown(
    open_routing: OpenRouting, setting: dict[str, str]
) -> None:
    with pytest.raises(MapUnavailable):
        asyncio.run(ask(open_routing(**setting), "user@example.com"))


def test_tables_are_named_as_replies_name_them() -> None:
    assert recipient_table(AddressClass.LOCAL) == "local recipient table"
    assert recipient_table(AddressClass.RELAY) == "relay recipient table"
    assert recipient_table(AddressClass.VIRTUAL_MAILBOX) == "virtual mailbox table"
    assert recipient_table(AddressClass.VIRTUAL_ALIAS) == "virtual alias table"
