import asyncio
import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spoolmta.address.resolve import AddressClass, Resolution, resolve
from spoolmta.address.routing import Routing
from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.watched import keep_problems, tell_problems

OpenRouting = Callable[..., Routing]

CLASSES = {
    "virtual_alias_domains": "alias.test",
    "virtual_mailbox_domains": "box.test",
    "relay_domains": "relay.test, par.ent",
}
TRANSPORTS = """inline:{
  {t1.test=smtp:[gw.test]:26}, {t2.test=smtp:}, {t3.test=:[gw.test]}, {t4.test=:}, {t5.test=error:},
  {t6.test=error:5.7.1 no way}, {t7.test=retry:}, {t8.test=smtp}, {.sub.test=lmtp:unix:/x},
  {user@t9.test=slow:}, {user+ext@t9.test=quick:}, {t9.test=smtp:nine}, {alias.test=smtp:foo},
  {box.test=lmtp:}, {user@example.com=smtp:u}, {t14.test=smtp:a:b}
}""".replace("\n", "")


def where(routing: Routing, address: str, sender: str = "") -> Resolution:
    return asyncio.run(resolve(address, sender=sender, routing=routing))


def go(routing: Routing, address: str, sender: str = "") -> tuple[str, str]:
    found = where(routing, address, sender)
    return found.transport, found.nexthop


# As Postfix 3.7's trivial-rewrite has it.
@pytest.mark.parametrize(
    ("address", "transport", "nexthop", "recipient", "kind", "routed"),
    [
        ("foo@example.com", "local", "mail.example.com", None, "local", False),
        ("a@EXAMPLE.COM", "local", "mail.example.com", None, "local", False),
        ("a@example.com.", "local", "mail.example.com", "a@example.com", "local", False),
        ("user", "local", "mail.example.com", "user@mail.example.com", "local", False),
        ("a@[127.0.0.1]", "local", "mail.example.com", None, "local", False),
        ("a@[1.2.3.4]", "smtp", "[1.2.3.4]", None, "default", False),
        ("a@[IPv6:::1]", "smtp", "[IPv6:::1]", None, "default", False),
        ("a@other.org", "smtp", "other.org", None, "default", False),
        ("a@b.", "smtp", "b", "a@b", "default", False),
        ("a@b_c", "smtp", "b_c", None, "default", False),
        ("a@münchen.de", "smtp", "münchen.de", None, "default", False),
        ("ü@x.org", "smtp", "x.org", None, "default", False),
        (
            "a@alias.test",
            "error",
            "5.1.1 User unknown in virtual alias table",
            None,
            "virtual alias",
            False,
        ),
        ("a@box.test", "virtual", "box.test", None, "virtual mailbox", False),
        ("a@relay.test", "relay", "relay.test", None, "relay", False),
        ("a@x.Relay.test", "relay", "x.Relay.test", None, "relay", False),
        ("", "local", "mail.example.com", "MAILER-DAEMON@mail.example.com", "local", False),
        ("@b", "smtp", "b", None, "default", False),
        ("a@b@c", "smtp", "c", None, "default", True),
        ("a@b@example.com", "smtp", "b", "a@b", "default", False),
        ("a%b@example.com", "smtp", "b", "a@b", "default", False),
        ("b!a@example.com", "smtp", "b", "a@b", "default", False),
        ("a%b", "smtp", "b", "a@b", "default", False),
        ("a!b", "smtp", "a", "b@a", "default", False),
        ("a%b%example.com@example.com", "smtp", "b", "a@b", "default", False),
        ("a@example.com@example.com", "local", "mail.example.com", "a@example.com", "local", False),
        ("a%b@other.org", "smtp", "other.org", None, "default", True),
        ("b!a@other.org", "smtp", "other.org", None, "default", True),
        ("a@@b", "smtp", "b", None, "default", True),
        ("a b@c.d", "smtp", "c.d", None, "default", False),
        ('"a b"@c.d', "smtp", "c.d", None, "default", False),
        ("@r:a@example.com", "local", "mail.example.com", "a@example.com", "local", False),
        ("@r:a@b", "smtp", "b", None, "default", True),
        ("a,b", "local", "mail.example.com", "a,b@mail.example.com", "local", False),
        (" >)_%_", "smtp", "_", " >)_@_", "default", False),
        (">%localhost", "local", "mail.example.com", ">@localhost", "local", False),
    ],
)
def test_an_address_goes_where_postfix_sends_it(
    open_routing: OpenRouting,
    address: str,
    transport: str,
    nexthop: str,
    recipient: str | None,
    kind: str,
    routed: bool,
) -> None:
    expected = Resolution(transport, nexthop, recipient or address, AddressClass(kind), routed)
    assert where(open_routing(**CLASSES), address) == expected


