"""Transactions, and which files may be a spool."""

import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from spoolmta.clock import ManualClock, SystemClock
from spoolmta.errors import SpoolFailed, SpoolUnusable
from spoolmta.spool import queues
from spoolmta.spool.connection import Spool, check_sqlite
from spoolmta.spool.filesystem import filesystem_of
from spoolmta.spool.queues import NewMessage

Make = Callable[..., NewMessage]


def count(spool: Spool) -> int:
    return queues.count_active(spool)


def test_what_is_committed_is_seen_by_another_connection(
    spool: Spool, path: Path, clock: ManualClock, new_message: Make
) -> None:
    message = new_message()
    with spool.transaction(durable=True) as tx:
        queues.enqueue(tx, "incoming", message)
    other = Spool.open(path, clock)
    assert [m.queue_id for m in queues.load(other, [message.message_id])] == [message.queue_id]
    other.close()


def test_an_exception_inside_rolls_everything_back(spool: Spool, new_message: Make) -> None:
    message = new_message()
    with pytest.raises(ZeroDivisionError), spool.transaction() as tx:
        queues.enqueue(tx, "incoming", message)
        raise ZeroDivisionError
    assert queues.load(spool, [message.message_id]) == []
    with spool.transaction() as tx:
        queues.enqueue(tx, "incoming", message)
    assert len(queues.load(spool, [message.message_id])) == 1


def test_a_spool_that_is_not_there_is_not_made_by_accident(path: Path) -> None:
    with pytest.raises(SpoolUnusable, match="cannot open the spool"):
        Spool.open(path, SystemClock())


def test_a_spool_of_another_schema_version_is_refused(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(SpoolUnusable, match=r"schema version 99.*works with version 5"):
        Spool.open(path, SystemClock(), create=True)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(SpoolUnusable, match=r"spool\.db"):
        Spool.open(path, SystemClock(), create=True)


@pytest.mark.parametrize("version", ["3.40.1", "3.51.2", "3.52.0"])
def test_sqlite_versions_that_lose_mail_are_refused(version: str) -> None:
    with pytest.raises(SpoolUnusable, match=version):
        check_sqlite(version)


@pytest.mark.parametrize("version", ["3.51.3", "3.53.0", "3.54.1", "4.0.0"])
def test_sound_sqlite_versions_are_taken(version: str) -> None:
    check_sqlite(version)


MOUNTS = [
    "22 1 8:1 / / rw - ext4 /dev/root rw",
    "40 22 0:40 / /srv/mail rw - nfs4 server:/mail rw",
    "41 22 0:41 / /srv/with\\040space rw - cifs //server/share rw",
]


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/srv/mail/spool", "nfs4"), ("/srv/mailbox", "ext4"), ("/srv/with space", "cifs")],
)
def test_the_file_system_of_a_folder_is_that_of_its_nearest_mount(folder: str, kind: str) -> None:
    assert filesystem_of(Path(folder), MOUNTS) == kind


def test_a_network_file_system_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"22 1 8:1 / {tmp_path} rw - nfs4 server:/mail rw\n")
    monkeypatch.setattr("spoolmta.spool.filesystem._MOUNTS", mounts)
    with pytest.raises(SpoolUnusable, match=r"network file system \(nfs4\).*queue_directory"):
        Spool.open(tmp_path / "spool.db", SystemClock(), create=True)


def _write_many(path: Path, process: int) -> None:
    spool = Spool.open(path, SystemClock())
    for number in range(100):
        with spool.transaction() as tx:
            tx.run("enter_active", (process * 1000 + number, 0, 0))
    os._exit(0)


def test_many_processes_write_side_by_side_and_nothing_is_lost(spool: Spool, path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write_many, args=(path, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert count(spool) == 300


def test_a_durable_commit_needs_the_log_that_a_restart_would_find(
    spool: Spool, path: Path, new_message: Make
) -> None:
    with spool.transaction(durable=True) as tx:
        queues.enqueue(tx, "incoming", new_message())
    Path(f"{path}-wal").unlink()
    with pytest.raises(SpoolFailed, match="log was removed"), spool.transaction(durable=True) as tx:
        queues.enqueue(tx, "incoming", new_message())


def test_the_gate_is_entered_only_while_it_is_free(
    spool: Spool, path: Path, clock: ManualClock, new_message: Make
) -> None:
    other = Spool.open(path, clock)
    with other.gate():
        assert not spool.enter_free_gate()
    assert spool.enter_free_gate()
    assert not other.enter_free_gate()
    with spool.transaction() as tx:
        queues.enqueue(tx, "incoming", new_message())
    assert other.enter_free_gate()
    other.close()


def test_a_statement_is_planned_once_whatever_is_bound(spool: Spool) -> None:
    planned = []

    def notice(*_: object) -> int:
        planned.append(True)
        return apsw.SQLITE_OK

    spool._connection.authorizer = notice
    for limit in (1, 2):
        planned.clear()
        spool.read("load_reports", {"limit": limit})
    assert not planned


def test_a_spool_is_opened_beside_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    spool = Spool.open(path, SystemClock(), create=True)
    with spool.gate():
        Spool.open(path, SystemClock()).close()
    spool.close()
