import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.protocols.smtp_data import ChunkDecoder
from spoolmta.protocols.smtp_server import (
    Chunks,
    Progress,
    ServerInput,
    must_end_batch,
    out_of_order,
)

LIMIT = 40


def lines_of(incoming):
    while (line := incoming.next_line()) is not None:
        yield line


def fed(*pieces):
    incoming = ServerInput(LIMIT)
    for piece in pieces:
        incoming.receive(piece)
    return incoming


def test_a_line_comes_without_its_line_end():
    incoming = fed(b"NOOP\r\nRSET\r\n")
    assert list(lines_of(incoming)) == [b"NOOP", b"RSET"]
    assert incoming.is_empty


def test_a_line_waits_for_its_line_end():
    incoming = fed(b"NO")
    assert incoming.next_line() is None
    incoming.receive(b"OP\r")
    assert incoming.next_line() is None
    incoming.receive(b"\nRSET\r\n")
    assert list(lines_of(incoming)) == [b"NOOP", b"RSET"]


def test_a_bare_newline_ends_a_line_and_is_noticed():
    incoming = fed(b"NOOP\nRSET\r\n\n")
    assert (incoming.next_line(), incoming.bare_newline) == (b"NOOP", True)
    assert (incoming.next_line(), incoming.bare_newline) == (b"RSET", False)
    assert (incoming.next_line(), incoming.bare_newline) == (b"", True)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_line_that_is_too_long_loses_its_excess(size):
    wire = b"x" * 500 + b"\r\nNOOP\r\n"
    incoming = ServerInput(LIMIT)
    heard = []
    for at in range(0, len(wire), size):
        incoming.receive(wire[at : at + size])
        heard += lines_of(incoming)
    assert heard == [b"x" * LIMIT, b"NOOP"]


def test_a_line_without_end_takes_no_memory():
    incoming = ServerInput(LIMIT)
    for _ in range(100):
        incoming.receive(b"x" * 1000)
        assert incoming.next_line() is None
    assert len(incoming.waiting) < 100


def test_what_waits_can_be_seen():
    incoming = fed(b"NOOP\r\nRSET\r\n")
    incoming.next_line()
    assert incoming.waiting == b"RSET\r\n"
    assert not incoming.is_empty


def test_content_is_followed_by_commands():
    incoming = fed(b"DATA\r\nhello\r\n.\r\nQUIT\r\n")
    incoming.next_line()
    incoming.begin_data()
    assert incoming.in_content
    assert incoming.next_content() == b"hello\r\n"
    assert not incoming.in_content
    assert incoming.next_line() == b"QUIT"


def test_content_comes_as_it_arrives():
    incoming = fed(b"hel")
    incoming.begin_data()
    assert incoming.next_content() == b"hel"
    incoming.receive(b"lo\r\n.\r\n")
    assert incoming.next_content() == b"lo\r\n"
    assert not incoming.in_content


def test_a_bare_newline_in_content_is_noticed():
    incoming = fed(b"x\ny\r\n.\r\n")
    incoming.begin_data()
    incoming.next_content()
    assert incoming.bare_newline


def test_a_chunk_is_as_long_as_it_says():
    incoming = fed(b"abc\r\nNOOP\r\n")
    incoming.begin_chunk(5, ChunkDecoder())
    assert incoming.next_content() == b"abc\r\n"
    assert not incoming.in_content
    assert incoming.next_line() == b"NOOP"


def test_an_empty_chunk_is_there_at_once():
    incoming = fed()
    incoming.begin_chunk(0, ChunkDecoder())
    assert incoming.has_content
    assert incoming.next_content() == b""
    assert not incoming.in_content


@given(
    st.lists(st.sampled_from([b"NOOP", b"\r\n", b"\n", b"\r", b"x" * 50, b" ", b"\0"])),
    st.lists(st.integers(1, 30), min_size=1),
)
def test_lines_do_not_depend_on_how_the_input_was_cut(parts, sizes):
    wire = b"".join(parts)
    expected = list(lines_of(fed(wire)))
    incoming, heard, at, turn = ServerInput(LIMIT), [], 0, 0
    while at < len(wire):
        size = sizes[turn % len(sizes)]
        incoming.receive(wire[at : at + size])
        heard += lines_of(incoming)
        at, turn = at + size, turn + 1
    assert heard == expected


GREETED = Progress(greeted=True)
STRANGER = Progress(greeted=False)
IN_MAIL = Progress(greeted=True, in_mail=True)
WITH_RECIPIENT = Progress(greeted=True, in_mail=True, recipients=1)
IN_CHUNKS = WITH_RECIPIENT._replace(chunks=Chunks.TAKEN)
LOST_CHUNKS = GREETED._replace(chunks=Chunks.FAILED)


@pytest.mark.parametrize(
    ("verb", "progress", "reply"),
    [
        (b"MAIL", STRANGER, "503 5.5.1 Error: send HELO/EHLO first"),
        (b"MAIL", GREETED, None),
        (b"MAIL", IN_MAIL, "503 5.5.1 Error: nested MAIL command"),
        (b"MAIL", LOST_CHUNKS, "503 5.5.1 Error: MAIL after BDAT"),
        (b"RCPT", GREETED, "503 5.5.1 Error: need MAIL command"),
        (b"RCPT", IN_MAIL, None),
        (b"RCPT", WITH_RECIPIENT, None),
        (b"RCPT", IN_CHUNKS, "503 5.5.1 Error: RCPT after BDAT"),
        (b"DATA", GREETED, "503 5.5.1 Error: need RCPT command"),
        (b"DATA", IN_MAIL, "554 5.5.1 Error: no valid recipients"),
        (b"DATA", WITH_RECIPIENT, None),
        (b"DATA", IN_CHUNKS, "503 5.5.1 Error: DATA after BDAT"),
        (b"BDAT", GREETED, "503 5.5.1 Error: need RCPT command"),
        (b"BDAT", IN_MAIL, "554 5.5.1 Error: no valid recipients"),
        (b"BDAT", IN_CHUNKS, None),
        (b"ETRN", STRANGER, "503 Error: send HELO/EHLO first"),
        (b"ETRN", IN_MAIL, "503 Error: MAIL transaction in progress"),
        (b"ETRN", GREETED, None),
        (b"RSET", STRANGER, None),
        (b"QUIT", IN_CHUNKS, None),
        (b"FOO", STRANGER, None),
    ],
)
def test_a_verb_has_its_place(verb, progress, reply):
    refusal = out_of_order(verb, progress)
    assert (refusal and refusal.line) == reply


@pytest.mark.parametrize(
    ("verb", "extended", "last"),
    [
        (b"EHLO", True, True),
        (b"DATA", True, True),
        (b"VRFY", True, True),
        (b"NOOP", True, True),
        (b"MAIL", True, False),
        (b"RCPT", True, False),
        (b"RSET", True, False),
        (b"BDAT", True, False),
        (b"MAIL", False, True),
        (b"RSET", False, True),
        (b"BDAT", False, False),
        (b"FOO", False, False),
    ],
)
def test_a_client_waits_after_some_commands(verb, extended, last):
    assert must_end_batch(verb, extended=extended) is last
