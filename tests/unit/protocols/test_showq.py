"""The listing on public/showq, compared with the bytes that Postfix 3.7 sends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.errors import RemoteProtocolError
from spoolmta.protocols.showq import (
    END,
    GREETING,
    ListedMessage,
    ListedRecipient,
    Parser,
    format_message,
)

MESSAGE = ListedMessage(
    queue_name="deferred",
    queue_id="1139321242D",
    arrived_at=1795533859,
    size=423,
    sender="alice@a.example",
    recipients=(
        ListedRecipient("u1@refused.example", "connect to mx[192.0.2.1]:25: refused"),
        ListedRecipient("u2@refused.example"),
    ),
)
WIRE = (
    b"queue_name\0deferred\0queue_id\x001139321242D\0time\x001795533859\0size\x00423\0"
    b"forced_expire\x000\0sender\0alice@a.example\0"
    b"recipient\0u1@refused.example\0reason\0connect to mx[192.0.2.1]:25: refused\0"
    b"recipient\0u2@refused.example\0reason\0\0\0"
)


def test_a_message_is_formatted_as_postfix_does() -> None:
    assert format_message(MESSAGE) == WIRE


def test_an_empty_queue_is_a_greeting_and_an_end() -> None:
    parser = Parser()
    assert list(parser.feed(b"protocol\0mail_queue_list_protocol\0\0\0")) == []
    assert parser.finished
    assert GREETING + END == b"protocol\0mail_queue_list_protocol\0\0\0"


@given(st.integers(1, len(GREETING + WIRE + WIRE + END)))
def test_a_listing_may_arrive_in_pieces(size: int) -> None:
    parser = Parser()
    data = GREETING + WIRE + WIRE + END
    found = []
    for start in range(0, len(data), size):
        found += parser.feed(data[start : start + size])
    assert found == [MESSAGE, MESSAGE]
    assert parser.finished


addresses = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(addresses, st.lists(st.tuples(addresses, addresses)))
def test_what_is_formatted_is_parsed(sender: str, people: list[tuple[str, str]]) -> None:
    message = ListedMessage(
        "hold", "A1", 1, 2, sender, tuple(ListedRecipient(*pair) for pair in people), True
    )
    assert list(Parser().feed(GREETING + format_message(message))) == [message]


def test_bytes_that_are_no_utf8_survive() -> None:
    message = ListedMessage("hold", "A1", 1, 2, "a\udce9@x.example", ())
    assert list(Parser().feed(GREETING + format_message(message))) == [message]


def test_a_nul_in_an_address_shifts_nothing() -> None:
    message = ListedMessage("hold", "A1", 1, 2, "a\0b@x.example", ())
    assert next(Parser().feed(GREETING + format_message(message))).sender == "a?b@x.example"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"protocol\0other\0\0", id="another protocol"),
        pytest.param(b"\0", id="no greeting"),
        pytest.param(GREETING + b"queue_id\0A1\0\0", id="attributes missing"),
        pytest.param(GREETING + WIRE.replace(b"423", b"many"), id="size is no number"),
        pytest.param(GREETING + WIRE[:-1] + b"recipient\0a@b\0\0", id="recipient alone"),
        pytest.param(GREETING + WIRE[:-1] + b"reason\0a\0recipient\0b\0\0", id="out of order"),
        pytest.param(GREETING + END + b"x\0", id="data after the end"),
    ],
)
def test_another_protocol_is_an_error(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        list(Parser().feed(data))
