"""Addresses in headers through both systems: completed, replaced, masqueraded, written back."""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree, mail
from tests.support.twin.cases import Mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

S, R = "s@src.example", "r@far.example"


def header(text: str | bytes, **more: object) -> Mail:
    """Return a message with these header lines and little else."""
    lines = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return mail(S, R, lines + b"\n\nbody\n", about=repr(lines), **more)  # type: ignore[arg-type]


LISTS = [
    "To: joe",
    "To: joe,bob,\n\tcarl",
    "To: Joe User <joe>, joe (Joe), (a) joe (b) @ (c) host (d)",
    'To: "Joe \\"Q\\" User" <joe>, J. Q. User <joe>',
    "To: group: joe, bob;, carl; dave",
    "To: group:;, joe, undisclosed-recipients:;",
    "To: <joe>, <>, Joe <>, <joe> <bob>",
    "To: joe bob carl@x.example, foo <bar> baz",
    "To: joe <bob, joe> bob, >carl",
    'To: "unclosed',
    "To: (unclosed joe",
    "To: [unclosed, joe\\@x, \\",
    "To: ,joe,,bob,",
    "To: " + ", ".join(f"somebody.number.{n}" for n in range(20)),
    "To: " + ", ".join(f"x{n}@y.example" for n in range(20)),
    "To:joe@x.example ,  bob@x.example",
    "To : joe",
    "To:\n joe",
    "To: a:b, mailto:joe, a: b: c;",
    "To: @r1,@r2:joe, <@r1,@r2:joe@x.example>",
    'To: "a b"@x.example, "ab"@x.example, joe. , .joe, a..b',
    "To: joe@[192.0.2.1], joe@x.example., joe@, @x.example, @",
    "To: joe@host@other, a!b!c, a%b%c, a%b@c, a!b@c",
    b"To: J\xe4ne <jane>, \xc3\xa9 <x>, \xff",
    "To: a\tb <joe>, 'x' <joe>, a|b, a/b, a=b",
    "To: =?utf-8?q?x=2Cy?= <joe>",
    "From: joe\nSender: joe\nReply-To: joe\nCc: joe\nErrors-To: joe\nX-To: joe",
    "Apparently-To: joe\nReturn-Receipt-To: joe\nMail-Followup-To: joe\nMail-Reply-To: joe",
    "Disposition-Notification-To: joe\nDelivered-To: joe\nList-Post: joe\nSubject: joe",
    "Resent-From: joe\nResent-Sender: joe\nResent-To: joe\nResent-Cc: joe\nResent-Reply-To: joe",
    "FROM: joe\nfrom:bob",
]
CANONICAL = """\
a@mx.test.example b
b@mx.test.example c@new.example
m@mx.test.example m1 m2
e@mx.test.example e1@new.example
@old.example @new.example
full@mx.test.example Full Name <full@new.example>
"q r"@mx.test.example qr@new.example
quoted@mx.test.example "q r"@new.example
one@mx.test.example two
two@mx.test.example one
self@mx.test.example self@mx.test.example
nobody@mx.test.example <>
bang@mx.test.example host.example!user
joe joe.local@new.example
"""
CHAIN = "".join(f"c{n}@mx.test.example c{n + 1}\n" for n in range(1, 14))
ALL_HEADERS = "From: joe\nTo: joe, a\nReply-To: joe\nCc: x@old.example\nResent-Reply-To: joe"

