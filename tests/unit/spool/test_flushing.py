"""All deferred mail is to be tried now: slice by slice, each message once, whoever does it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from spoolmta.clock import ManualClock
from spoolmta.spool import flushes
from spoolmta.spool.connection import FILE_NAME, Spool, micros, numbers
from spoolmta.spool.surgery import flushing

SLICE = 500


class Deferred:
    """A spool with nothing but rows of deferred, due an hour from now and later."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.spool = Spool.open(folder / FILE_NAME, self.clock, create=True)

    def add(self, ids: range, *, apart: float = 1.0) -> None:
        due = self.clock.now() + 3600.0
        with self.spool.transaction() as tx:
            rows = ((n, tx.now, micros(due + apart * (n * 7919 % 10_000))) for n in ids)
            tx.run_many("enter_deferred", rows)

    def defer_again(self, ids: range) -> None:
        """Let messages be tried, and be deferred once more."""
        with self.spool.transaction() as tx:
            tx.run("leave_deferred", {"ids": numbers(ids)})
        self.add(ids)

    def waiting(self) -> set[int]:
        """Return what is not due."""
        rows = self.spool.read("slice_of_deferred", {"at": 0, "id": 0, "limit": -1})
        return {number for number, retry_at, _ in rows if retry_at > micros(self.clock.now())}


@pytest.fixture
def deferred(tmp_path: Path) -> Iterator[Deferred]:
    deferred = Deferred(tmp_path)
    yield deferred
    deferred.spool.close()


@pytest.mark.parametrize("count", [0, 1, SLICE, SLICE + 1, 3 * SLICE + 7])
@pytest.mark.parametrize("apart", [0.0, 1.0], ids=["due at one time", "due in turns"])
def test_all_of_it_becomes_due_in_slices(deferred: Deferred, count: int, apart: float) -> None:
    deferred.add(range(1, count + 1), apart=apart)
    slices = list(flushing.flush_all(deferred.spool))
    assert sum(slices) == count
    assert max(slices) <= SLICE
    assert deferred.waiting() == set()
    assert flushing.go_on(deferred.spool) is None


def test_dead_destinations_are_forgotten_before_the_first_message_is_due(
    deferred: Deferred,
) -> None:
    deferred.add(range(1, 2 * SLICE))
    slices = flushing.flush_all(deferred.spool)
    next(slices)
    assert flushes.asked(deferred.spool)
    assert deferred.waiting()
    slices.close()


def test_what_is_deferred_again_meanwhile_has_had_its_try(deferred: Deferred) -> None:
    deferred.add(range(1, 3 * SLICE))
    slices = flushing.flush_all(deferred.spool)
    next(slices)
    tried = set(range(1, 3 * SLICE)) - deferred.waiting()
    deferred.clock.jump(10)
    deferred.defer_again(range(1, 3 * SLICE, 100))
    assert len(list(slices)) < 10
    assert deferred.waiting() == set(range(1, 3 * SLICE, 100))
    assert tried


def test_who_comes_to_an_end_in_the_middle_leaves_the_rest_to_another(deferred: Deferred) -> None:
    deferred.add(range(1, 3 * SLICE))
    slices = flushing.flush_all(deferred.spool)
    next(slices)
    slices.close()
    left = len(deferred.waiting())
    done = 0
    while (count := flushing.go_on(deferred.spool)) is not None:
        done += count
    assert (done, deferred.waiting()) == (left, set())


def test_a_second_request_counts_for_what_came_after_the_first(deferred: Deferred) -> None:
    deferred.add(range(1, 3 * SLICE))
    first = flushing.flush_all(deferred.spool)
    next(first)
    deferred.clock.jump(10)
    deferred.add(range(3 * SLICE, 4 * SLICE))
    assert sum(flushing.flush_all(deferred.spool)) > 0
    assert deferred.waiting() == set()
    assert list(first) == []
