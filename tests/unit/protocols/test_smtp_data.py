import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.protocols.smtp_data import ChunkDecoder, DataDecoder

HEADER = b"A: b\r\n\r\n"

# What Postfix 3.7 stores with smtpd_forbid_bare_newline=normalize, after HEADER.
DECODED = {
    b"x\ny\r\n.\r\n": b"x\r\ny\r\n",
    b"x\ry\r\n.\r\n": b"x y\r\n",
    b"x\r\n.\ny\r\n.\r\n": b"x\r\ny\r\n",
    b"x\n.\r\ny\r\n.\r\n": b"x\r\ny\r\n",
    b"x\n.\ny\r\n.\r\n": b"x\r\ny\r\n",
    b"x\r\n..\r\n..y\r\n.z\r\n.\r\n": b"x\r\n.\r\n.y\r\nz\r\n",
    b"x\n..y\r\n..\nz\n.w\r\n.\r\n": b"x\r\n.y\r\n.\r\nz\r\nw\r\n",
    b"x\r\r\ny\r\n\r\r\n.\r\n": b"x \r\ny\r\n \r\n",
    b"x\r\n.\r\r\ny\r\n.\r\n": b"x\r\n \r\ny\r\n",
    b"x\r.\r\ny\r\n.\r\n": b"x .\r\ny\r\n",
    b"x\r\n\r.\r\n.\r\n": b"x\r\n .\r\n",
    b"x\0y\r\n.\r\n": b"x\0y\r\n",
    b"x\r\n.\rfoo\r\n.\r\n": b"x\r\n foo\r\n",
    b"x\r\n\r\n.\r\n": b"x\r\n\r\n",
    b"x\n.\r\n.\r\n": b"x\r\n",
    b".\r\n": b"",
}


def decode(pieces):
    decoder = DataDecoder()
    content = b"".join(decoder.feed(piece) for piece in pieces)
    return decoder, content


def cut(data, places):
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(("wire", "content"), DECODED.items())
def test_content_is_decoded_as_postfix_stores_it(wire, content):
    decoder, decoded = decode([HEADER + wire])
    assert decoder.finished
    assert decoded == HEADER + content
    assert decoder.rest == b""


@pytest.mark.parametrize("wire", DECODED)
def test_content_is_the_same_when_it_comes_byte_by_byte(wire):
    wire = HEADER + wire
    assert decode(wire[at : at + 1] for at in range(len(wire)))[1] == decode([wire])[1]


@pytest.mark.parametrize(
    "wire",
    [
        b"x\n.\n",
        b"x\n.\r\n",
        b"x\r\n.\n",
        b"x\r\n.\n.\r\n",
        b"x\n.\n.\r\n",
        b"x\r.\r\n",
        b"x\r\n.\r",
        b"x\r\n.\r\r\n",
        b"x\r\n\r.\r\n",
        b"x\r\n..\r\n",
        b".\n",
        b".\r",
        b"\n.\r\n",
    ],
)
def test_nothing_but_crlf_dot_crlf_ends_the_data(wire):
    assert not decode([wire])[0].finished
    assert not decode(wire[at : at + 1] for at in range(len(wire)))[0].finished


def test_a_dot_alone_is_an_empty_message():
    decoder, content = decode([b".\r\n"])
    assert decoder.finished
    assert content == b""


def test_what_follows_the_end_of_data_is_kept():
    decoder, content = decode([b"x\r\n.\r\nQUIT\r\n"])
    assert (content, decoder.rest) == (b"x\r\n", b"QUIT\r\n")


def test_no_piece_is_held_back_for_long():
    decoder = DataDecoder()
    assert decoder.feed(b"x" * 100_000) == b"x" * 100_000


def test_bare_newlines_are_noticed():
    assert decode([HEADER + b"x\ny\r\n.\r\n"])[0].bare_newline
    assert not decode([HEADER + b"x\ry\r\n.\r\n"])[0].bare_newline


wires = st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r", b".", b"..", b"x", b"\r\n.", b"\0\xff"])
).map(b"".join)
places = st.lists(st.integers(0, 10_000), max_size=6)


@given(wires, places)
def test_content_does_not_depend_on_how_the_wire_was_cut(wire, places):
    whole_decoder, whole = decode([wire + b"\r\n.\r\n"])
    decoder = DataDecoder()
    content = b""
    for piece in cut(wire + b"\r\n.\r\n", places):
        if not decoder.finished:
            content += decoder.feed(piece)
    assert content == whole
    assert decoder.finished
    assert whole_decoder.finished
    assert decoder.bare_newline == whole_decoder.bare_newline


@given(wires)
def test_decoded_content_has_no_stray_line_end(wire):
    content = decode([wire + b"\r\n.\r\n"])[1]
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", content) is None
    assert content == b"" or content.endswith(b"\r\n")


@given(wires)
def test_clean_chunks_stay_as_they_are_and_no_bare_newline_is_missed(wire):
    decoder = ChunkDecoder()
    content = decoder.feed(wire + b".")
    assert decoder.bare_newline == (re.search(rb"(?<!\r)\n", wire) is not None)
    assert (content == wire + b".") == (re.search(rb"\r(?!\n)|(?<!\r)\n", wire) is None)


CHUNKS = {
    (b"x\r\n.\r\n.y",): b"x\r\n.\r\n.y\r\n",
    (b"x\ny\rz",): b"x\r\ny z\r\n",
    (b"x\r",): b"x \r\n",
    (b"x\r", b"\ny"): b"x\r\ny\r\n",
    (b"x", b"y"): b"xy\r\n",
    (b"A: b\r", b"\n\r", b"\n.\r\n"): b"A: b\r\n\r\n.\r\n",
    (b"",): b"",
    (b"x\n\n.\n\r\n",): b"x\r\n\r\n.\r\n\r\n",
    (b"From x\r\n", b"y"): b"From x\r\ny\r\n",
}


@pytest.mark.parametrize(("chunks", "content"), CHUNKS.items())
def test_chunks_are_decoded_as_postfix_stores_them(chunks, content):
    decoder = ChunkDecoder()
    assert b"".join(map(decoder.feed, chunks)) + decoder.finish() == content


@given(wires, places)
def test_chunks_do_not_depend_on_where_they_are_cut(wire, places):
    whole, parts = ChunkDecoder(), ChunkDecoder()
    expected = whole.feed(wire) + whole.finish()
    assert b"".join(map(parts.feed, cut(wire, places))) + parts.finish() == expected
    assert parts.bare_newline == whole.bare_newline