@pytest.mark.parametrize(
    "address",
    [
        "a@",
        "@",
        "a@1.2.3.4",
        "a@[::1]",
        "a@b..c",
        "a@b..",
        "a@-b",
        "a@.x",
        "a@b(c)",
        "<a@b>",
        "a@[]",
        "a@[300.1.1.1]",
        '"a@b"@example.com',
        "-x@example.com",
        "a%@example.com",
        "a@b c",
        '@b.c@"',
    ],
)
def test_what_is_no_address_goes_to_the_error_transport(
    open_routing: OpenRouting, address: str
) -> None:
    found = where(open_routing(), address)
    assert (found.transport, found.nexthop) == ("error", "5.1.3 bad address syntax")
    assert found.malformed


@pytest.mark.parametrize(
    ("setting", "address", "recipient"),
    [
        ({"allow_min_user": "yes"}, "-x@example.com", "-x@example.com"),
        ({"resolve_null_domain": "yes"}, "user@", "user@mail.example.com"),
        ({"resolve_numeric_domain": "yes"}, "a@1.2.3.4", "a@[1.2.3.4]"),
        ({"resolve_dequoted_address": "no"}, "a@b@example.com", "a@b@example.com"),
        ({"allow_percent_hack": "no"}, "a%b@example.com", "a%b@example.com"),
        ({"swap_bangpath": "no"}, "a!b@example.com", "a!b@example.com"),
        ({"empty_address_recipient": "nobody"}, "", "nobody@mail.example.com"),
    ],
)
def test_parameters_change_what_an_address_is(
    open_routing: OpenRouting, setting: dict[str, str], address: str, recipient: str
) -> None:
    found = where(open_routing(**setting), address)
    assert (found.recipient, found.malformed) == (recipient, False)


def test_an_address_literal_without_brackets_may_be_ours(open_routing: OpenRouting) -> None:
    found = where(open_routing(resolve_numeric_domain="yes"), "a@127.0.0.1")
    assert (found.recipient, found.address_class) == ("a@[127.0.0.1]", "local")


def test_addresses_of_a_proxy_are_ours(open_routing: OpenRouting) -> None:
    assert where(open_routing(proxy_interfaces="192.0.2.9"), "a@[192.0.2.9]").transport == "local"


@pytest.mark.parametrize(
    ("address", "transport", "nexthop"),
    [
        ("a@t1.test", "smtp", "[gw.test]:26"),
        ("a@t2.test", "smtp", "t2.test"),
        ("a@t3.test", "smtp", "[gw.test]"),
        ("a@t4.test", "smtp", "t4.test"),
        ("a@t5.test", "error", "Address is undeliverable"),
        ("a@t6.test", "error", "5.7.1 no way"),
        ("a@t7.test", "retry", "Address is undeliverable"),
        ("a@t8.test", "smtp", "t8.test"),
        ("a@sub.test", "smtp", "sub.test"),
        ("a@x.sub.test", "lmtp", "unix:/x"),
        ("a@y.x.sub.test", "lmtp", "unix:/x"),
        ("user@t9.test", "slow", "t9.test"),
        ("USER@T9.test", "slow", "T9.test"),
        ("user+ext@t9.test", "quick", "t9.test"),
        ("user+q@t9.test", "slow", "t9.test"),
        ("other@t9.test", "smtp", "nine"),
        ("a@t14.test", "smtp", "a:b"),
        ("a@alias.test", "error", "5.1.1 User unknown in virtual alias table"),
        ("a@box.test", "lmtp", "box.test"),
        ("user@example.com", "smtp", "u"),
    ],
)
def test_transport_maps_override_transport_and_next_hop(
    open_routing: OpenRouting, address: str, transport: str, nexthop: str
) -> None:
    routing = open_routing(**CLASSES, transport_maps=TRANSPORTS)
    assert go(routing, address) == (transport, nexthop)


