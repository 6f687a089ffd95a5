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
from spoolmta.spool.surgery.operations import Author, Deed, Operation
from spoolmta.spool.surgery.selection import Selector
from spoolmta.spool.tally import MASS
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


def test_the_tally_of_deferred_messages_is_right_whoever_counts(spool: Spool) -> None:
    ids = everybody(spool)

    def tally() -> tuple[int, int]:
        ((counted, there),) = rows(
            spool, "SELECT messages, (SELECT count(*) FROM deferred) FROM tally"
        )
        return int(str(counted)), int(str(there))

    assert tally() == (MESSAGES, MESSAGES)
    held = operations.find(spool, operate(spool, "hold", ids[FEW:]).operation_id)
    assert tally() == (FEW, FEW)
    operate(spool, "hold", ids[:1])
    assert tally() == (FEW - 1, FEW - 1)
    assert held is not None
    with spool.transaction() as tx:
        undo.undo(tx, held, ROOT)
    assert tally() == (MESSAGES - 1, MESSAGES - 1)
    operate(spool, "hold", ids[FEW:])
    operate(spool, "release", [ids[0], *ids[FEW:]])
    assert tally() == (MESSAGES, MESSAGES)
    operate(spool, "delete", ids[:FEW])
    assert tally() == (MESSAGES - FEW, MESSAGES - FEW)


def test_those_of_a_sender_are_found_among_few_and_among_all(spool: Spool) -> None:
    wanted = Selector(sender=("SENDER3@bench.example",))
    of_one = selection.select(spool, wanted).message_ids
    assert len(of_one) == MESSAGES // 10
    others = [one for one in everybody(spool) if one not in of_one]
    operate(spool, "hold", [*of_one[:FEW], *others[:FEW]])
    for options in (wanted, Selector(sender=("sender3@*",)), Selector(client=("127.0.0.1",))):
        held = selection.select(spool, options, states=(State.HOLD,))
        assert set(held.message_ids) >= set(of_one[:FEW])
        assert set(held.sizes) >= set(held.message_ids)
    assert selection.select(spool, wanted, states=(State.HOLD,)).message_ids == of_one[:FEW]
    left = selection.select(spool, wanted, states=(State.DEFERRED,)).message_ids
    assert left == of_one[FEW:]
    assert selection.select(spool, wanted, located=False).message_ids == of_one


def test_the_trash_knows_sizes_that_were_seen_and_those_that_were_not(spool: Spool) -> None:
    ids = everybody(spool)
    sizes = dict(rows(spool, "SELECT message_id, size FROM message"))
    with spool.transaction() as tx:
        operation = operations.begin(tx, Deed("delete", ROOT))
        seen = {one: int(str(sizes[one])) for one in ids[:FEW]}
        admin.delete(tx, ids[: 2 * FEW], operation=operation, sizes=seen)
    found = rows(spool, "SELECT message_id, size FROM trash")
    assert found == [(one, sizes[one]) for one in ids[: 2 * FEW]]
