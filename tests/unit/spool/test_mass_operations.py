"""An operation on very many messages: its events are told with those of each message."""

import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest

from spoolmta.clock import SystemClock
from spoolmta.spool.connection import FILE_NAME, Spool
from spoolmta.spool.history import History
from spoolmta.spool.questions import inspect
from spoolmta.spool.questions.audit import audit
from spoolmta.spool.queues import State
from spoolmta.spool.surgery import admin, operations, selection, trash, undo
from spoolmta.spool.surgery.operations import MASS, Author, Deed, Operation
from spoolmta.spool.surgery.selection import Selector
from tools.bench.backlog import Backlog

MESSAGES = MASS + 100
FEW = 10
ARRIVAL = ["accepted", "resolved", "granted", "deferred", "postponed"]
ROOT = Author(getpass.getuser(), 0)


@pytest.fixture(scope="module")
def backlog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backlog") / FILE_NAME
    Spool.open(path, SystemClock(), create=True).close()
    Backlog(MESSAGES, destinations=10).fill(path)
    return path


@pytest.fixture
def spool(backlog: Path, tmp_path: Path) -> Iterator[Spool]:
    path = tmp_path / FILE_NAME
    path.write_bytes(backlog.read_bytes())
    spool = Spool.open(path, SystemClock())
    yield spool
    spool.close()


def everybody(spool: Spool) -> list[int]:
    return selection.select(spool, Selector()).message_ids


def operate(spool: Spool, verb: str, ids: list[int]) -> Operation:
    with spool.transaction() as tx:
        operation = operations.begin(tx, Deed(verb, ROOT))
        if verb == "hold":
            done = admin.hold(tx, ids, "seen too often", operation=operation)
        elif verb == "release":
            done = admin.release(tx, ids, operation)
        else:
            done = admin.delete(tx, ids, operation=operation)
        operations.finish(tx, operation, len(done.done))
        assert done.done == sorted(ids)
    return operation


def expire(spool: Spool, before: float) -> int:
    with spool.transaction() as tx:
        return operations.expire(tx, before, 500)


def kinds(spool: Spool, message_id: int) -> list[str]:
    return [event.kind for event in inspect.events(spool, message_id)]


def rows(spool: Spool, text: str) -> list[tuple[object, ...]]:
    return spool._connection.execute(text).fetchall()


def accounts(spool: Spool) -> dict[str, int]:
    *_, (_, found) = audit(spool)
    assert not found.violators
    return dict(found.accounts)


def test_each_message_tells_what_was_done_to_all(spool: Spool) -> None:
    ids = everybody(spool)
    for verb in ("hold", "release", "hold"):
        operate(spool, verb, ids)
    for message_id in (ids[0], ids[MESSAGES // 2], ids[-1]):
        assert kinds(spool, message_id) == [*ARRIVAL, "held", "released", "held"]
        found = rows(spool, f"SELECT kind FROM v1_events WHERE message_id = {message_id}")
        assert [row[0] for row in found][-3:] == ["held", "released", "held"]
    assert accounts(spool) == {"hold": MESSAGES}


def test_what_was_done_to_all_is_taken_back_from_all(spool: Spool) -> None:
    ids = everybody(spool)
    held = operations.find(spool, operate(spool, "hold", ids).operation_id)
    assert held is not None
    with spool.transaction() as tx:
        assert sorted(undo.undo(tx, held, ROOT).back) == sorted(ids)
    assert kinds(spool, ids[0]) == kinds(spool, ids[-1]) == [*ARRIVAL, "held", "restored"]
    counted = "SELECT count(*) FROM event WHERE kind = 'restored' AND operation_id IS NOT NULL"
    assert rows(spool, counted) == [(MESSAGES,)]
    assert accounts(spool) == {"deferred": MESSAGES}


def test_events_of_all_stand_beside_no_event_of_a_message(spool: Spool) -> None:
    ids = everybody(spool)
    few, many = operate(spool, "hold", ids[:FEW]), operate(spool, "hold", ids[FEW:])
    found = "SELECT operation_id, count(*) FROM event WHERE kind = 'held' GROUP BY 1 ORDER BY 1"
    assert rows(spool, found) == [(None, FEW), (many.operation_id, MESSAGES - FEW)]
    told = "SELECT DISTINCT detail ->> 'operation' FROM event WHERE kind = 'held'"
    assert rows(spool, told) == [(few.operation_id,), (many.operation_id,)]


def test_history_takes_them_with_the_message(spool: Spool) -> None:
    ids = everybody(spool)
    for verb in ("hold", "release", "delete"):
        operate(spool, verb, ids)
    while trash.empty(spool, spool.clock.now() + 1, 1 << 40):
        pass
    history = History(spool)
    while history.move() or history.has_more:
        pass
    last = "the very last event stays, so that its number is not given again"
    assert rows(spool, "SELECT count(*) FROM event") == [(1,)], last
    spool.attach_history()
    ends = [*ARRIVAL, "held", "released", "deleted", "emptied"]
    assert kinds(spool, ids[0]) == kinds(spool, ids[-1]) == ends
    assert accounts(spool) == {"deleted": MESSAGES}


def test_an_operation_stays_as_long_as_an_event_of_its(spool: Spool) -> None:
    ids = everybody(spool)
    operate(spool, "hold", ids)
    later = spool.clock.now() + 1
    while expire(spool, later):
        pass
    assert rows(spool, "SELECT count(*) FROM change") == [(0,)]
    assert kinds(spool, ids[0]) == [*ARRIVAL, "held"]
    assert selection.select(spool, Selector((State.HOLD,))).message_ids == ids
