"""Copies, duplicates, notices of aliases, and addresses that have moved, through both systems."""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

S = "s@src.example"

SITES = [
    Site(
        "always_bcc gets a copy of mail from outside",
        main="""
            always_bcc = Archive@keep.example
            virtual_alias_maps = inline:{x@a.example=y@far.example}
        """,
        cases=[
            mail(S, "b@far.example", shows="to <Archive@keep.example>"),
            mail(S, ["b@far.example", "Archive@keep.example"]),
            mail("", "b@far.example", shows="to <Archive@keep.example>"),
            mail(S, "b@far.example", by="sendmail", shows="to <Archive@keep.example>"),
            mail(S, "b@far.example", rcpt_options=["NOTIFY=SUCCESS"]),
            mail(S, "x@a.example"),
            mail(S, "b@far.example", rcpt_options=["ORCPT=rfc822;orig@x.example"]),
        ],
    ),
    Site(
        "a copy for a local name, without a domain",
        main="""
            always_bcc = archive
            mydestination = mx.test.example
            virtual_alias_maps = inline:{archive=real@far.example}
        """,
        cases=[mail(S, "b@far.example", shows="to <real@far.example>")],
    ),
    Site(
        "sender_bcc_maps and recipient_bcc_maps",
        main="""
            sender_bcc_maps = texthash:{etc}/sender
            recipient_bcc_maps = texthash:{etc}/recipient
            recipient_delimiter = +
            mydestination = here.example
            virtual_alias_maps = inline:{ {list@a.example=m1@far.example, m2@far.example} }
        """,
        files={
            "sender": """\
s@src.example     sent@keep.example
@dom.example      dom@keep.example
joe               joe@keep.example
s+x@src.example   sx@keep.example
two@src.example   one@keep.example, two@keep.example
""",
            "recipient": """\
b@far.example     got@keep.example
@list.example     all@keep.example
u                 local@keep.example
list@a.example    listcopy@keep.example
m1@far.example    m1copy@keep.example
e+x@far.example   ex@keep.example
e@far.example     e@keep.example
self@far.example  self@far.example
""",
        },
        cases=[
            mail(S, "x@far.example", shows="to <sent@keep.example>"),
            mail(S, "b@far.example", shows="to <got@keep.example>"),
            mail("s+x@src.example", "x@far.example", shows="to <sx@keep.example>"),
            mail("s+y@src.example", "x@far.example", shows="to <sent@keep.example>"),
            mail("any@dom.example", "x@far.example", shows="to <dom@keep.example>"),
            mail("joe@here.example", "x@far.example", shows="to <joe@keep.example>"),
            mail("joe", "x@far.example", shows="to <joe@keep.example>"),
            mail("two@src.example", "x@far.example"),
            mail("", "b@far.example", shows="to <got@keep.example>"),
            mail("q@q.example", ["b@far.example", "c@list.example", "d@list.example"]),
            mail("q@q.example", "u@here.example", shows="to <local@keep.example>"),
            mail("q@q.example", "list@a.example"),
            mail("q@q.example", "e+x@far.example", shows="to <ex@keep.example>"),
            mail("q@q.example", "e+y@far.example", shows="to <e@keep.example>"),
            mail("q@q.example", "self@far.example"),
            mail("q@q.example", ["b@far.example", "B@far.example"]),
            mail(S, "b@far.example", by="sendmail", shows="to <sent@keep.example>"),
        ],
    ),
    Site(
        "tables of copies that give no answer",
        main="sender_bcc_maps = inline:{ok@src.example=x@keep.example}, fail:down\n",
        cases=[mail("ok@src.example", "b@far.example"), mail(S, "b@far.example", shows="451")],
    ),
    Site(
        "recipient copies that give no answer",
        main="recipient_bcc_maps = inline:{ok@far.example=x@keep.example}, fail:down\n",
        cases=[
            mail(S, "ok@far.example"),
            mail(S, "b@far.example", shows="451"),
            mail(S, ["ok@far.example", "b@far.example"], shows="451"),
        ],
    ),
    Site(
        "no address mappings",
        main=(
            "receive_override_options = no_address_mappings\nalways_bcc = archive@keep.example\n"
            "virtual_alias_maps = inline:{x@far.example=y@far.example}\n"
            "canonical_maps = inline:{c@far.example=d@far.example}\n"
        ),
        cases=[
            mail(S, "x@far.example", shows="to <x@far.example>"),
            mail("c@far.example", "c@far.example", shows="to <c@far.example>"),
            mail(S, ["dup@far.example", "dup@far.example"]),
            mail(S, "x@far.example", by="sendmail"),
        ],
    ),
    Site(
        "duplicate recipients",
        main="""
            virtual_alias_maps = inline:{ {a1@a.example=same@far.example},
                {a2@a.example=same@far.example}, {l@a.example=p@far.example, q@far.example} }
        """,
        cases=[
            mail(S, ["d@far.example", "d@far.example"]),
            mail(S, ["d@far.example", "D@Far.Example"]),
            mail(S, ["a1@a.example", "a2@a.example"]),
            mail(S, ["a1@a.example", "same@far.example"]),
            mail(S, ["same@far.example", "a1@a.example", "a1@a.example"]),
            mail(S, ["l@a.example", "p@far.example"]),
            mail(S, ["d", "d@mx.test.example", "D"]),
            mail(S, ["d", "d@mx.test.example"], by="sendmail"),
        ],
    ),
    Site(
        "duplicate recipients without original recipients",
        main="""
            enable_original_recipient = no
            virtual_alias_maps = inline:{ {a1@a.example=same@far.example},
                {a2@a.example=same@far.example} }
        """,
        cases=[
            mail(S, ["a1@a.example", "a2@a.example"]),
            mail(S, ["a1@a.example", "same@far.example"]),
            mail(S, ["d@far.example", "D@Far.Example"]),
            mail(S, ["a1@a.example", "a2@a.example"], by="sendmail"),
        ],
    ),
    Site(
        "a filter of duplicates that is short",
        main="duplicate_filter_limit = 2\n",
        cases=[
            mail(
                S,
                [
                    "a@far.example",
                    "b@far.example",
                    "c@far.example",
                    "c@far.example",
                    "a@far.example",
                ],
            ),
        ],
    ),
    Site(
        "notifications of what aliases expand",
        main=(
            "virtual_alias_maps = inline:{ {one@a.example=uno@far.example},"
            " {many@a.example=m1@far.example, m2@far.example}, {self@a.example=self@a.example},"
            " {gone@a.example=error@err.example}, {two@a.example=uno@far.example} }\n"
            "transport_maps = inline:{ {err.example=error:5.1.1 nobody},"
            " {later.example=retry:not now} }\n"
        ),
        cases=[
            mail(S, "one@a.example", rcpt_options=["NOTIFY=SUCCESS"], shows="expanded"),
            mail(
                S, "one@a.example", rcpt_options=["NOTIFY=SUCCESS,FAILURE,DELAY"], shows="expanded"
            ),
            mail(S, "one@a.example", rcpt_options=["NOTIFY=FAILURE"]),
            mail(S, "one@a.example", rcpt_options=["NOTIFY=NEVER"]),
            mail(S, "many@a.example", rcpt_options=["NOTIFY=SUCCESS"], shows="expanded"),
            mail(S, "self@a.example", rcpt_options=["NOTIFY=SUCCESS"]),
            mail(S, "gone@a.example", rcpt_options=["NOTIFY=SUCCESS,FAILURE"]),
            mail(S, "gone@a.example", rcpt_options=["NOTIFY=SUCCESS"]),
            mail(
                S,
                "one@a.example",
                rcpt_options=["NOTIFY=SUCCESS", "ORCPT=rfc822;first@else.example"],
                mail_options=["ENVID=abc", "RET=HDRS"],
            ),
            mail(S, "plain@far.example", rcpt_options=["NOTIFY=SUCCESS"]),
            mail(S, ["one@a.example", "two@a.example"], rcpt_options=["NOTIFY=SUCCESS"]),
            mail(S, ["one@a.example", "x@later.example"], rcpt_options=["NOTIFY=SUCCESS"]),
            mail("", "one@a.example", rcpt_options=["NOTIFY=SUCCESS"]),
            mail(S, "one@a.example", by="sendmail", options=["-N", "success"], shows="expanded"),
        ],
    ),
    Site(
        "addresses that have moved",
        main=(
            "relocated_maps = texthash:{etc}/relocated\nmydestination = here.example\n"
            "virtual_alias_domains = a.example\nrecipient_delimiter = +\n"
            "virtual_alias_maps = inline:{ {away@a.example=old@far.example} }\n"
        ),
        files={
            "relocated": "old@far.example  new@else.example\njoe  joe@new.example\n"
            "@gone.example  the other side of the river\nx@a.example nowhere\nu+e@far.example ext\n"
        },
        cases=[
            mail(S, "old@far.example", shows="550 5.1.6"),
            mail(S, "OLD+x@far.example", shows="5.1.6"),
            mail(S, "joe@here.example", shows="5.1.6"),
            mail(S, "joe@far.example", shows="to <joe@far.example>"),
            mail(S, "any@gone.example", shows="5.1.6"),
            mail(S, "x@a.example", shows="5.1.6"),
            mail(S, "away@a.example", shows="5.1.6"),
            mail(S, "u+e@far.example", shows="5.1.6"),
            mail(S, "u@far.example", shows="to <u@far.example>"),
            mail(S, "old@far.example", by="sendmail", shows="User has moved to new@else.example"),
            mail(S, ["old@far.example", "u@far.example"], shows="5.1.6"),
        ],
    ),
]


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
