import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.message.header import (
    find_headers,
    has_header,
    header_addresses,
    message_recipients,
    split_headers,
    unfold,
)


def lines(*text: str) -> bytes:
    return "".join(line + "\r\n" for line in text).encode()


BLOCK = lines(
    "Received: from a",
    "\tby b",
    "Subject : spaced",
    "To: x@y,",
    " z@y",
    "TO: again",
    "",
    "body: no",
)


def test_a_block_is_split_at_its_headers() -> None:
    headers = split_headers(BLOCK)
    assert [header.key for header in headers] == [b"received", b"subject", b"to", b"to"]
    assert b"".join(header.raw for header in headers) + b"\r\nbody: no\r\n" == BLOCK


def test_headers_are_found_whatever_their_case() -> None:
    headers = split_headers(BLOCK)
    assert [header.text for header in find_headers(headers, b"To")] == ["x@y, z@y", "again"]
    assert has_header(headers, b"SUBJECT")
    assert not has_header(headers, b"Body")


@pytest.mark.parametrize(
    ("block", "keys"),
    [
        (b"", []),
        (b"\r\n", []),
        (b"A: b", [b"a"]),
        (b" continued\r\nA: b\r\n", []),
        (b"A: b\r\nno header here\r\nC: d\r\n", [b"a"]),
        (b": empty name\r\n", []),
        (b"A b: c\r\n", []),
        (b"A:\r\nB:\r\n", [b"a", b"b"]),
        (b"\xe4: x\r\n", []),
        (b"A: b\nB: c\r\n", [b"a"]),
    ],
)
def test_a_line_that_is_no_header_ends_the_block(block: bytes, keys: list[bytes]) -> None:
    assert [header.key for header in split_headers(block)] == keys


def test_a_last_line_without_its_end_gets_one() -> None:
    assert split_headers(b"A: b")[0].raw == b"A: b\r\n"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b" a\r\n b\r\n", b"a b"),
        (b" a\r\n\t\r\n b\r\n", b"a\t b"),
        (b"\r\n", b""),
        (b" plain ", b"plain"),
    ],
)
def test_a_folded_body_becomes_one_line(body: bytes, text: bytes) -> None:
    assert unfold(body) == text


def test_addresses_of_a_header_are_read() -> None:
    header = split_headers(lines("To: Jane <jane@x>,", " (c) joe, group: <>, a@b;"))[0]
    assert header_addresses(header) == ["jane@x", "joe", "a@b"]
    assert header_addresses(header, token_limit=6) == ["jane@x"]


@pytest.mark.parametrize(
    ("block", "recipients"),
    [
        (lines("To: a, b", "Cc: c", "Bcc: d", "From: e", "To: f"), ["a", "b", "c", "d", "f"]),
        (lines("To: a", "Resent-To: b", "Resent-Bcc: c"), ["b", "c"]),
        (lines("To: a", "Resent-From: b"), ["a"]),
        (lines("Subject: none"), []),
        (lines("To: undisclosed-recipients:;", "bcc: x@y"), ["x@y"]),
    ],
)
def test_recipients_of_a_message_are_taken_from_its_headers(
    block: bytes, recipients: list[str]
) -> None:
    assert message_recipients(split_headers(block)) == recipients


BLOCKS = st.binary() | st.lists(
    st.sampled_from(
        [b"To: ", b"a", b"@b", b",", b"\r\n", b"\r\n ", b"(", b")", b"<", b'"', b"\n", b"\r"]
    )
).map(b"".join)


@given(BLOCKS)
def test_any_block_can_be_read(block: bytes) -> None:
    headers = split_headers(block)
    raw = b"".join(header.raw for header in headers)
    assert (block + b"\r\n").startswith(raw)
    message_recipients(headers)


@pytest.mark.parametrize("part", [b"A:\r\n", b"A:\r\n \r\n", b"To: a@b,\r\n", b"a", b"\r\n "])
def test_a_long_block_is_read_in_linear_time(part: bytes) -> None:
    started = time.process_time()
    message_recipients(split_headers(b"To: " + part * (131072 // len(part))))
    assert time.process_time() - started < 3
