"""Several destinations of one local recipient: what the sender hears of each."""

import pytest

from tests.differential.mail.test_local_aliases import MAIN, SENDER, to
from tests.support.postfix_oracle import is_installed
from tests.support.twin import Mail, Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

ALIASES = """\
many: bad1, "|false", /no/permission, x@far.example
nest: bad1, inner
inner: bad2, "|echo go away; exit 67"
here: bad1, "|cat > /dev/null", /no/permission
waits: "|cat > /dev/null", bad1, "|exit 75", x@far.example, bad2
wait2: bad1, "|exit 75", "|echo not now; exit 75"
both: passed1, passed2
three: passed1, bad1, passed2
two: games, news
owner-list: boss@far.example
list: bad1, x@far.example
outer: list, "|false"
"""
WISHES = ("NEVER", "FAILURE", "SUCCESS", "SUCCESS,FAILURE", "DELAY", "SUCCESS,DELAY")


def wishing(name: str) -> list[Mail]:
    """Return mail for a name with each of the reports that a sender may wish for."""
    return [
        to(
            name,
            rcpt_options=[f"NOTIFY={wish}", "ORCPT=rfc822;o@x.example"],
            mail_options=["RET=HDRS", "ENVID=e1"],
        )
        for wish in WISHES
    ]


def asking(option: str, *recipients: str, sender: str = SENDER, shows: str = "") -> Mail:
    """Return mail of a sendmail user who wants a report."""
    return mail(sender, recipients, by="sendmail", options=[option], shows=shows)


SITES = [
    Site(
        "each that fails is told",
        main=MAIN,
        real={"local"},
        files={"aliases": ALIASES},
        cases=[
            to("many", shows="Diagnostic-Code: X-Postfix; cannot append message to file"),
            to("nest", shows="Diagnostic-Code: x-unix; go away"),
            to("here", shows='Diagnostic-Code: X-Postfix; unknown user: "bad1"'),
            *wishing("many"),
            *wishing("here"),
        ],
    ),
    Site(
        "what fails is told although the rest must wait",
        main=MAIN,
        real={"local"},
        files={"aliases": ALIASES},
        cases=[
            to("waits", shows="Final-Recipient: rfc822; bad2@here.example"),
            to("wait2", shows="Final-Recipient: rfc822; bad1@here.example"),
            to("waits", sender=""),
            *wishing("wait2"),
        ],
    ),
    Site(
        "each that is passed on is told",
        main=MAIN
        + "fallback_transport_maps = inline:{"
        + " {passed1 = error:5.7.1 closed one}, {passed2 = error:5.7.2 closed two} }\n",
        real={"local"},
        files={"aliases": ALIASES},
        cases=[
            to("both", shows="Diagnostic-Code: X-Postfix; closed one"),
            to("passed2", shows="Diagnostic-Code: X-Postfix; closed two"),
        ],
    ),
    Site(
        "what senders wish for goes through lists",
        main=MAIN,
        real={"local"},
        files={"aliases": ALIASES},
        cases=[*wishing("list"), *wishing("outer")],
    ),
    Site(
        "reports that were asked for",
        main=MAIN
        + "default_transport = else\n"
        + "transport_maps = inline:{ {void.example = discard:},"
        + " {gone.example = error:5.1.2 no such}, {later.example = retry:4.1.2 wait},"
        + " {dead.example = smtp:[127.0.0.1]:1} }\n",
        master="else unix - - n - - smtp\n",
        real={"local", "smtp"},
        files={"aliases": ALIASES},
        cases=[
            asking("-v", "two@here.example", shows="Final-Recipient: rfc822; news@here.example"),
            asking("-v", "many@here.example", shows="Action: relayed"),
            asking(
                *("-bv", "two@here.example", "many@here.example", "list@here.example"),
                sender="s@void.example",
                shows="deliverable: delivers to command: false",
            ),
            asking(
                *("-bv", "a@gone.example", "b@later.example"),
                sender="s@void.example",
                shows="4.1.2 undeliverable: wait",
            ),
            asking(
                *("-bv", *(f"{name}@dead.example" for name in "abc")),
                sender="s@void.example",
                shows="undeliverable",
            ),
        ],
    ),
    Site(
        "original recipients that are not kept",
        main=MAIN
        + "enable_original_recipient = no\n"
        + "virtual_alias_maps = inline:{ {v@far.example = y@far.example}, {w@far.example = two},"
        + " {u@far.example = many@here.example} }\n",
        real={"local"},
        files={"aliases": ALIASES},
        cases=[
            to("two", "games"),
            to("many", shows="was <many@here.example>"),
            mail(SENDER, ["v@far.example", "y@far.example"]),
            mail(SENDER, "w@far.example"),
            mail(SENDER, "u@far.example", shows="was <u@far.example>"),
            to("many", rcpt_options=["NOTIFY=SUCCESS", "ORCPT=rfc822;o@x.example"]),
        ],
    ),
]


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
