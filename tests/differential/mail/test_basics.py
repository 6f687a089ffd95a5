"""The plain ways of a message through both systems; also how modules of this folder are written.

A module is data: sites (one configuration each, which costs a start of both systems, so let each
have some ten cases), and in each the mail that it gets. `shows` says what a case is for, in words
of Postfix's story. To read the stories of a site:

    TWIN_SHOW=1 .venv/bin/pytest -s tests/differential/mail/test_basics.py -k relayhost

What there is to say of a site and of a message, and the main.cf that every site begins with:
tests/support/twin/cases.py.
"""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

SITES = [
    Site(
        "mail for elsewhere goes to its domain",
        cases=[
            mail("a@src.example", "b@far.example", shows="<b@far.example> at [far.example]"),
            mail("a@src.example", ["b@one.example", "c@two.example"], shows="at [two.example]"),
            mail("", "b@far.example", shows="from <>"),
            mail("a@src.example", "b@far.example", by="outside", shows="454 4.7.1 <b@far.example>"),
            mail("a@src.example", "b@[192.0.2.7]", shows="at [[192.0.2.7]]"),
            mail('"a b"@src.example', '"c d"@far.example', shows="<c d@far.example>"),
            mail("a@src.example", "b@far.example", "", about="nothing at all"),
            mail("a@src.example", "b@far.example", "no header\n\n.\n..\nend\n"),
            mail("a@src.example", "b", shows="<b@mx.test.example>"),
        ],
    ),
    Site(
        "sendmail hands mail in",
        cases=[
            mail("a@src.example", "b@far.example", by="sendmail", shows="from userid 0"),
            mail("joe", "b@far.example", by="sendmail", shows="from <joe@mx.test.example>"),
            mail("", "b@far.example", by="sendmail", shows="from <>"),
            mail(None, "b@far.example", by="sendmail", shows="from <root@mx.test.example>"),
            mail(
                *(
                    "a@src.example",
                    "",
                    "To: b@far.example (x),\n c@far.example\nBcc: d@e.example\n\n",
                ),
                by="sendmail",
                options=["-t"],
                shows="at [e.example]",
            ),
            mail(
                "a@b.example",
                "c@d.example",
                "Subject: x\n\n.\nend\n",
                by="sendmail",
                options=["-i"],
            ),
            mail("a@b.example", "c@d.example", "Subject: x\n\nx\n.\nend\n", by="sendmail"),
            mail("a@b.example", "c@d.example", by="sendmail", options=["-F", "A Name"]),
        ],
    ),
    Site(
        "relayhost and transport maps",
        main="""
            relayhost = [relay.example]:2525
            transport_maps = inline:{ {near.example = slow:[10.0.0.1]},
                {.near.example = :[under.near.example]}, {who@away.example = relay:},
                {gone.example = error:5.7.1 closed for ever}, {later.example = retry:4.7.9 not now},
                {void.example = discard:swallowed} }
        """,
        master="slow unix - - n - - smtp\n",
        cases=[
            mail("a@src.example", "b@far.example", shows="at [[relay.example]:2525]"),
            mail(
                "a@src.example",
                "b@near.example",
                shows="by slow to <b@near.example> at [[10.0.0.1]]",
            ),
            mail("a@src.example", "b@x.near.example", shows="at [[under.near.example]]"),
            mail("a@src.example", "who@away.example", shows="by relay to"),
            mail("a@src.example", "b@gone.example", shows="550 5.7.1 <b@gone.example>"),
            mail("a@src.example", "b@later.example", shows="450 4.7.9 <b@later.example>"),
            mail("a@src.example", "b@void.example", shows="2.0.0 sent: swallowed"),
            mail("a@b.example", "b@gone.example", by="sendmail", shows="5.7.1 bounced: closed for"),
            mail("a@b.example", "b@later.example", by="sendmail", shows="4.7.9 deferred: not now"),
            mail("a@src.example", ["x@gone.example", "y@void.example", "z@near.example"]),
        ],
    ),
    Site(
        "domains of this machine",
        main="""
            mydestination = $myhostname, here.example
            local_recipient_maps = inline:{ {joe = x}, {nobody = x} }
            relay_domains = relayed.example
            relay_recipient_maps = inline:{ {known@relayed.example = x} }
            virtual_mailbox_domains = boxes.example
            virtual_mailbox_maps = inline:{ {box@boxes.example = box/} }
            virtual_alias_domains = aliases.example
            virtual_alias_maps = inline:{ {list@aliases.example = joe@here.example, x@far.example},
                {info@here.example = joe} }
            recipient_delimiter = +
        """,
        cases=[
            mail("a@src.example", "joe@here.example", by="outside", shows="by local to"),
            mail("a@src.example", "joe+list@mx.test.example", by="outside", shows="<joe+list@"),
            mail("a@src.example", "who@here.example", by="outside", shows="550 5.1.1 <who@here"),
            mail("a@src.example", "known@relayed.example", by="outside", shows="by relay to"),
            mail("a@src.example", "who@relayed.example", by="outside", shows="550 5.1.1"),
            mail("a@src.example", "known@sub.relayed.example", by="outside", shows="550 5.1.1"),
            mail("a@src.example", "box+x@boxes.example", by="outside", shows="by virtual to"),
            mail("a@src.example", "who@boxes.example", by="outside", shows="550 5.1.1"),
            mail("a@src.example", "list@aliases.example", by="outside", shows="was <list@aliases"),
            mail("a@src.example", "who@aliases.example", by="outside", shows="550 5.1.1"),
            mail(
                "a@src.example",
                "info+x@here.example",
                by="outside",
                shows="<joe+x@mx.test.example>",
            ),
            mail("a@src.example", ["joe@here.example", "b@far.example"], by="outside"),
        ],
    ),
    Site(
        "checks refuse, hold and discard",
        main="""
            smtpd_sender_restrictions = check_sender_access inline:{
                {bad@src.example = 554 5.7.1 not you}, {wait@src.example = HOLD for review},
                {void@src.example = DISCARD}, {late@src.example = DEFER later} }
            smtpd_recipient_restrictions = reject_non_fqdn_recipient, permit
            relocated_maps = inline:{ {moved@here.example = new@there.example} }
            mydestination = here.example
            always_bcc = archive@far.example
        """,
        cases=[
            mail("bad@src.example", "b@far.example", shows="554 5.7.1 <bad@src.example>"),
            mail("wait@src.example", "b@far.example", shows="on hold"),
            mail("void@src.example", "b@far.example", shows="taken, and nothing came of it"),
            mail("late@src.example", "b@far.example", shows="450 4.7.1"),
            mail("a@src.example", "b", shows="504 5.5.2 <b>"),
            mail("a@src.example", "moved@here.example", shows="5.1.6 <moved@here.example>"),
            mail("a@src.example", "b@far.example", shows="to <archive@far.example>"),
            mail("not an address@", "b@far.example", shows="501 5.1.7"),
            mail("a@src.example", "b@far..example", shows="501 5.1.3"),
        ],
    ),
]


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
