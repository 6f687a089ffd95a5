"""How messages enter, are claimed, move on and end."""

from collections.abc import Callable

import pytest

from spoolmta.clock import ManualClock
from spoolmta.errors import ClaimLost, Corrupt
from spoolmta.message.envelope import Client, Envelope, Notify, Recipient
from spoolmta.spool import content, liveness, processes, queues
from spoolmta.spool.connection import Spool
from spoolmta.spool.deliveries import CRASH_LIMIT
from spoolmta.spool.liveness import Process
from spoolmta.spool.queues import NewMessage, State

Make = Callable[..., NewMessage]


def enqueue(spool: Spool, message: NewMessage, state: State = State.INCOMING) -> int:
    with spool.transaction() as tx:
        queues.enqueue(tx, state, message)
    return message.message_id


def claim(spool: Spool, process_id: int, state: State = State.INCOMING) -> list[int]:
    with spool.transaction() as tx:
        return queues.claim(tx, state, process_id, 10)


def activate(spool: Spool, process_id: int, message_id: int) -> None:
    with spool.transaction() as tx:
        queues.activate(tx, process_id, [message_id], [])


def test_an_envelope_comes_back_as_it_went_in(spool: Spool, clock: ManualClock) -> None:
    envelope = Envelope(
        sender="",
        recipients=(Recipient("b@y", "B@y", "rfc822;x@y", Notify.SUCCESS | Notify.DELAY),),
        client=Client("h.example", "h", "192.0.2.1", 4711, "helo", "ESMTP", "PLAIN", "u", "s"),
        uid=1000,
        envid="id",
        ret="HDRS",
        encoding="8bit",
        smtputf8=True,
        full_name="A B",
    )
    enqueue(spool, NewMessage(7, "ID", envelope, 3, (b"abc",), clock.now()))
    (queued,) = queues.load(spool, [7])
    assert queued.envelope == envelope
    assert (queued.size, queued.arrived_at) == (3, clock.now())


def test_a_claimed_message_is_claimed_once(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    message_id = enqueue(spool, new_message())
    assert claim(spool, process_id) == [message_id]
    assert claim(spool, process_id) == []


def test_the_oldest_are_claimed_first(spool: Spool, process_id: int, new_message: Make) -> None:
    ids = [enqueue(spool, new_message()) for _ in range(3)]
    with spool.transaction() as tx:
        assert queues.claim(tx, State.INCOMING, process_id, 2) == ids[:2]


def test_deferred_mail_is_claimed_when_it_is_due(
    spool: Spool, process_id: int, new_message: Make, clock: ManualClock
) -> None:
    message_id = enqueue(spool, new_message())
    claim(spool, process_id)
    activate(spool, process_id, message_id)
    with spool.transaction() as tx:
        queues.postpone(tx, message_id, clock.now() + 300)
    assert queues.next_retry(spool) == clock.now() + 300
    assert claim(spool, process_id, State.DEFERRED) == []
    clock.jump(300)
    assert claim(spool, process_id, State.DEFERRED) == [message_id]


def test_work_on_a_lost_claim_changes_nothing(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    message_id = enqueue(spool, new_message())
    with pytest.raises(ClaimLost):
        activate(spool, process_id, message_id)
    assert queues.count_active(spool) == 0


def test_a_removed_message_leaves_nothing_but_its_history(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    message_id = enqueue(spool, new_message())
    claim(spool, process_id)
    activate(spool, process_id, message_id)
    with spool.transaction() as tx:
        queues.remove(tx, State.ACTIVE, [message_id])
    assert queues.load(spool, [message_id]) == []
    with pytest.raises(Corrupt):
        content.read_whole(spool, message_id)


def test_a_large_message_is_uploaded_piece_by_piece_and_its_head_comes_last(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    message = new_message()
    with spool.transaction() as tx:
        content.upload(tx, message.message_id, 1, b"first ", process_id)
        content.upload(tx, message.message_id, 2, b"second ", process_id)
    final = NewMessage(
        message.message_id, "ID", message.envelope, 20, (b"head ", b"tail"), 0.0, uploaded=2
    )
    enqueue(spool, final)
    assert content.read_whole(spool, message.message_id) == b"head first second tail"
    assert list(content.read(spool, message.message_id)) == [
        b"head ",
        b"first ",
        b"second ",
        b"tail",
    ]


def test_cleaning_up_keeps_the_id_and_replaces_the_content(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    message = new_message(content=b"old")
    enqueue(spool, message, State.MAILDROP)
    claim(spool, process_id, State.MAILDROP)
    cleaned = NewMessage(message.message_id, "ID", message.envelope, 3, (b"new",), 0.0)
    with spool.transaction() as tx:
        queues.replace(tx, State.INCOMING, cleaned, process_id)
    assert content.read_whole(spool, message.message_id) == b"new"
    assert claim(spool, process_id, State.INCOMING) == [message.message_id]


def dead(process_id: int) -> Process:
    return Process(process_id, "test", 1, 1, "another boot")


def test_claims_of_a_dead_process_fall_free(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    message_id = enqueue(spool, new_message())
    claim(spool, process_id)
    with spool.transaction() as tx:
        processes.prune(tx, dead(process_id))
    assert claim(spool, process_id + 1) == [message_id]


def test_what_a_dead_process_was_uploading_is_deleted(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    message = new_message()
    with spool.transaction() as tx:
        content.upload(tx, message.message_id, 1, b"first", process_id)
        processes.prune(tx, dead(process_id))
    with pytest.raises(Corrupt):
        content.read_whole(spool, message.message_id)


def test_a_message_that_took_three_processes_with_it_goes_to_corrupt(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    poison, sound = enqueue(spool, new_message()), enqueue(spool, new_message())
    for number in range(CRASH_LIMIT):
        with spool.transaction() as tx:
            tx.run("claim_incoming", {"process_id": process_id + number, "now": tx.now, "limit": 1})
            processes.prune(tx, dead(process_id + number))
    with spool.transaction() as tx:
        assert processes.quarantine(tx) == [poison]
    assert claim(spool, process_id) == [sound]


def test_a_running_process_is_not_taken_for_dead(spool: Spool, process_id: int) -> None:
    assert process_id not in [process.process_id for process in liveness.dead(spool)]


def test_a_message_that_a_process_died_with_is_claimed_alone(
    spool: Spool, process_id: int, new_message: Make
) -> None:
    suspect = enqueue(spool, new_message())
    assert claim(spool, process_id) == [suspect]
    with spool.transaction() as tx:
        processes.prune(tx, Process(process_id, "test", 0, 0, ""))
        heir = processes.register(tx, "test")
    innocent = enqueue(spool, new_message())
    assert claim(spool, heir) == [suspect]
    assert claim(spool, heir) == [innocent]
