import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.address.parts import Delimiter
from spoolmta.agents.pipe.arguments import Writing, expand, needs_client, parse_argument
from spoolmta.errors import ConfigError
from spoolmta.message.envelope import Client
from spoolmta.message.outcome import Delivery, DeliveryRecipient

CLIENT = Client(
    name="c.example",
    address="192.0.2.1",
    port=2525,
    helo="hi",
    protocol="ESMTP",
    sasl_method="PLAIN",
    sasl_username="u",
    sasl_sender="s",
)


def delivery(*addresses: str, sender: str = "S x@Src.Example", original: str = "") -> Delivery:
    recipients = tuple(
        DeliveryRecipient(number, address, original or address, "", 0)
        for number, address in enumerate(addresses)
    )
    return Delivery(
        *(1, 1, "4ABC", "x", "Next.Hop", sender, 231, "7bit", False, "env", "", 0.0, 0.0, 0.0),
        attempted_at=0.0,
        recipients=recipients,
    )


def words(
    *texts: str, of: Delivery, flags: str = "", null_sender: str = "MAILER-DAEMON"
) -> list[str]:
    writing = Writing(frozenset(flags), null_sender, Delimiter("+"))
    return list(expand([parse_argument(text) for text in texts], of, CLIENT, writing))


def test_what_is_of_a_recipient_is_given_once_for_each() -> None:
    mail = delivery("a+b@One.example", "c@two.example")
    assert words(
        "-d", "${recipient}", "--", "$user/${extension}!$(domain)", "$mailbox", of=mail
    ) == [
        *("-d", "a+b@One.example", "c@two.example", "--"),
        *("a/b!One.example", "c/!two.example", "a+b", "c"),
    ]


def test_what_is_of_the_message_is_given_once() -> None:
    given = words(
        *("$sender", "a${nexthop}b", "$queue_id:$size", "${envid}", "$$x"),
        of=delivery("a@x.example", "b@x.example"),
    )
    assert given == ["S x@Src.Example", "aNext.Hopb", "4ABC:231", "env", "$x"]


def test_who_handed_the_message_in_can_be_named() -> None:
    given = words(
        "$client_address,$client_helo,$client_hostname,$client_port,$client_protocol",
        "$sasl_method,$sasl_sender,$sasl_username",
        of=delivery("a@x.example"),
    )
    assert given == ["192.0.2.1,hi,c.example,2525,ESMTP", "PLAIN,s,u"]
    assert needs_client([parse_argument("x$client_helo")])
    assert not needs_client([parse_argument("$sender")])


def test_flags_fold_and_quote_addresses_but_not_their_parts() -> None:
    mail = delivery("A b+Ext@X.Example", original="O@Y.Example")
    text = "$recipient|$original_recipient|$user|$extension|$mailbox|$domain|$nexthop|$sender"
    assert words(text, of=mail) == [
        "A b+Ext@X.Example|O@Y.Example|A b|Ext|A b+Ext|X.Example|Next.Hop|S x@Src.Example"
    ]
    assert words(text, of=mail, flags="hqu") == [
        '"a b+ext"@x.example|o@y.example|a b|ext|a b+ext|x.example|next.hop|"S x"@Src.Example'
    ]


@pytest.mark.parametrize(
    ("null_sender", "expected"), [("MAILER-DAEMON", "MAILER-DAEMON"), ("", ""), ("<>", '"<>"')]
)
def test_the_null_sender_has_a_name_that_may_be_empty(null_sender: str, expected: str) -> None:
    mail = delivery("a@x.example", sender="")
    assert words("$sender", of=mail, flags="q", null_sender=null_sender) == [expected]


@pytest.mark.parametrize("text", ["${no_such}", "$unknown", "a$", "${}", "${user?x}", "$(user"])
def test_an_unknown_macro_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match=r"macro"):
        parse_argument(text)


@given(st.text())
def test_what_stands_in_an_address_is_never_expanded(local: str) -> None:
    address = f"{local}$user${{sender}}@x.example"
    assert words("$recipient", of=delivery(address)) == [address]


@given(st.text())
def test_any_text_is_an_argument_or_an_error_that_is_told(text: str) -> None:
    try:
        argument = parse_argument(text)
    except ConfigError:
        return
    if "$" not in text:
        assert argument.pieces == ((text,) if text else ())
