"""What senders and postmasters are told: failures, successes, and who hears of what."""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

S = "a@src.example"
ROUTES = """
transport_maps = inline:{ {gone.example = error:5.7.1 closed}, {later.example = retry:4.7.9 wait},
    {void.example = discard:} }
"""
TEXT = "From: a@src.example\nTo: list\nSubject: x\n" + "X-More: y\n" * 3 + "\nbody\n" * 5

LATE_SECONDS = 1
# A transport that fails when mail is late already.
COMMAND = f"/bin/sh -c {{sleep {LATE_SECONDS + 1}; exit 75}}"
SLOW = f"slow unix - n n - - pipe flags=Rq user=nobody argv={COMMAND}\n"

SITES = [
    Site(
        "notices to senders",
        main=ROUTES,
        cases=[
            mail(S, "b@gone.example", TEXT, by="sendmail", shows="Undelivered Mail Returned"),
            mail(
                S, ["b@gone.example", "c@far.example"], TEXT, by="sendmail", shows="<c@far.example>"
            ),
            mail(S, ["b@gone.example", "c@gone.example"], TEXT, by="sendmail"),
            mail("", "b@gone.example", TEXT, by="sendmail", about="nobody to be told"),
            mail(S, "b@later.example", TEXT, by="sendmail", shows="deferred"),
            mail(S, "b@gone.example", TEXT, by="sendmail", options=["-N", "never"]),
            mail(S, "b@gone.example", TEXT, by="sendmail", options=["-N", "success"]),
            mail(S, "b@gone.example", TEXT, by="sendmail", options=["-R", "hdrs"]),
            mail(S, "b@gone.example", TEXT, by="sendmail", options=["-R", "full", "-V", "id17"]),
            mail(S, "b@far.example", TEXT, by="sendmail", options=["-N", "success,delay,failure"]),
            mail(S, "b@void.example", TEXT, by="sendmail", options=["-N", "success"]),
            mail("not here@src.example", "x@gone.example", TEXT, by="sendmail"),
        ],
    ),
    Site(
        "notices by request of the client",
        main=ROUTES + "virtual_alias_domains = list.example\nvirtual_alias_maps = inline:{"
        " {l@list.example = b@far.example, c@far.example}, {o@list.example = d@far.example} }\n",
        cases=[
            mail(S, "b@far.example", rcpt_options=["NOTIFY=SUCCESS"], shows="Action: relayed"),
            mail(S, "b@far.example", rcpt_options=["NOTIFY=FAILURE"]),
            mail(
                *(S, "b@far.example"),
                mail_options=["RET=HDRS", "ENVID=an+20id"],
                rcpt_options=["NOTIFY=SUCCESS", "ORCPT=rfc822;Some+2Bone@x.example"],
                shows=["Original-Envelope-Id: an id", "Original-Recipient: rfc822;Some"],
            ),
            mail(S, "l@list.example", rcpt_options=["NOTIFY=FAILURE"]),
            mail(S, "o@list.example", rcpt_options=["NOTIFY=NEVER"]),
            mail("", "b@far.example", rcpt_options=["NOTIFY=SUCCESS"]),
        ],
    ),
    Site(
        "notices to postmaster",
        main=ROUTES
        + """
notify_classes = bounce, 2bounce
bounce_notice_recipient = pm@far.example
2bounce_notice_recipient = pm2@far.example
""",
        cases=[
            mail(S, "b@gone.example", TEXT, by="sendmail", shows="<pm@far.example>"),
            mail(
                "x@gone.example", "b@gone.example", TEXT, by="sendmail", shows="<pm2@far.example>"
            ),
            mail("", "b@gone.example", TEXT, by="sendmail"),
        ],
    ),
    Site(
        "warnings of mail that is late",
        main=f"""
transport_maps = inline:{{ {{slow.example = slow:}} }}
delay_warning_time = {LATE_SECONDS}s
notify_classes = delay
delay_notice_recipient = pm@far.example
""",
        master=SLOW,
        real={"slow"},
        cases=[
            mail(S, "b@slow.example", TEXT, by="sendmail", shows="Action: delayed"),
            mail(S, ["b@slow.example", "c@far.example"], TEXT, by="sendmail"),
            mail("", "b@slow.example", TEXT, by="sendmail", about="nobody to be told"),
            mail(S, "b@slow.example", TEXT, by="sendmail", options=["-N", "never"]),
            mail(S, "b@slow.example", TEXT, by="sendmail", options=["-N", "failure"]),
            mail(S, "b@slow.example", TEXT, by="sendmail", options=["-N", "delay"]),
            mail(S, "b@slow.example", TEXT, by="sendmail", options=["-R", "full", "-V", "id17"]),
            mail("x@slow.example", "b@slow.example", TEXT, by="sendmail", shows="<pm@far.example>"),
        ],
    ),
    Site(
        "mail with no lifetime",
        main=ROUTES + "maximal_queue_lifetime = 0\n",
        cases=[
            mail(S, "b@later.example", TEXT, by="sendmail", shows="Action: failed"),
            mail(S, ["b@later.example", "c@far.example"], TEXT, by="sendmail"),
            mail(
                *(S, ["b@later.example", "c@gone.example"], TEXT),
                by="sendmail",
                shows=["<c@gone.example>", "<b@later.example>"],
            ),
            mail(
                *(S, ["b@later.example", "c@gone.example", "d@far.example"], TEXT),
                by="sendmail",
                options=["-N", "success,failure", "-R", "hdrs"],
            ),
            mail("", ["b@later.example", "c@gone.example"], TEXT, by="sendmail"),
            mail("", "b@later.example", TEXT, by="sendmail"),
            mail(S, "b@later.example", TEXT, by="sendmail", options=["-N", "never"]),
        ],
    ),
    Site(
        "notices with no lifetime",
        main=ROUTES
        + """
bounce_queue_lifetime = 0
notify_classes = 2bounce
2bounce_notice_recipient = pm2@far.example
""",
        cases=[
            mail("", "b@later.example", TEXT, by="sendmail", shows="Action: failed"),
            mail(S, "b@later.example", TEXT, by="sendmail", shows="deferred"),
            mail("x@later.example", "b@gone.example", TEXT, by="sendmail", shows="<pm2@"),
        ],
    ),
]


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
