"""Domains beyond ASCII through both systems, as they are read (U-labels) and as DNS has them.

Both look up what is written: the two forms of one domain are two keys in every table and list.
"""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Mail, Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

S, R = "s@src.example", "r@far.example"
UTF8 = ["SMTPUTF8"]
READ, IN_DNS = "bücher.example", "xn--bcher-kva.example"
FORMS = (READ, "BÜCHER.example", IN_DNS)


def to_all(domains: tuple[str, ...] = FORMS, local: str = "a", **more: object) -> list[Mail]:
    """Return a message for each form, with SMTPUTF8 and without."""
    return [
        mail(S, f"{local}@{domain}", f"From: {S}\nTo: {local}@{domain}\n\nx\n",
             mail_options=options, about=f"{domain} {options}", **more)  # type: ignore[arg-type]
        for domain in domains
        for options in (UTF8, [])
    ]  # fmt: skip


def class_site(parameter: str, form: str, more: str = "") -> Site:
    """Return a site that lists the domain in one form in one parameter."""
    return Site(f"{parameter} has {form}", f"{parameter} = {form}\n{more}", to_all())


LISTED = [
    class_site("mydestination", READ),
    class_site("mydestination", IN_DNS),
    class_site("mydestination", "BÜCHER.Example"),
    class_site("relay_domains", READ, "parent_domain_matches_subdomains = relay_domains"),
    class_site("relay_domains", "hash:{etc}/domains"),
    class_site("virtual_mailbox_domains", READ, "virtual_mailbox_maps = static:x"),
    class_site("virtual_mailbox_domains", IN_DNS, "virtual_mailbox_maps = static:x"),
    class_site("virtual_alias_domains", READ, "virtual_alias_maps = static:a@far.example"),
    class_site("virtual_alias_domains", IN_DNS, "virtual_alias_maps = static:a@far.example"),
]
LISTED[4] = Site(
    LISTED[4].name, LISTED[4].main, [*LISTED[4].cases, mail(S, f"a@sub.{READ}", mail_options=UTF8)],
    files={"domains": f"{READ} x\n"},
)  # fmt: skip
MAPPED = """
    canonical_maps = inline:{{ {{c@{0} = new@{0}}}, {{d@{0} = d@{1}}} }}
    virtual_alias_maps = inline:{{ {{v@{0} = w@{1}}}, {{u@{1} = u@{0}}} }}
    transport_maps = inline:{{ {{{0} = slow:[{0}]}} }}
    masquerade_domains = {0}
    relocated_maps = inline:{{ {{gone@{0} = new@{1}}} }}
"""
LOCALS = ("a", "c", "d", "v", "u", "gone")
SLOW = "slow unix - - n - - smtp\n"
BASICS = [
    *to_all(),
    *to_all((f"sub.{READ}", f"sub.{IN_DNS}", "bücher", "bücher.example.", "straße.example")),
    *to_all(("ﬀ.example", "..ü.example", "-ü.example")),
    *to_all(("ü." * 60 + "example", "ü" * 70 + ".example", "xn--.example", "xn--ü.example")),
    mail(f"s@{READ}", R, mail_options=UTF8),
    mail(f"s@{READ}", R),
    mail(f"s@{IN_DNS}", R, mail_options=UTF8),
    mail(f"s@{IN_DNS}", R),
    mail(f"s@{READ}", f"a@{IN_DNS}", by="sendmail"),
    mail(S, R, f"From: s@{READ}\nTo: B <b@{READ}>, joe, b@{IN_DNS} (é)\n\nx\n", mail_options=UTF8),
    mail(S, R, f"From: s@{READ}\nTo: B <b@{READ}>, joe, b@{IN_DNS} (é)\n\nx\n"),
    mail(S, R, b"From: s@b\xfccher.example\nTo: joe, <x@b\xfccher.example>\n\nx\n"),
]
# Without SMTPUTF8, each bounces on both sides; Postfix logs the address with "?" for each byte.
BY_SENDMAIL = [
    mail(f"s@{IN_DNS}", f"a@{READ}", by="sendmail"),
    mail(S, "", f"From: s@{READ}\nTo: b@{READ}, c@{IN_DNS}\n\nx\n", by="sendmail", options=["-t"]),
]

SITES = [
    *LISTED,
    *(
        Site(f"tables have {form}", MAPPED.format(form, other), [
            *(case for local in LOCALS for case in to_all((READ, IN_DNS), local)),
            mail(S, f"a@sub.{form}", mail_options=UTF8),
            mail(f"s@host.{form}", R, f"From: s@host.{form}\nTo: c@{READ}\n\n", mail_options=UTF8),
            mail(f"s@host.{other}", R, f"From: c@{IN_DNS}\nTo: d@{READ}\n\n", mail_options=UTF8),
        ], master=SLOW)
        for form, other in ((READ, IN_DNS), (IN_DNS, READ))
    ),
    Site("any form", cases=[*BASICS, *BY_SENDMAIL]),
    Site("any form, and SMTPUTF8 is not spoken", "smtputf8_enable = no", BASICS),
    Site(
        "any form, and strict",
        "strict_smtputf8 = yes\nsmtputf8_autodetect_classes = all",
        BASICS,
    ),
]  # fmt: skip


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
