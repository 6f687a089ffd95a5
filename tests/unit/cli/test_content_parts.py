"""Where the header ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.cli.queue_tools.content_parts import split

HEADER = b"From: a\r\nSubject: b\r\n\tfolded\r\n"
BODY = b"\r\nbody: text\r\n\r\n"


@given(st.integers(1, len(HEADER + BODY)))
def test_pieces_may_end_anywhere(size: int) -> None:
    data = HEADER + BODY
    pieces = (data[start : start + size] for start in range(0, len(data), size))
    header, body = split(pieces)
    assert (header, b"".join(body)) == (HEADER, BODY)


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (HEADER, HEADER),
        (b"\r\nbody\r\n", b""),
        (b"no header\r\n", b""),
        (b" folded first\r\n", b""),
        (b"From: a\r\nnot a header\r\nTo: b\r\n", b"From: a\r\n"),
        (b"Name with space: x\r\n", b""),
        (b"", b""),
    ],
    ids=["no body", "no header", "text", "continuation first", "text after", "space", "nothing"],
)
def test_the_header_ends_before_what_is_none(data: bytes, header: bytes) -> None:
    found, body = split(iter([data]))
    assert (found, b"".join(body)) == (header, data[len(header) :])
