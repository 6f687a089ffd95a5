"""Replies with one cause have one fingerprint; those with two have two."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.message.fingerprint import fingerprint

SAME = [
    (
        "connect to mx1.big.example[192.0.2.1]:25: Connection timed out",
        "connect to mx22.big.example[198.51.100.7]:25: Connection timed out",
        "connect to <host>: Connection timed out",
    ),
    (
        "host mx.a.example[192.0.2.1] said: 450 4.2.1 <bob@a.example>: mailbox 17 is busy",
        "host in.b.example[2001:db8::1] said: 450 4.2.1 <eve+x@b.example>: mailbox 9 is busy",
        "host <host> said: 450 4.2.1 <address>: mailbox <n> is busy",
    ),
    (
        "421-4.7.0 [192.0.2.9 15] Our system has detected an unusual rate u11-20020a05600c0a4b00b0",
        "421-4.7.0 [198.51.100.1 15] Our system has detected an unusual rate k9si7735ejc.12",
        "421-4.7.0 <ip> <n>] Our system has detected an unusual rate <id>",
    ),
    (
        "450 4.7.1 Greylisted, see https://help.example/why?ip=192.0.2.1 (retry in 299 seconds)",
        "450 4.7.1 Greylisted, see https://help.example/why?ip=192.0.2.4 (retry in 13 seconds)",
        "450 4.7.1 Greylisted, see <url> (retry in <n> seconds)",
    ),
    ("421 4.7.0 later, id 1d", "421 4.7.0 later, id e2f", "421 4.7.0 later, id <n>"),
    (
        "451 4.3.0 queue file 4XqR2k1Fh7z9 not written",
        "451 4.3.0 queue file 3AbC9d7Eq1w8 not written",
        "451 4.3.0 queue file <id> not written",
    ),
]


@pytest.mark.parametrize(("one", "other", "common"), SAME)
def test_what_differs_from_reply_to_reply_is_replaced(one: str, other: str, common: str) -> None:
    assert fingerprint(one) == fingerprint(other) == common


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("450 4.2.1 mailbox busy", "450 4.2.2 mailbox busy"),
        ("450 4.2.1 mailbox busy", "452 4.2.1 mailbox busy"),
        ("Connection timed out", "Connection refused"),
    ],
)
def test_another_code_is_another_cause(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


@given(st.integers(min_value=0), st.integers(min_value=0))
def test_numbers_make_no_difference(one: int, other: int) -> None:
    assert fingerprint(f"try again in {one} s") == fingerprint(f"try again in {other} s")


@given(st.text(max_size=200))
def test_a_fingerprint_is_its_own(reply: str) -> None:
    once = fingerprint(reply)
    assert "\n" not in once
    assert len(once) <= 8 * max(1, len(reply))


@pytest.mark.parametrize("piece", ["a.", "1.", "a@", "<", "[:", "a1-", "a:", "http://", "é1"])
def test_no_reply_takes_long(piece: str) -> None:
    start = time.process_time()
    fingerprint(piece * 2000)
    assert time.process_time() - start < 0.5
