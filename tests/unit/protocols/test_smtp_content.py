"""Content on its way into DATA."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.protocols.smtp_content import ContentEncoder

SMALL_LIMIT = 10


def encode(content: bytes, *cuts: int, line_limit: int = 0) -> bytes:
    encoder = ContentEncoder(line_limit)
    out = b""
    for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True):
        out += encoder.encode(content[start:end])
    return out + encoder.finish()


def decode(wire: bytes) -> bytes:
    """Return what a server makes of DATA, as RFC 5321 says."""
    assert wire.endswith(b".\r\n")
    lines = wire.split(b"\r\n")
    assert lines.index(b".") == len(lines) - 2
    return b"\r\n".join(line.removeprefix(b".") for line in lines[:-2]) + b"\r\n"


def test_plain_content_is_passed_on_and_not_copied() -> None:
    content = b"Subject: x\r\n\r\n" + b"a line of text\r\n" * 100
    assert ContentEncoder(998).encode(content) is content


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.b\r\n..\r\n", b"a\r\n..b\r\n...\r\n.\r\n"),
        (b"a.\r\n", b"a.\r\n.\r\n"),
        (b"no line end", b"no line end\r\n.\r\n"),
        (b"", b".\r\n"),
    ],
)
def test_dots_at_the_start_of_lines_are_doubled(content: bytes, wire: bytes) -> None:
    assert encode(content) == wire


def test_long_lines_are_folded_as_postfix_does() -> None:
    encoder = ContentEncoder(SMALL_LIMIT)
    wire = encoder.encode(b"0123456789\r\n" + b"0123456789abcdefghijk\r\n") + encoder.finish()
    assert wire == b"0123456789\r\n0123456789\r\n abcdefghi\r\n jk\r\n.\r\n"
    assert encoder.broke_lines


def test_a_long_line_is_seen_across_pieces() -> None:
    encoder = ContentEncoder(SMALL_LIMIT)
    wire = b"".join(encoder.encode(piece) for piece in (b"0123456", b"789ab", b"c\r\n"))
    assert wire + encoder.finish() == b"0123456789\r\n abc\r\n.\r\n"


def test_a_line_that_is_too_long_by_one_is_seen_at_the_end_of_a_piece() -> None:
    encoder = ContentEncoder(SMALL_LIMIT)
    wire = b"".join(encoder.encode(piece) for piece in (b"a\r\n0123456789b", b"\r\n"))
    assert wire + encoder.finish() == b"a\r\n0123456789\r\n b\r\n.\r\n"


LINES = st.lists(st.text(alphabet=".ab ", max_size=30).map(str.encode), max_size=10)


@given(LINES, st.data())
def test_a_server_reads_back_what_was_sent(lines: list[bytes], data: st.DataObject) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    wire = encode(content, *cuts)
    assert wire == encode(content)
    assert decode(wire) == (content or b"\r\n")


@given(LINES, st.data())
def test_no_line_is_longer_than_the_limit(lines: list[bytes], data: st.DataObject) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    wire = encode(content, *cuts, line_limit=SMALL_LIMIT)
    assert all(len(line.removeprefix(b".")) <= SMALL_LIMIT for line in wire.split(b"\r\n"))
    assert wire == encode(content, line_limit=SMALL_LIMIT)
    unfolded = wire.replace(b"\r\n", b"").replace(b" ", b"").replace(b".", b"")
    assert unfolded == content.replace(b"\r\n", b"").replace(b" ", b"").replace(b".", b"")