def test_a_choice_holds_for_all_of_a_domain_unless_a_table_chooses(
    open_routing: OpenRouting,
) -> None:
    routing = open_routing(**CLASSES)
    first, second = (where(routing, f"{user}@t9.test") for user in ("user", "other"))
    assert (first.transport, first.nexthop) == (second.transport, second.nexthop)
    assert (first.recipient, second.recipient) == ("user@t9.test", "other@t9.test")
    routing = open_routing(**CLASSES, transport_maps=TRANSPORTS)
    transports = [
        where(routing, f"{user}@t9.test").transport for user in ("other", "user", "other")
    ]
    assert transports == ["smtp", "slow", "smtp"]


def test_a_sender_has_its_own_relayhost_whoever_sent_to_the_domain_before(
    open_routing: OpenRouting,
) -> None:
    maps = "inline:{{a@s.test=[first.test]},{b@s.test=[second.test]}}"
    routing = open_routing(sender_dependent_relayhost_maps=maps)
    senders = ("a@s.test", "b@s.test", "c@s.test")
    nexthops = [where(routing, "user@there.test", sender).nexthop for sender in senders]
    assert nexthops == ["[first.test]", "[second.test]", "there.test"]


def test_the_wildcard_of_transport_maps_comes_last(open_routing: OpenRouting) -> None:
    maps = "inline:{{*=:wild},{c.test=:},{p.test=smtp:}}"
    routing = open_routing(**CLASSES, transport_maps=maps, relayhost="[rh.test]")
    assert go(routing, "a@o.test") == ("smtp", "wild")
    assert go(routing, "a@box.test") == ("virtual", "wild")
    assert go(routing, "a@example.com") == ("local", "wild")
    assert go(routing, "a@c.test") == ("smtp", "[rh.test]")
    assert go(routing, "a@p.test") == ("smtp", "p.test")


def test_parents_in_transport_maps_have_no_dot_if_so_configured(open_routing: OpenRouting) -> None:
    maps = "inline:{{sub.test=x:y}}"
    assert go(open_routing(transport_maps=maps), "a@x.sub.test")[0] == "smtp"
    routing = open_routing(transport_maps=maps, parent_domain_matches_subdomains="transport_maps")
    assert go(routing, "a@x.sub.test") == ("x", "y")


def test_relayhost_is_the_next_hop_of_relay_and_default_alone(open_routing: OpenRouting) -> None:
    routing = open_routing(**CLASSES, relayhost="[rh.test]")
    assert go(routing, "a@o.test") == ("smtp", "[rh.test]")
    assert go(routing, "a@relay.test") == ("relay", "[rh.test]")
    assert go(routing, "a@box.test") == ("virtual", "box.test")
    assert go(routing, "a@example.com") == ("local", "mail.example.com")


def test_a_next_hop_in_a_transport_parameter_wins(open_routing: OpenRouting) -> None:
    routing = open_routing(
        **CLASSES,
        relayhost="[rh.test]",
        default_transport="smtp:[d]",
        virtual_transport="lmtp:unix:private/lmtp",
        local_transport="lmtp",
    )
    assert go(routing, "a@o.test") == ("smtp", "[d]")
    assert go(routing, "a@box.test") == ("lmtp", "unix:private/lmtp")
    assert go(routing, "a@example.com") == ("lmtp", "example.com")


