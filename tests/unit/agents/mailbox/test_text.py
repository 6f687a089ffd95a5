from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from spoolmta.agents.mailbox.text import (
    MBOX,
    Addresses,
    MailboxText,
    convert,
    envelope_headers,
    separator,
)

LINES = st.lists(
    st.one_of(st.sampled_from([b"From x", b"From ", b">From x", b"", b"Fro", b"text"]), st.binary())
)


def _content(lines: list[bytes]) -> bytes:
    return b"".join(
        line.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n" for line in lines or [b"x"]
    )


def _pieces(content: bytes, cuts: list[int]) -> list[bytes]:
    at = [0, *sorted(cut % (len(content) + 1) for cut in cuts), len(content)]
    return [content[a:b] for a, b in pairwise(at)]


@given(LINES, st.lists(st.integers(min_value=0)))
@example([b"From a", b"From b"], [1, 3, 5, 7, 8, 9, 11, 12, 13])
def test_wherever_content_is_cut_the_text_is_the_same(lines: list[bytes], cuts: list[int]) -> None:
    content = _content(lines)
    expected = content.replace(b"\r\n", b"\n")
    assert b"".join(convert(_pieces(content, cuts))) == expected


@given(LINES, st.lists(st.integers(min_value=0)))
def test_wherever_content_is_cut_each_from_line_is_quoted(
    lines: list[bytes], cuts: list[int]
) -> None:
    content = _content(lines)
    quoted = b"".join(convert(_pieces(content, cuts), MBOX))
    expected = b"".join(
        (b">" if line.startswith(b"From ") else b"") + line + b"\n"
        for line in content.split(b"\r\n")[:-1]
    )
    assert quoted == expected


def test_text_is_said_as_soon_as_it_is_known() -> None:
    text = MailboxText()
    assert text.feed(b"one line\r\nanother li") == b"one line\nanother li"
    assert text.feed(b"ne\r") == b"ne"
    assert text.feed(b"\n") + text.end() == b"\n"


def test_headers_are_in_the_order_of_postfix() -> None:
    headers = envelope_headers(Addresses("s@a.example", "Ali@b.example", "alice@b.example"))
    assert headers == (
        b"Return-Path: <s@a.example>\nX-Original-To: Ali@b.example\nDelivered-To: alice@b.example\n"
    )


def test_null_sender_is_an_empty_return_path_and_mailer_daemon_in_the_separator() -> None:
    assert envelope_headers(Addresses("", "b@c", "")).startswith(b"Return-Path: <>\n")
    assert separator("", 0).startswith(b"From MAILER-DAEMON  ")


def test_addresses_are_quoted_where_they_need_it() -> None:
    headers = envelope_headers(Addresses("joe user@a.example", "x@y", ""))
    assert headers.startswith(b'Return-Path: <"joe user"@a.example>\n')


def test_separator_has_two_blanks_and_local_time(utc: None) -> None:
    assert separator("s@src.example", 1795533778) == (
        b"From s@src.example  Tue Nov 24 15:22:58 2026\n"
    )
