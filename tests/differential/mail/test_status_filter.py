"""What main.cf makes of answers: tables that change status codes, and soft_bounce."""

import pytest

from tests.differential.mail.test_local_aliases import MAIN, SENDER, to
from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

ALIASES = """\
many: bad1, x@far.example
fails: "|exit 67", "|exit 75", games
two: games, news
"""
ROUTES = """\
transport_maps = inline:{ {gone.example = error:5.1.2 no such}, {later.example = retry:4.1.2 wait},
  {void.example = discard:}, {p.example = p}, {v.example = virtual:} }
virtual_mailbox_base = {out}
virtual_uid_maps = static:5000
virtual_gid_maps = static:5000
virtual_mailbox_maps = inline:{ {u@v.example=u/} }
smtpd_reject_unlisted_recipient = no
"""
COMMAND = "p unix - n n - - pipe user=nobody argv=/bin/false\n"
FILTER = "default_delivery_status_filter = pcre:{etc}/filter\n"
CASES = [
    to("games"),
    to("many"),
    to("bad1"),
    to("fails"),
    to("two", rcpt_options=["NOTIFY=SUCCESS"]),
    *(
        mail(SENDER, f"{name}.example")
        for name in ("a@gone", "a@later", "a@void", "x@p", "u@v", "no@v", "x@far")
    ),
]


def site(name: str, main: str, *rules: str) -> Site:
    """Return a site with rules of a filter."""
    files = {"aliases": ALIASES, "filter": "".join(f"{rule}\n" for rule in rules)}
    real = {"local", "virtual", "p"}
    return Site(name, MAIN + ROUTES + main, CASES, master=COMMAND, files=files, real=real)


SITES = [
    site("nothing is final", "soft_bounce = yes\n"),
    site(
        "other codes, other texts",
        FILTER,
        r"/^5(\.\d+\.\d+ unknown.*)/ 4$1",
        r"/^5\.3\.0 (.*)/ 5.9.9 said $1",
        "/^4(.*)/ 5$1",
        "/^2.0.0 (.*)/ 2.7.7 fine $1",
    ),
    site(
        "results that cannot be",
        FILTER,
        r"/^5\.1(.*)/ rubbish",
        "/^4(.*)/ 2$1",
        "/^2.0.0 (.*)/ 5.7.7 fine $1",
        r"/^5\.3\.0/ 5.6.7",
    ),
    site("other codes and nothing final", FILTER + "soft_bounce = yes\n", "/^4(.*)/ 5$1"),
    site("a filter that gives no answer", "default_delivery_status_filter = fail:filter\n"),
    site("a filter of one agent", FILTER + "local_delivery_status_filter =\n", "/^2(.*)/ 2$1!"),
]


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
