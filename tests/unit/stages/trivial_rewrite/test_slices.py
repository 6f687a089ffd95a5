"""How messages are cut into slices."""

from hypothesis import given
from hypothesis import strategies as st

from spoolmta.spool.queues import Unanswered
from spoolmta.stages.trivial_rewrite.slices import Bounds, cut


def message(number: int, recipients: int) -> Unanswered:
    people = tuple((index, f"r{index}@x.example") for index in range(recipients))
    return Unanswered(number, f"{number:X}", "a@x.example", 100, people)


def sizes(messages: list[Unanswered]) -> dict[int, int]:
    return {m.message_id: len(m.recipients) for m in messages}


def test_what_fits_is_brought_in_whole() -> None:
    found = cut([message(1, 3), message(2, 1)], Bounds(10, 10, 10, 2))
    assert sizes(found.messages) == {1: 3, 2: 1}
    assert (found.rest, found.left) == ({}, [])


def test_a_message_that_is_alone_too_large_is_cut() -> None:
    found = cut([message(1, 11)], Bounds(10, 10, 10, 2))
    assert sizes(found.messages) == {1: 10}
    assert found.rest == {1: 10}


def test_what_comes_behind_a_message_that_was_cut_waits_for_the_next_batch() -> None:
    found = cut([message(1, 6), message(2, 5), message(3, 0)], Bounds(10, 10, 10, 2))
    assert sizes(found.messages) == {1: 6, 2: 4}
    assert (found.rest, found.left) == ({2: 4}, [3])


def test_a_message_of_which_nothing_fits_waits_for_the_next_batch() -> None:
    found = cut([message(1, 10), message(2, 1)], Bounds(10, 10, 10, 2))
    assert (sizes(found.messages), found.left) == ({1: 10}, [2])


def test_a_message_without_recipients_is_told_from_one_that_was_not_read() -> None:
    found = cut([message(1, 0), message(2, 1)], Bounds(10, 10, 10, 2))
    assert sizes(found.messages) == {1: 0, 2: 1}


def test_of_one_message_only_a_slice_is_brought_in_beside_others() -> None:
    found = cut([message(1, 8), message(2, 1)], Bounds(10, 3, 10, 2))
    assert sizes(found.messages) == {1: 3, 2: 1}
    assert (found.rest, found.left) == ({1: 3}, [])


def test_without_room_each_gets_the_minimum() -> None:
    found = cut([message(1, 5), message(2, 1)], Bounds(10, 10, 0, 2))
    assert sizes(found.messages) == {1: 2, 2: 1}
    assert found.rest == {1: 2}


@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(1, 20), st.integers(0, 20))
def test_nothing_is_lost_by_cutting(counts: list[int], limit: int, room: int) -> None:
    everybody = [person for number, count in enumerate(counts) for person in [number] * count]
    read = everybody[: limit + 1]
    found = cut(
        [message(n, read.count(n)) for n in range(len(counts))], Bounds(limit, limit, room, 1)
    )
    assert sorted([m.message_id for m in found.messages] + found.left) == list(range(len(counts)))
    for m in found.messages:
        whole = counts[m.message_id] == len(m.recipients)
        assert whole or found.rest[m.message_id] == len(m.recipients)
    assert sum(len(m.recipients) for m in found.messages) <= limit