SITES = [
    Site("lists are written back", cases=[header(text) for text in LISTS]),
    Site(
        "domains are completed",
        main="""
            append_dot_mydomain = yes
            myorigin = origin.example
        """,
        cases=[
            header("To: joe, joe@host, joe@host.other, joe@[192.0.2.1], joe@host."),
            header("To: a!b, a%b, a!b%c, host.example!user"),
            header('From: Joe <joe@host>\nCc: "a b"@host'),
            mail("joe@host", "r@far.example", "\nbody\n", shows="from <joe@host.test.example>"),
            mail("joe", "a!b@far.example", "\nbody\n"),
        ],
    ),
    Site(
        "rewriting is switched off",
        main="""
            append_at_myorigin = no
            swap_bangpath = no
            allow_percent_hack = no
        """,
        cases=[
            header("To: joe, a!b, a%b, joe@host"),
            header("To: joe (x),bob"),
            mail(S, "a%b@far.example", "To: a%b@c, x\n\nbody\n"),
        ],
    ),
    Site(
        "canonical maps",
        main="canonical_maps = hash:{etc}/canonical\nrecipient_delimiter = +\n"
        "local_recipient_maps =\nmydestination = local.example",
        files={"canonical": CANONICAL + CHAIN},
        cases=[
            mail("a", "a@mx.test.example", "From: A <a>\nTo: a (x)\n\nb\n", shows="c@new.example"),
            mail("x@old.example", "x+y@old.example", "To: x+y@old.example\n\nb\n"),
            header("To: e+ext, e, m, full, Full <full>"),
            header('To: "q r", quoted, quoted+x, "e"'),
            header("To: one"),
            header("To: c1, c5"),
            header("To: self, self+x, SELF"),
            header("To: nobody, N <nobody>"),
            header("To: bang, joe, joe@local.example, joe+x@local.example, joe@other.example"),
            mail("nobody", "a@mx.test.example", "\nb\n", shows="from <>"),
            mail("a@far.example", "b@mx.test.example", by="outside", text="To: b\n\nx\n"),
        ],
    ),
    Site(
        "canonical maps of senders and recipients",
        main="""
            sender_canonical_maps = inline:{ joe@mx.test.example=sender@new.example }
            recipient_canonical_maps = inline:{ joe@mx.test.example=recipient@new.example }
            canonical_maps = inline:{ sender@new.example=both@new.example, a@mx.test.example=z }
            propagate_unmatched_extensions =
            recipient_delimiter = +-
        """,
        cases=[
            header(ALL_HEADERS),
            mail("joe", "joe@mx.test.example", "From: joe\nTo: joe\n\nb\n"),
            header("From: joe+x, joe-x, joe+x-y\nTo: owner-joe, joe-request, +joe"),
            mail("joe", "joe@mx.test.example", by="outside", text="From: joe\n\nb\n"),
        ],
    ),
    Site(
        "classes of canonical maps",
        main="""
            sender_canonical_maps = inline:{ joe@mx.test.example=sender@new.example }
            recipient_canonical_maps = inline:{ joe@mx.test.example=recipient@new.example }
            canonical_maps = inline:{ a@mx.test.example=common@new.example }
            sender_canonical_classes = envelope_sender
            recipient_canonical_classes = header_recipient
            canonical_classes = header_sender, envelope_recipient
        """,
        cases=[
            header(ALL_HEADERS),
            mail("joe", "joe@mx.test.example", "From: joe\nTo: joe\n\nb\n"),
            mail("a", "a@mx.test.example", "From: a\nTo: a\n\nb\n"),
        ],
    ),
    Site(
        "hosts hide behind their domain",
        main="""
            masquerade_domains = !show.a.example a.example B.example
            masquerade_exceptions = root, joe
            canonical_maps = inline:{ c@mx.test.example=c@host.a.example }
        """,
        cases=[
            mail("u@h.a.example", "v@h.a.example", "From: u@h.a.example\nTo: v@h.a.example\n\nb\n"),
            header("From: root@h.a.example, joe@h.a.example, Root@h.a.example, root+x@h.a.example"),
            header("From: u@show.a.example, u@x.show.a.example, u@a.example, u@xa.example"),
            header("From: U@H.A.Example (x), u@h.b.example, u@h.a.example., u@.a.example"),
            header('From: c, "x y"@h.a.example, @h.a.example, a@b@h.a.example, x <u@h.a.example>'),
            mail("c", "c@mx.test.example", "From: u@h.a.example.\n\nb\n"),
            mail("u@h.a.example", R, by="outside", text="From: u@h.a.example\n\nb\n"),
            mail("u@h.a.example", R, by="sendmail", text="From: u@h.a.example\n\nb\n"),
        ],
    ),
    Site(
        "the recipient's host hides too",
        main="""
            masquerade_domains = a.example
            masquerade_classes = envelope_recipient, header_recipient
        """,
        cases=[
            mail("u@h.a.example", "v@h.a.example", "From: u@h.a.example\nTo: v@h.a.example\n\nb\n"),
        ],
    ),
    Site(
        "headers of foreign mail stay",
        main="""
            local_header_rewrite_clients =
            canonical_maps = inline:{ joe@mx.test.example=new@new.example }
            masquerade_domains = a.example
        """,
        cases=[
            header("From: joe@mx.test.example\nTo : joe,bob\nCc: x@h.a.example"),
            mail("joe", "joe@mx.test.example", "To: joe\n\nb\n", shows="new@new.example"),
            header("Subject: nothing is added"),
            mail("joe", R, "From: joe\n\nb\n", by="sendmail", about="sendmail is local"),
        ],
    ),
    Site(
        "headers of foreign mail get a domain of their own",
        main="""
            local_header_rewrite_clients =
            remote_header_rewrite_domain = domain.invalid
            append_dot_mydomain = yes
            canonical_maps = inline:{ joe@domain.invalid=new@new.example }
            masquerade_domains = domain.invalid
        """,
        cases=[
            header("From: joe\nTo: bob, a!b, c@host, d@x.domain.invalid"),
            header("Subject: headers are added"),
            mail("joe@host", "joe@mx.test.example", "To: joe\n\nb\n"),
        ],
    ),
    Site(
        "clients whose headers are local",
        main="""
            local_header_rewrite_clients = permit_mynetworks, check_address_map inline:{127.0.0.2=x}
        """,
        cases=[
            header("To: joe"),
            mail(S, "postmaster", "To: joe\n\nb\n", by="outside"),
        ],
    ),
    Site(
        "missing headers",
        main="""
            undisclosed_recipients_header = To: undisclosed-recipients:;
            always_add_missing_headers = yes
            local_header_rewrite_clients =
        """,
        cases=[
            header("Subject: x"),
            header("Resent-To: x@y.example"),
            header("Resent-From: x@y.example\nTo: y@y.example"),
            header("Bcc: x@y.example"),
            header("Resent-Bcc: x@y.example"),
            header("Apparently-To: x@y.example"),
            header("From:\nTo:\nMessage-Id:\nDate:"),
            mail("", R, "Subject: x\n\nb\n"),
            mail('"a b"@src.example', R, "Subject: x\n\nb\n"),
        ],
    ),
    Site(
        "headers that no message keeps, and names of senders",
        main="message_drop_headers = x-inside, Subject, bcc",
        cases=[
            header("Bcc: a@b.example\nX-Inside: 1\n\tgoes on\nsubject : x\nReturn-Path: <x@y>"),
            *(
                mail(S, R, "Subject: x\n\nb\n", by="sendmail", options=["-F", name], about=name)
                for name in ("A Name", "A. Name", 'A "Q" Name', "a(b)c", "<x>", "a\\b", "J, K")
            ),
            mail("joe", "", "To: a, B <b@x.example>,\n c@x.example;\n\nb\n", by="sendmail",
                 options=["-t"]),
            mail("joe", "z@far.example", "To: a@x.example\nResent-To: g: d@x.test, e;\n\nb",
                 by="sendmail", options=["-t"]),
            mail("joe", "", "To: <>, (nobody), x y@z.test\n\nb\n", by="sendmail", options=["-t"]),
        ],
    ),
    Site(
        "the former form of From",
        main="header_from_format = obsolete",
        cases=[
            mail(S, R, "Subject: x\n\nb\n", by="sendmail", options=["-F", name], about=name)
            for name in ("Full Name", "Full. Name", "a(b)c")
        ],
    ),
    Site(
        "few tokens of a header are read",
        main="header_address_token_limit = 5",
        cases=[
            header("To: a, b, c, d, e"),
            header("To: a@b.example, c@d.example, e"),
            header("To: (x) (y) a, b"),
        ],
    ),
    Site(
        "tables that are down",
        main="""
            sender_canonical_maps = fail:down
            sender_canonical_classes = header_sender
            masquerade_domains = a.example
            masquerade_classes = header_recipient
            masquerade_exceptions = fail:down
        """,
        cases=[
            header("From: joe", shows="451 4.3.0 Error: queue file write error"),
            header("To: joe@h.a.example", shows="451 4.3.0 Error: queue file write error"),
            header("Cc: joe@a.example"),
            mail(S, R, "From: joe\n\nb\n", by="outside"),
        ],
    ),
    Site(
        "addresses beyond ASCII",
        main="canonical_maps = inline:{ {é@mx.test.example = e@new.example} }",
        cases=[
            mail("é@src.example", "ü@far.example", "From: é\nTo: ü, x@bücher.example\n\nx\n",
                 mail_options=["SMTPUTF8"]),
            mail(S, "x@bücher.example", "To: x@bücher.example\n\nx\n", mail_options=["SMTPUTF8"]),
            mail(S, "x@xn--bcher-kva.example", "To: x@xn--bcher-kva.example, y\n\nx\n"),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
