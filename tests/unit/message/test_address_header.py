import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.address.rewrite import RewriteRules, rewrite_external
from spoolmta.message.address_header import change_addresses
from spoolmta.message.header import split_headers, unfold
from spoolmta.message.turn import Turn
from tests.support.hostile_texts import HOSTILE, SIZE, milliseconds

RULES = RewriteRules(myorigin="example.com", mydomain="example.com")


async def complete(address: str) -> str:
    return rewrite_external(address, RULES)


def completed(raw: bytes, token_limit: int = 10240) -> bytes | None:
    changing = change_addresses(raw + b"\r\n", complete, token_limit=token_limit, turn=Turn())
    return asyncio.run(changing)


# As Postfix 3.7 writes them.
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"From: joe (Joe Doe)", b"From: joe@example.com (Joe Doe)"),
        (b'To: jane, "Q, X" <bob>', b'To: jane@example.com, "Q, X" <bob@example.com>'),
        (b"Cc: <@r:y@z.org>, a!b, (c) c1 (d)", b"Cc: <y@z.org>, b@a, c1@example.com (c) (d)"),
        (b"To: joe,\r\n\tjim@x.org", b"To: joe@example.com, jim@x.org"),
        (b"reply-to :joe", b"reply-to: joe@example.com"),
        (b"To: J\xe4ne <jane>", b"To: J\xe4ne <jane@example.com>"),
        (b"To: \xe4", b"To: \xe4@example.com"),
        (b"To: <>, joe", b"To: <>, joe@example.com"),
        (b"To: @", b'To: ""'),
        (b"To: <@>", b'To: <"">'),
        (b'To: "joe', b"To: joe@example.com"),
        (b"To: a b@x.org", b"To: a@example.com, b@x.org"),
        (b"To:\tJ . Q.  Doe <joe>", b"To: J.Q.Doe <joe@example.com>"),
        (b"To: Hi ! <joe>", b"To: Hi! <joe@example.com>"),
        (b"To:  <joe>", b"To: <joe@example.com>"),
    ],
)
def test_bare_addresses_of_a_header_are_completed(before: bytes, after: bytes) -> None:
    assert completed(before) == after + b"\r\n"


@pytest.mark.parametrize(
    "header",
    [
        b"To:joe@x.org ,  (c)\r\n jim@x.org",
        b"To: Joe  Doe<joe@x.org>",
        b"To: <>",
        b"To:",
        b"To: (only a comment)",
        b"To: undisclosed-recipients:;",
        b"To: joe  @ x.org",
        b"To: \\",
    ],
)
def test_a_header_whose_addresses_stay_keeps_its_bytes(header: bytes) -> None:
    assert completed(header) is None


def test_what_is_beyond_the_token_limit_is_lost_when_a_header_changes() -> None:
    assert completed(b"To: a, b, c, d", token_limit=5) == (
        b"To: a@example.com, b@example.com, c@example.com\r\n"
    )
    assert completed(b"To: a@x.org, b", token_limit=5) is None


NAMES = st.text("ab.! \t-", max_size=12)
SIMPLE = st.sampled_from(["a", "a.b", "a!b", "a%b"])


@given(NAMES, SIMPLE)
def test_one_address_is_written_as_in_a_list(name: str, address: str) -> None:
    header = f"To: {name}<{address}>".encode()
    assert completed(header, len(header)) == completed(header)


BODIES = st.binary() | st.lists(
    st.sampled_from([b"a", b"@b", b",", b"\r\n ", b"(", b")", b"<", b">", b'"', b";", b":", b"\\"])
).map(b"".join)


@given(BODIES)
def test_a_changed_header_is_still_one_header(body: bytes) -> None:
    raw = completed(b"To: " + unfold(body).replace(b"\r", b"").replace(b"\n", b""))
    if raw is not None:
        assert [header.raw for header in split_headers(raw)] == [raw]


def test_a_header_of_very_many_addresses_lets_others_work_meanwhile() -> None:
    turns = 0

    async def slow(address: str) -> str:
        time.sleep(0.001)
        return f"{address}@example.com"

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def both() -> bytes | None:
        other = asyncio.create_task(others())
        raw = b"To: " + b", ".join(b"a%d" % number for number in range(50)) + b"\r\n"
        changed = await change_addresses(raw, slow, token_limit=10240, turn=Turn())
        other.cancel()
        return changed

    changed = asyncio.run(both())
    assert changed is not None
    assert changed.count(b"@example.com") == 50
    assert turns >= 5


async def stay(address: str) -> str:
    return address


@pytest.mark.alone
@pytest.mark.parametrize("text", HOSTILE)
def test_a_header_of_64_kilobytes_is_read_at_once(text: str) -> None:
    raw = b"To: " + text.encode() + b"\r\n"

    def read() -> None:
        asyncio.run(change_addresses(raw, stay, token_limit=10240, turn=Turn()))

    assert milliseconds(read, 50) < 50


@pytest.mark.alone
@pytest.mark.parametrize("part", ["[] ", '"" ', '"\\"" ', "\x01 ", "\\a ", '"a b",'])
def test_odd_addresses_that_are_repeated_are_completed_at_once(part: str) -> None:
    raw = b"To: " + (part * SIZE)[:SIZE].encode()
    assert milliseconds(lambda: completed(raw), 50) < 50


@pytest.mark.alone
def test_rewriting_a_header_takes_time_in_proportion_to_its_addresses() -> None:
    def took(count: int) -> float:
        header = b"To: " + b", ".join(b'"%d x"' % number for number in range(count))
        return milliseconds(lambda: completed(header))

    assert took(4000) < 8 * took(1000)
