"""Odd content: long lines, bytes that are no text, headers that end early, sizes, UTF-8."""

import pytest

from tests.support.postfix_oracle import is_installed
from tests.support.twin import Site, agree, mail

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not is_installed(), reason="Debian's postfix is not installed"),
]

S, R = "a@src.example", "b@far.example"
HEADER = b"From: a@src.example\nTo: b@far.example\nSubject: x\n"


def hops(count: int) -> bytes:
    """Return a header with so many Received lines."""
    return b"".join(b"Received: from h%d\n\tby x; date\n" % number for number in range(count))


SITES = [
    Site(
        "forms of content",
        cases=[
            mail(S, R, HEADER, about="a header alone"),
            mail(S, R, HEADER + b"\n", about="no body"),
            mail(S, R, b"\nbody\n", about="no header"),
            mail(S, R, HEADER + b"no header\nmore\n", about="the body begins without a blank line"),
            mail(S, R, HEADER + b" folded\n\tagain\n \n\nbody\n"),
            mail(S, R, b" begins folded\n" + HEADER + b"\nbody\n"),
            mail(S, R, b">From you\n" + HEADER + b"\nbody\n"),
            mail(S, R, b"From you Mon Jan 1\n" + HEADER + b"\nbody\n"),
            mail(S, R, HEADER + b"X-Empty:\nX Space: y\nX-Tail : z\n\nbody\n"),
            mail(S, R, HEADER + b"\n" + b"x" * 5000 + b"\nshort\n", about="a long line"),
            mail(S, R, HEADER + b"X-Long: " + b"y" * 5000 + b"\n\nbody\n"),
            mail(S, R, HEADER + b"X-Fold: " + b"word\n " * 500 + b"\n\nbody\n"),
            mail(S, R, HEADER + b"\na\rb\n\rc\n", about="carriage returns"),
            mail(S, R, HEADER + b"X-Bytes: \xff\xfe\n\n\xff\x80\x01\x7f\n"),
            mail(S, R, HEADER + b"\nnul \x00 here\n"),
            mail(S, R, HEADER + b"\n.\n..\n. x\n"),
            mail(S, R, HEADER + b"\n\n\n\n"),
            mail(
                S,
                R,
                HEADER + b"Content-Type: text/plain\n\ntext \xc3\xa4\n",
                mail_options=["BODY=8BITMIME"],
            ),
        ],
    ),
    Site(
        "content from sendmail",
        cases=[
            mail(S, R, b"\nbody\n", by="sendmail"),
            mail(S, R, HEADER + b"no blank line\n", by="sendmail"),
            mail(S, R, b"From you Mon Jan 1\n" + HEADER + b"\nbody\n", by="sendmail"),
            mail(S, R, b">From you\n" + HEADER + b"\nbody\n", by="sendmail"),
            mail(S, R, HEADER + b"\n" + b"x" * 5000 + b"\nshort\n", by="sendmail"),
            mail(S, R, HEADER + b"\nno line end", by="sendmail"),
            mail(S, R, HEADER.replace(b"\n", b"\r\n") + b"\r\nbody\r\n", by="sendmail"),
            mail(S, R, HEADER + b"\nbytes \xff\x00\x01\n", by="sendmail"),
            mail(S, R, HEADER + b"\na\rb\n\rc\r\n", by="sendmail"),
        ],
    ),
    Site(
        "limits",
        main="""
            message_size_limit = 5000
            hopcount_limit = 5
            header_size_limit = 300
            line_length_limit = 512
        """,
        cases=[
            mail(S, R, HEADER + b"\n" + b"x\n" * 3000, shows="552 5.3.4"),
            mail(S, R, mail_options=["SIZE=6000"], shows="552 5.3.4"),
            mail(S, R, hops(3) + HEADER + b"\nx\n", shows="by smtp to"),
            mail(S, R, hops(4) + HEADER + b"\nx\n"),
            mail(S, R, hops(5) + HEADER + b"\nx\n", shows="5.4.0"),
            mail(S, R, HEADER + b"X-Long: " + b"y" * 400 + b"\n z\n\nx\n"),
            mail(S, R, HEADER + b"X-Fold: " + b"word\n " * 100 + b"\nX-After: y\n\nx\n"),
            mail(S, R, HEADER + b"X-Fold: " + b"longer word\n " * 100 + b"\nX-After: y\n\nx\n"),
            mail(S, R, HEADER + b"\n" + b"z" * 1500 + b"\n"),
        ],
    ),
    Site(
        "addresses in UTF-8",
        main="smtputf8_enable = yes\ntransport_maps = inline:{ {xn--bcher-kva.example = slow:} }",
        master="slow unix - - n - - smtp\n",
        cases=[
            mail("jö@src.example", R, mail_options=["SMTPUTF8"], shows="from <jö@src.example>"),
            mail(S, "jö@far.example", mail_options=["SMTPUTF8"], shows="<jö@far.example>"),
            mail(S, "b@bücher.example", mail_options=["SMTPUTF8"]),
            mail(S, "b@xn--bcher-kva.example", shows="by slow to"),
            mail("jö@src.example", R, about="without SMTPUTF8"),
            mail(S, "jö@far.example", by="sendmail"),
            mail(S, R, "From: Jö <jö@src.example>\nSubject: ä\n\nx\n", mail_options=["SMTPUTF8"]),
            mail(S, R, "From: Jö <a@src.example>\nSubject: ä\n\nx\n"),
        ],
    ),
]


@pytest.mark.parametrize("site", SITES, ids=str)
def test_both_systems_agree(site: Site) -> None:
    agree(site)
