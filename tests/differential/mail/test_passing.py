"""Mail that is passed from one transport to another, and mailboxes of address extensions."""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

S = "s@src.example"
OURS = "transport_maps = inline:{ {x.example=smtp:[127.0.0.1]}, {l.example=smtp:[127.0.0.1], h} }\n"

SITES = [
    Site(
        "mail that would loop back goes to the best mx transport",
        main=OURS + "best_mx_transport = ours:there\ndefault_transport = else\n",
        master="ours unix - - n - - smtp\nelse unix - - n - - smtp\n",
        real={"smtp"},
        cases=[
            mail(S, "b@x.example", shows="delivered by ours to <b@x.example> at [there]"),
            mail(S, ["b@x.example", "c@x.example"], shows="<c@x.example> at [there]"),
            mail("", "b@x.example", shows="delivered by ours"),
            mail(S, "b@x.example", rcpt_options=["NOTIFY=SUCCESS,FAILURE"]),
            mail(S, "b@x.example", rcpt_options=["ORCPT=rfc822;first@y.example"]),
            mail(S, ["b@x.example", "c@far.example"], shows="delivered by else"),
        ],
    ),
    Site(
        "the best mx transport takes over the next hop",
        main=OURS + "best_mx_transport = ours\ndefault_transport = else\n",
        master="ours unix - - n - - smtp\nelse unix - - n - - smtp\n",
        real={"smtp"},
        cases=[
            mail(S, "b@x.example", shows="delivered by ours to <b@x.example> at [[127.0.0.1]]"),
        ],
    ),
    Site(
        "mail that would loop back is returned",
        main=OURS + "default_transport = else\n",
        master="else unix - - n - - smtp\n",
        real={"smtp"},
        cases=[
            mail(S, "b@x.example", shows="5.4.6 bounced: mail for 127.0.0.1 loops back to myself"),
            mail(S, ["b@x.example", "c@far.example"], shows="loops back to myself"),
        ],
    ),
    Site(
        "a relayhost that is ourselves is no reason to bounce",
        main="relayhost = [127.0.0.1]\nbest_mx_transport = ours\n",
        master="ours unix - - n - - smtp\n",
        real={"smtp"},
        cases=[mail(S, "b@x.example", by="sendmail", shows="deferred")],
    ),
    Site(
        "virtual mailboxes of address extensions",
        main="""
            virtual_mailbox_domains = box.example
            virtual_mailbox_base = {out}
            virtual_mailbox_maps = texthash:{etc}/boxes
            virtual_uid_maps = static:5000
            virtual_gid_maps = static:5000
            recipient_delimiter = +-
        """,
        files={
            "boxes": "u@box.example u/\nu+x@box.example ux/\n@box.example all\n"
            "v@box.example v\nw-y@box.example wy\nabs@box.example ../abs\n",
        },
        real={"virtual"},
        cases=[
            mail(S, "u@box.example", shows="delivered to maildir"),
            mail(S, "u+x@box.example", shows="file ux/new"),
            mail(S, "u+z@box.example"),
            mail(S, "u-x@box.example"),
            mail(S, "V+more@Box.example", shows="file v"),
            mail(S, "w-y@box.example", shows="file wy"),
            mail(S, "w-z@box.example", shows="file all"),
            mail(S, "nobody@box.example", shows="file all"),
        ],
    ),
]


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
