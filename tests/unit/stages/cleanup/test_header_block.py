"""Where a header block ends, and which of its headers are found, however the bytes come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.stages.cleanup import header_block
from spoolmta.stages.cleanup.header_block import HeaderBlock, HeaderNames


def read(content: bytes, pieces: int = 1 << 20) -> tuple[HeaderBlock, bytes]:
    """Return the block of *content* and the body, as it came out."""
    names = HeaderNames(["bcc", "return-path", "X-Private"])
    block = HeaderBlock(names, header_size_limit=1000)
    body = b""
    for at in range(0, len(content), pieces):
        data = content[at : at + pieces]
        body += data if block.ended else block.feed(data)
    return block, body + block.end()


def names_of(block: HeaderBlock) -> list[bytes]:
    return [block.block[start:colon] for _, start, colon in block.found]


def test_an_empty_line_ends_the_block() -> None:
    block, body = read(b"Subject: x\r\nTo: y\r\n\r\nbody\r\n\r\nmore\r\n")
    assert block.block == b"Subject: x\r\nTo: y\r\n"
    assert (body, block.blank, block.text_ended) == (b"body\r\n\r\nmore\r\n", True, False)


def test_only_headers_that_matter_are_found() -> None:
    block, _ = read(b"Subject: x\r\nDATE: y\r\nX-Private: z\r\nmessage-ID: i\r\n\r\n")
    assert names_of(block) == [b"DATE", b"X-Private", b"message-ID"]
    assert [kind for kind, _, _ in block.found] == [
        header_block.DATE,
        header_block.DROP,
        header_block.MESSAGE_ID,
    ]


@pytest.mark.parametrize(
    "text",
    [
        b"this is text\r\n",
        b": no name\r\n",
        b"Subj ect: x\r\n",
        b"X-\xc3\xa4: x\r\n",
        b"no colon\r\n",
    ],
)
def test_a_line_that_is_no_header_ends_the_block(text: bytes) -> None:
    block, body = read(b"Subject: x\r\n" + text + b"To: y\r\n\r\nbody\r\n")
    assert block.block == b"Subject: x\r\n"
    assert (block.text_ended, block.blank) == (True, False)
    assert body == text + b"To: y\r\n\r\nbody\r\n"


def test_a_continuation_line_belongs_to_the_header_before_it() -> None:
    block, body = read(b"To: a,\r\n\tb\r\n \t\r\n c\r\nSubject: x\r\n\r\nbody\r\n")
    _, start, _ = block.found[0]
    assert block.block[start : block.header_end(start)] == b"To: a,\r\n\tb\r\n \t\r\n c\r\n"
    assert body == b"body\r\n"


def test_a_continuation_line_of_nothing_is_text() -> None:
    block, body = read(b" leading\r\nSubject: x\r\n\r\nbody\r\n")
    assert (block.block, block.text_ended) == (b"", True)
    assert body == b" leading\r\nSubject: x\r\n\r\nbody\r\n"


@pytest.mark.parametrize("line", [b"From x y z\r\n", b">>From x 12:30:01\r\n"])
def test_a_mailbox_line_is_taken_at_the_beginning_alone(line: bytes) -> None:
    block, _ = read(line + b"Subject: x\r\n\r\nbody\r\n")
    assert (block.mailbox_line, block.block) == (True, line + b"Subject: x\r\n")
    block, body = read(b"Subject: x\r\n" + line + b"\r\nbody\r\n")
    assert (block.mailbox_line, block.text_ended) == (False, True)
    assert body == line + b"\r\nbody\r\n"


def test_blanks_before_the_colon_are_no_part_of_the_name() -> None:
    block, _ = read(b"bcc \t: x\r\nSubject : y\r\n\r\n")
    kinds = [kind for kind, _, _ in block.found]
    assert kinds[0] & header_block.DROP
    assert all(kind & header_block.SPACED for kind in kinds)


def test_content_may_end_within_its_headers() -> None:
    block, body = read(b"Subject: x\r\nTo: y")
    assert block.block == b"Subject: x\r\nTo: y\r\n"
    assert (body, block.blank, block.text_ended) == (b"", False, False)


def test_a_block_without_end_is_not_held_in_memory() -> None:
    block = HeaderBlock(HeaderNames([]), header_size_limit=1000)
    line = b"X-Long: " + b"x" * 990 + b"\r\n"
    for _ in range(1100):
        if not block.ended:
            assert block.feed(line) == b""
    assert (block.oversize, block.ended, block.block) == (True, True, b"")


def test_names_that_strangers_make_up_do_not_fill_the_memory() -> None:
    names = HeaderNames([])
    for number in range(10_000):
        assert names.kind(b"X-%d" % number) == 0
    assert len(names.remembered) < 3000


_LINES = st.sampled_from(
    [
        b"Subject: x",
        b"To: a,",
        b"\tb",
        b" ",
        b"",
        b"text",
        b"From x",
        b"Bcc : z",
        b":",
        b"\r",
        b"a:",
    ]
)


@given(st.lists(_LINES, max_size=12), st.integers(1, 7), st.booleans())
def test_pieces_make_no_difference(lines: list[bytes], pieces: int, ended: bool) -> None:
    content = b"\r\n".join(lines) + (b"\r\n" if ended else b"")
    whole, body = read(content)
    cut, cut_body = read(content, pieces)
    assert (cut.block, cut.found, cut_body) == (whole.block, whole.found, body)
    assert (cut.blank, cut.text_ended, cut.mailbox_line) == (
        whole.blank,
        whole.text_ended,
        whole.mailbox_line,
    )


@given(st.lists(_LINES, max_size=12))
def test_no_byte_is_lost(lines: list[bytes]) -> None:
    content = b"\r\n".join([*lines, b""])
    block, body = read(content)
    assert block.block + (b"\r\n" if block.blank else b"") + body == content
