import re

from hypothesis import given
from hypothesis import strategies as st

from spoolmta.clock import ManualClock
from spoolmta.message.queue_id import MessageIds, format_queue_id, parse_queue_id

# What log readers take for a queue id.
SHORT = re.compile(r"[0-9A-F]{6,}")
LONG = re.compile(
    r"[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,15}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+"
)


def test_ids_of_one_maker_only_grow() -> None:
    clock = ManualClock(1_800_000_000)
    ids = MessageIds(7, clock)
    made = [ids.next() for _ in range(40_000)]
    clock.jump(-100)
    made += [ids.next() for _ in range(10)]
    clock.jump(200)
    made += [ids.next() for _ in range(10)]
    assert made == sorted(set(made))


def test_makers_of_other_numbers_make_other_ids() -> None:
    clock = ManualClock(1_800_000_000)
    made = {MessageIds(node, clock).next() for node in range(4096)}
    assert len(made) == 4096


IDS = st.integers(min_value=1_000_000_000 << 26, max_value=(1 << 58) - 1)


@given(IDS)
def test_a_queue_id_can_be_read_back(message_id: int) -> None:
    short, long = format_queue_id(message_id), format_queue_id(message_id, long=True)
    assert SHORT.fullmatch(short)
    assert LONG.fullmatch(long), long
    assert parse_queue_id(short) == parse_queue_id(long) == message_id


@given(IDS, IDS)
def test_queue_ids_sort_as_their_messages_arrived(first: int, second: int) -> None:
    assert (format_queue_id(first) < format_queue_id(second)) == (first < second)


@given(st.text() | st.text(alphabet="0123456789ABCDEFz"))
def test_text_that_is_no_queue_id_is_none(text: str) -> None:
    message_id = parse_queue_id(text)
    if message_id is not None and len(text) == 15 and text.isupper():
        assert format_queue_id(message_id) == text


def test_look_alikes_are_no_queue_ids() -> None:
    for text in ("", "abcdef012345678", "1" * 14, "1" * 16, "ALL", "-", "0" * 15 + "\n", "z"):
        assert parse_queue_id(text) is None
