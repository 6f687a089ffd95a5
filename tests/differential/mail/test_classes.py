"""Address classes, what smtpd asks of recipients, and next hops, through both systems."""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

S = "s@src.example"
CLASSES = """\
mydestination = here.example, localhost
virtual_alias_domains = alias.example
virtual_alias_maps = inline:{ {x@alias.example=y@far.example}, {known=k@far.example} }
virtual_mailbox_domains = box.example
virtual_mailbox_maps = inline:{ {x@box.example=x/}, {@all.box.example=a/} }
relay_domains = relay.example, .dotted.example
relay_recipient_maps = inline:{ {x@relay.example=ok}, {@sub.relay.example=ok} }
local_recipient_maps = inline:{ {x=ok}, {full@here.example=ok}, {@localhost=ok} }
recipient_delimiter = +
"""
NUMBERS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve"),
)
DOWN = """
    mydestination = here.example
    virtual_mailbox_domains = box.example
    relay_domains = relay.example
    local_recipient_maps = fail:local
    virtual_mailbox_maps = fail:box
    relay_recipient_maps = fail:relay
"""

SITES = [
    Site(
        "each class knows its recipients",
        main=CLASSES,
        cases=[
            mail(S, "x@here.example", shows="delivered by local"),
            mail(S, "X+y@HERE.example", shows="delivered by local"),
            mail(S, "full@here.example", shows="delivered by local"),
            mail(S, "any@localhost", shows="delivered by local"),
            mail(S, "no@here.example", shows="550 5.1.1"),
            mail(S, "known@here.example", shows="to <k@far.example>"),
            mail(S, "postmaster@here.example", shows="delivered by local"),
            mail(S, "postmaster"),
            mail(S, "Mailer-Daemon@here.example", shows="delivered by local"),
            mail(S, "double-bounce@here.example"),
            mail(S, "x@alias.example", shows="to <y@far.example>"),
            mail(S, "no@alias.example", shows="User unknown in virtual alias table"),
            mail(S, "postmaster@alias.example"),
            mail(S, "x@box.example", shows="delivered by virtual"),
            mail(S, "x+y@box.example", shows="delivered by virtual"),
            mail(S, "no@box.example", shows="User unknown in virtual mailbox table"),
            mail(S, "x@relay.example", shows="delivered by relay"),
            mail(S, "no@relay.example", shows="User unknown in relay recipient table"),
            mail(S, "any@sub.relay.example", shows="delivered by relay"),
            mail(S, "x@a.dotted.example"),
            mail(S, "x@dotted.example"),
            mail(S, "x@far.example", shows="delivered by smtp"),
        ],
    ),
    Site(
        "strangers reach what is ours alone",
        main=CLASSES,
        cases=[
            mail(S, "x@here.example", by="outside", shows="delivered by local"),
            mail(S, "x@relay.example", by="outside", shows="delivered by relay"),
            mail(S, "x@box.example", by="outside", shows="delivered by virtual"),
            mail(S, "x@alias.example", by="outside", shows="to <y@far.example>"),
            mail(S, "x@far.example", by="outside", shows="454 4.7.1"),
            mail(S, "x%far.example@here.example", by="outside"),
            mail(S, "far.example!x@here.example", by="outside"),
            mail(S, '"x@far.example"@here.example', by="outside"),
            mail(S, "x%far.example@relay.example", by="outside"),
            mail(S, "far.example!x@relay.example", by="outside"),
            mail(S, '"x@far.example"@relay.example', by="outside"),
            mail(S, "@here.example:x@far.example", by="outside"),
            mail(S, "@far.example:x@here.example", by="outside"),
            mail(S, "x@here.example@far.example", by="outside"),
            mail(S, "x@[127.0.0.1]", by="outside"),
            mail(S, "x@[192.0.2.1]", by="outside"),
            mail(S, "x", by="outside"),
            mail(S, "postmaster", by="outside"),
            mail(S, "-x@here.example", by="outside"),
            mail(S, "-x@far.example"),
            mail(S, "x@here.example.", by="outside"),
            mail(S, "x@far..example"),
            mail(S, "x@-far.example"),
            mail(S, "x@1.2.3.4"),
        ],
    ),
    Site(
        "routed addresses for those who trust them",
        main=CLASSES + "allow_untrusted_routing = yes\n",
        cases=[
            mail(S, "x%far.example@relay.example", by="outside"),
            mail(S, '"x@far.example"@relay.example', by="outside"),
            mail(S, "far.example!x@relay.example", by="outside"),
            mail(S, "x%far.example@here.example", by="outside"),
        ],
    ),
    Site(
        "unknown recipients with reply codes of their own and without the table's name",
        main=CLASSES
        + """\
show_user_unknown_table_name = no
unknown_local_recipient_reject_code = 450
unknown_relay_recipient_reject_code = 551
unknown_virtual_alias_reject_code = 552
unknown_virtual_mailbox_reject_code = 553
""",
        cases=[
            mail(S, f"no@{domain}.example", shows=code)
            for domain, code in (
                *(("here", "450"), ("relay", "551"), ("alias", "552"), ("box", "553")),
            )
        ],
    ),
    Site(
        "tables of recipients are down",
        main=DOWN,
        cases=[
            mail(S, "x@here.example", shows="451 4.3.0"),
            mail(S, "postmaster@here.example"),
            mail(S, "x@box.example", shows="451 4.3.0"),
            mail(S, "x@relay.example", shows="451 4.3.0"),
            mail(S, "x@far.example", shows="delivered by smtp"),
        ],
    ),
    Site(
        "unlisted recipients are not refused",
        main=CLASSES + "smtpd_reject_unlisted_recipient = no\n",
        cases=[
            mail(S, "no@here.example", shows="delivered by local"),
            mail(S, "no@box.example", shows="delivered by virtual"),
            mail(S, "no@relay.example", shows="delivered by relay"),
            mail(S, "no@alias.example", shows="bounced"),
        ],
    ),
    Site(
        "lists that are down",
        main="relay_domains = fail:down\nmydestination = here.example\nlocal_recipient_maps =\n",
        cases=[
            mail(S, "x@here.example", shows="delivered by local"),
            mail(S, "x@far.example", shows="451"),
            mail(S, "x@far.example", by="outside", shows="451"),
            mail(S, "x@here.example", by="outside"),
        ],
    ),
    Site(
        "mail that sendmail hands in waits for lists that are down",
        main="virtual_mailbox_domains = fail:down\nmydestination = here.example\n",
        cases=[
            mail(S, "x@far.example", by="sendmail", shows="deferred"),
            mail(S, "x@here.example", by="sendmail", shows="delivered by local"),
            mail(S, ["x@far.example", "y@here.example"], by="sendmail", shows="deferred"),
        ],
    ),
    Site(
        "mail that sendmail hands in waits for transport maps that are down",
        main="transport_maps = inline:{x@ok.example=slow:there}, fail:down\n",
        master="slow unix - - n - - smtp\n",
        cases=[
            mail(S, "x@ok.example", by="sendmail", shows="delivered by slow"),
            mail(S, "y@ok.example", by="sendmail", shows="deferred"),
            mail(S, "x@ok.example", shows="delivered by slow"),
            mail(S, "y@ok.example", shows="451"),
        ],
    ),
    Site(
        "mail waits for tables of senders and of moved addresses that are down",
        main="""
            sender_dependent_relayhost_maps = inline:{ok@src.example=[relay.example]}, fail:down
            relocated_maps = inline:{gone@far.example=elsewhere}, fail:down
        """,
        cases=[
            mail("ok@src.example", "x@far.example", by="sendmail", shows="deferred"),
            mail("no@src.example", "x@far.example", by="sendmail", shows="deferred"),
            mail("ok@src.example", "gone@far.example", by="sendmail", shows="bounced"),
            mail("ok@src.example", "gone@far.example", shows="550"),
            mail("ok@src.example", "x@far.example", shows="451"),
        ],
    ),
    Site(
        "transports that are not there, or are no transports",
        main="""
            transport_maps = inline:{ {one.example=nosuch:there}, {two.example=nosuch:},
                {three.example=:only}, {four.example=error:}, {five.example=retry:},
                {six.example=discard:}, {seven.example=smtp:[h.example]:26}, {eight.example=a/b:c},
                {nine.example=smtp:a.example, [b.example]:27}, {ten.example=error:4.2.0 later},
                {eleven.example=retry:5.7.1 never}, {twelve.example=retry:4.7.1 wait} }
        """,
        cases=[
            *(mail(S, f"x@{name}.example", by="sendmail") for name in NUMBERS),
            *(mail(S, f"x@{name}.example") for name in NUMBERS),
        ],
    ),
    Site(
        "sender dependent routes",
        main="""
            relayhost = [relay.example]
            default_transport = slow
            sender_dependent_relayhost_maps = inline:{ {a@src.example=[a.example]:26},
                {@dom.example=[dom.example]}, {<>=[null.example]}, {no@dom.example=DUNNO} }
            sender_dependent_default_transport_maps = inline:{ {t@src.example=fast:[t.example]},
                {@fast.example=fast}, {u@fast.example=dunno} }
            relay_domains = relay-domain.example
        """,
        master="slow unix - - n - - smtp\nfast unix - - n - - smtp\n",
        cases=[
            mail("a@src.example", "x@far.example", shows="<x@far.example> at [[a.example]:26]"),
            mail("b@src.example", "x@far.example", shows="at [[relay.example]]"),
            mail("z@dom.example", "x@far.example", shows="at [[dom.example]]"),
            mail("no@dom.example", "x@far.example", shows="at [[relay.example]]"),
            mail("", "x@far.example", shows="at [[null.example]]"),
            mail("t@src.example", "x@far.example", shows="<x@far.example> at [[t.example]]"),
            mail("z@fast.example", "x@far.example", shows="by fast"),
            mail("u@fast.example", "x@far.example", shows="by slow"),
            mail("a@src.example", "x@relay-domain.example", shows="by relay"),
            mail("t@src.example", "x@relay-domain.example", shows="by relay"),
            mail("a@src.example", ["x@far.example", "y@other.example"], by="sendmail"),
        ],
    ),
    Site(
        "recipients of one message to one next hop",
        main="""
            relayhost = [relay.example]
            mydestination = here.example
            default_destination_recipient_limit = 3
            transport_maps = inline:{ {a.example=smtp:Mixed.Case}, {b.example=smtp:mixed.case} }
        """,
        cases=[
            mail(S, ["a@one.example", "b@two.example"]),
            mail(S, [f"u{number}@far.example" for number in range(5)]),
            mail(S, ["x@a.example", "y@b.example"]),
            mail(S, ["x@here.example", "y@here.example"]),
        ],
    ),
]


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