@pytest.mark.parametrize(
    ("sender", "address", "transport", "nexthop"),
    [
        ("d@s.test", "a@o.test", "smtp", "[rh.test]"),
        ("x@s.test", "a@o.test", "smtp", "[sx.test]"),
        ("q@dom.test", "a@o.test", "smtp", "[dd.test]"),
        ("", "a@o.test", "smtp", "[null.test]"),
        ("t@s.test", "a@o.test", "foo", "bar"),
        ("u@s.test", "a@o.test", "foo", "[rh.test]"),
        ("v@s.test", "a@o.test", "smtp", "[rh.test]"),
        ("x@s.test", "a@relay.test", "relay", "[sx.test]"),
        ("t@s.test", "a@relay.test", "relay", "[rh.test]"),
    ],
)
def test_the_sender_may_choose_relayhost_and_default_transport(
    open_routing: OpenRouting, sender: str, address: str, transport: str, nexthop: str
) -> None:
    routing = open_routing(
        **CLASSES,
        relayhost="[rh.test]",
        sender_dependent_relayhost_maps="inline:{{d@s.test=DUNNO},{x@s.test=[sx.test]},"
        "{@dom.test=[dd.test]},{<>=[null.test]}}",
        sender_dependent_default_transport_maps="inline:{{t@s.test=foo:bar},{u@s.test=foo:},"
        "{v@s.test=DUNNO}}",
    )
    assert go(routing, address, sender) == (transport, nexthop)


def test_users_that_have_moved_are_told_of(open_routing: OpenRouting) -> None:
    routing = open_routing(
        relocated_maps="inline:{{gone@example.com=new@x.test},{@moved.test=x y},{old=there}}"
    )
    assert go(routing, "gone+x@example.com") == ("error", "5.1.6 User has moved to new@x.test")
    assert go(routing, "a@moved.test") == ("error", "5.1.6 User has moved to x y")
    assert go(routing, "old@example.com") == ("error", "5.1.6 User has moved to there")


@pytest.mark.parametrize(
    "setting",
    [
        {"transport_maps": "fail:x"},
        {"mydestination": "fail:x"},
        {"relay_domains": "fail:x"},
        {"relocated_maps": "fail:x"},
        {"sender_dependent_relayhost_maps": "fail:x"},
        {"sender_dependent_default_transport_maps": "static::x"},
    ],
)
def test_a_lookup_that_fails_decides_nothing(
    open_routing: OpenRouting, setting: dict[str, str]
) -> None:
    with pytest.raises(MapUnavailable):
        where(open_routing(**setting), "user@other.org")


@pytest.mark.parametrize(
    "setting",
    [
        {"default_transport": ":x"},
        {"transport_maps": "hash:/no/such"},
        {"relay_domains": "nosuch:x"},
        {"inet_protocols": "ipv5"},
    ],
)
def test_a_configuration_that_cannot_be_used_is_told_at_the_start(
    open_routing: OpenRouting, setting: dict[str, str]
) -> None:
    with pytest.raises(ConfigError):
        open_routing(**setting)


def test_domains_in_tables_are_looked_up_each_time(open_routing: OpenRouting) -> None:
    routing = open_routing(virtual_mailbox_domains="inline:{box.test=x}")
    assert go(routing, "a@box.test") == ("virtual", "box.test")
    assert go(routing, "a@box.test") == ("virtual", "box.test")


ADDRESSES = (
    st.text()
    | st.text(alphabet='ab@!%.:"\\ <>(),[]-')
    | st.lists(
        st.sampled_from(["a", "b.c", "example.com", "@", "%", "!", '"', ".", "[127.0.0.1]", "\\"])
    ).map("".join)
)


