"""Finished mail's events move to day files: nothing is lost, nothing is told twice."""

import getpass
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from spoolmta.errors import SpoolBusy, SpoolUnusable
from spoolmta.spool import days, journal
from spoolmta.spool.connection import Spool
from spoolmta.spool.history import History, continue_numbering
from spoolmta.spool.questions import inspect
from spoolmta.spool.questions.question import ask
from spoolmta.spool.surgery import admin
from tests.support.sample_spool import SampleSpool

DAY = 86_400


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[SampleSpool]:
    sample = SampleSpool(tmp_path, getpass.getuser(), start=1_800_000_000.0)
    yield sample
    sample.close()


def everything(spool: Spool) -> list[journal.Told]:
    """Return the whole journal, as it is followed from its beginning."""
    told, after = [], 0
    while True:
        page, after = journal.page(spool, after)
        if not page:
            return told
        told += page


def kinds(sample: SampleSpool, name: str) -> list[str]:
    sample.spool.attach_history()
    return [event.kind for event in inspect.events(sample.spool, sample.number(name))]


def delete_what_is_held(sample: SampleSpool) -> None:
    with sample.spool.transaction() as tx:
        admin.delete(tx, [sample.number("hold")])
        admin.hold(tx, [sample.number("incoming")], "the last event stays in the spool")


def in_the_spool(sample: SampleSpool) -> set[int]:
    return {row[0] for row in sample.spool._connection.execute("SELECT message_id FROM main.event")}


def test_what_is_gone_moves_and_what_waits_stays(sample: SampleSpool) -> None:
    before = everything(sample.spool)
    assert History(sample.spool).move() == 5
    assert in_the_spool(sample) == {sample.number(name) for name in sample.ids if name != "gone"}
    assert everything(sample.spool) == before
    assert kinds(sample, "gone") == ["accepted", "resolved", "granted", "sent", "removed"]


def test_the_file_is_that_of_the_day_on_which_a_message_ended(sample: SampleSpool) -> None:
    sample.clock.jump(3 * DAY)
    delete_what_is_held(sample)
    while History(sample.spool).move():
        pass
    folder = sample.queue / "history"
    assert [path.name for path in days.paths(folder)] == ["2027-01-15.db", "2027-01-18.db"]
    with days.open_read_only(folder / "2027-01-18.db") as day:
        assert {row[0] for row in day.execute("SELECT kind FROM event")} == {"accepted", "deleted"}


def test_a_copy_that_was_not_deleted_yet_is_told_once(sample: SampleSpool) -> None:
    before = everything(sample.spool)
    assert len(History(sample.spool).copy()) == 5  # and here the process died
    assert everything(sample.spool) == before
    rows = ask(sample.path, "SELECT count(*) FROM v1_events", seconds=5, limit=1).rows
    assert rows == [(len(before),)]
    assert History(sample.spool).move() == 5
    assert everything(sample.spool) == before


def test_who_reads_on_from_a_cursor_misses_nothing_while_events_move(sample: SampleSpool) -> None:
    told, after = journal.page(sample.spool, 0)
    History(sample.spool).move()
    with sample.spool.transaction() as tx:
        admin.hold(tx, [sample.number("deferred")], "said so")
        admin.delete(tx, [sample.number("hold")])
        admin.hold(tx, [sample.number("active")], "said so")
    History(sample.spool).move()
    later, end = journal.page(sample.spool, after)
    assert [event.kind for event in later] == ["held", "deleted", "held"]
    assert journal.page(sample.spool, end) == ([], end)
    assert everything(sample.spool) == told + later


def test_views_and_names_are_the_same_over_the_history(sample: SampleSpool) -> None:
    questions = [
        "SELECT * FROM v1_events ORDER BY event_id",
        "SELECT * FROM V1_Attempts ORDER BY event_id",
    ]
    before = [ask(sample.path, text, seconds=5, limit=99) for text in questions]
    History(sample.spool).move()
    assert [ask(sample.path, text, seconds=5, limit=99) for text in questions] == before


def test_an_address_is_found_in_the_history(sample: SampleSpool) -> None:
    History(sample.spool).move()
    sample.spool.attach_history()
    found = [
        id_ for _, ids in inspect.search_journal(sample.spool, "a@news.example") for id_ in ids
    ]
    assert found == [sample.number("deferred"), sample.number("gone")]


def test_old_days_are_deleted_and_young_ones_are_not(sample: SampleSpool) -> None:
    history = History(sample.spool)
    history.move()
    ended = sample.clock.now()
    assert history.expire(ended - DAY, 0) == []
    assert [path.name for path in history.expire(ended + DAY, 0)] == ["2027-01-15.db"]
    assert kinds(sample, "gone") == []


def test_the_oldest_days_go_when_there_is_too_much(sample: SampleSpool) -> None:
    history = History(sample.spool)
    history.move()
    sample.clock.jump(DAY)
    delete_what_is_held(sample)
    history.move()
    size = days.paths(history.folder)[1].stat().st_size
    assert [path.name for path in history.expire(0, size)] == ["2027-01-15.db"]
    history.expire(0, 1)
    assert kinds(sample, "hold") == []


def test_a_spool_that_begins_anew_goes_on_with_the_numbers(sample: SampleSpool) -> None:
    History(sample.spool).move()
    last = everything(sample.spool)[-1].event_id
    new = Spool.open(sample.queue / "new.db", sample.clock, create=True)
    continue_numbering(new)
    ((first,),) = new.read("first_event")
    _, greatest = days.bounds(sample.queue / "history")
    assert greatest < first <= last
    continue_numbering(new)
    assert new.read("last_event") == [(first,)]
    new.close()


def test_an_event_whose_number_is_taken_stays_in_the_spool(sample: SampleSpool) -> None:
    history = History(sample.spool)
    history.copy()
    with apsw.Connection(str(days.paths(history.folder)[0])) as day:
        day.execute("UPDATE event SET kind = 'other' WHERE kind = 'sent'")
    again = History(sample.spool)
    assert again.move() == 4
    assert again.take_conflicts() == 1
    assert "sent" in kinds(sample, "gone")


def test_a_day_that_is_no_database_is_named_and_stops_nothing(sample: SampleSpool) -> None:
    folder = sample.queue / "history"
    folder.mkdir()
    (folder / "2027-01-15.db").write_bytes(b"x" * 4096)
    with pytest.raises(SpoolBusy, match="history cannot be written"):
        History(sample.spool).move()
    with pytest.raises(SpoolUnusable, match=r"2027-01-15\.db.*move it away"):
        sample.spool.attach_history()
    continue_numbering(sample.spool)
    assert ask(sample.path, "SELECT count(*) FROM v1_queue", seconds=5, limit=1).rows == [(6,)]


def test_who_reads_a_day_does_not_stop_the_spool(sample: SampleSpool) -> None:
    History(sample.spool).copy()
    day = days.open_read_only(days.paths(sample.queue / "history")[0])
    reading = day.cursor()
    reading.execute("BEGIN; SELECT * FROM event")
    next(reading)
    assert History(sample.spool).move() == 0
    delete_what_is_held(sample)
    day.close()
    history = History(sample.spool)
    assert history.move() + history.move() == 7