@given(ADDRESSES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_goes_somewhere(open_routing: OpenRouting, address: str) -> None:
    routing = open_routing(**CLASSES)
    found = where(routing, address)
    assert found.transport
    assert found.nexthop
    if not found.malformed:
        again = where(routing, found.recipient)
        assert again.malformed or again.transport


@pytest.mark.parametrize(
    "address",
    [
        "a@example.com" + "@example.com" * 5000,
        "%example.com" * 5000,
        "example.com!" * 5000,
        "a!" * 30000,
        "a" * 65536,
        "@" * 65536,
        '"' * 65536,
        "(" * 65536,
        "@r:" * 20000,
        "\\" * 65535,
    ],
)
@pytest.mark.parametrize("length", [8192, 65_536])
def test_a_long_address_is_decided_fast(
    open_routing: OpenRouting, address: str, length: int
) -> None:
    routing = open_routing(transport_maps="inline:{x.test=smtp:}")
    took = []
    for _ in range(3):
        started = time.process_time()
        where(routing, address[:length])
        took.append(time.process_time() - started)
    assert min(took) < 0.05


def test_an_address_that_is_too_long_is_bad(open_routing: OpenRouting) -> None:
    assert not where(open_routing(), "a" * 8180 + "@example.com").malformed
    assert where(open_routing(), "a" * 8181 + "@example.com").malformed


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.binary(max_size=200), sender=st.binary(max_size=40))
def test_any_bytes_go_somewhere_by_any_tables(
    open_routing: OpenRouting, data: bytes, sender: bytes
) -> None:
    tables = "inline:{{x.test=smtp:}, {a@example.com=:b}, {*=slow:}}"
    routing = open_routing(
        **CLASSES,
        transport_maps=tables,
        sender_dependent_relayhost_maps=tables,
        sender_dependent_default_transport_maps="pcre:{{/^[a-m]/ smtp:x} {/^n/ DUNNO}}",
        relocated_maps="inline:{gone@example.com=away}",
        recipient_delimiter="+-",
        resolve_null_domain="yes",
        resolve_numeric_domain="yes",
    )
    address = data.decode("utf-8", "surrogateescape")
    found = where(routing, address, sender.decode("utf-8", "surrogateescape"))
    assert found.transport
    assert found.nexthop


@pytest.mark.parametrize(
    ("domain", "kind"),
    [("[192.0.2.1]", "virtual alias"), ("[192.0.2.2]", "relay"), ("10.0.0.0/8", "default")],
)
def test_an_address_in_a_list_of_domains_is_a_word_as_every_other(
    open_routing: OpenRouting, domain: str, kind: str
) -> None:
    routing = open_routing(
        virtual_alias_domains="[192.0.2.1]", relay_domains="[192.0.2.2] 10.0.0.0/8"
    )
    assert where(routing, f"a@{domain}").address_class == kind


def test_a_domain_in_two_lists_is_told_once(open_routing: OpenRouting) -> None:
    said: list[str] = []
    tell_problems(said.append)
    try:
        routing = open_routing(
            mydestination="both.test",
            virtual_alias_domains="inline:{both.test=x, two.test=x}",
            virtual_mailbox_domains="two.test three.test",
            relay_domains="three.test, fine.test",
        )
        for domain in ("both.test", "two.test", "three.test", "fine.test", "both.test"):
            where(routing, f"a@{domain}")
    finally:
        keep_problems()
    assert said == [
        "do not list domain both.test in BOTH mydestination and virtual_alias_domains",
        "do not list domain two.test in BOTH virtual_alias_domains and virtual_mailbox_domains",
        "do not list domain three.test in BOTH virtual_mailbox_domains and relay_domains",
    ]


def test_no_mail_waits_for_the_list_of_another_class(open_routing: OpenRouting) -> None:
    routing = open_routing(virtual_mailbox_domains="fail:down")
    assert where(routing, "a@example.com").address_class is AddressClass.LOCAL


def test_what_relocated_maps_say_may_stand_without_the_prefix(open_routing: OpenRouting) -> None:
    moved = "inline:{joe@example.com=joe@new.test}"
    assert go(open_routing(relocated_maps=moved), "joe@example.com") == (
        "error",
        "5.1.6 User has moved to joe@new.test",
    )
    bare = open_routing(relocated_maps=moved, relocated_prefix_enable="no")
    assert go(bare, "joe@example.com") == ("error", "joe@new.test")


def test_a_name_beyond_ascii_is_no_domain_where_smtputf8_is_off(open_routing: OpenRouting) -> None:
    found = where(open_routing(smtputf8_enable="no"), "a@b\u00fccher.test")
    assert found.malformed
    assert not where(open_routing(), "a@b\u00fccher.test").malformed
