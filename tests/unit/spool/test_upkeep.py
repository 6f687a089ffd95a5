"""A spool that was deep once gives its disk back, and loses nothing by it."""

import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from spoolmta.clock import SystemClock
from spoolmta.spool import upkeep
from spoolmta.spool.connection import FILE_NAME, Spool

MIB = 1 << 20
KEPT = 2000
DEATHS = 8
COMPACT = """
import sys
from pathlib import Path
from spoolmta.clock import SystemClock
from spoolmta.spool.connection import Spool
spool = Spool.open(Path(sys.argv[1]), SystemClock())
print("begins", flush=True)
spool.compact()
print("done", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a spool that has kept some content of very much."""
    path = tmp_path / FILE_NAME
    with closing(Spool.open(path, SystemClock(), create=True)) as spool:
        with spool.transaction() as tx:
            for number in range(KEPT):
                tx.run("insert_content", (number, 0, number.to_bytes(2, "big") * 2000))
                tx.run("insert_content", (KEPT + number, 0, bytes(16_000)))
        with spool.transaction() as tx:
            for number in range(KEPT):
                tx.run("delete_content", (KEPT + number,))
        upkeep.empty_log(spool)
    return path


def is_whole(spool: Spool) -> bool:
    """Return whether all that was kept is there, byte by byte, and nothing else."""
    found = [spool.read("read_whole", {"message_id": number}) for number in range(KEPT + 1)]
    kept = [[(number.to_bytes(2, "big") * 2000,)] for number in range(KEPT)]
    return found == [*kept, []] and spool.read("quick_check") == [("ok",)]


def test_what_a_deep_queue_took_is_given_back_while_others_have_it_open(path: Path) -> None:
    before = path.stat().st_size
    with (
        closing(Spool.open(path, SystemClock())) as spool,
        closing(Spool.open(path, SystemClock())) as other,
    ):
        assert is_whole(other)
        assert upkeep.compact_at_rest(spool) > 16 * MIB
        assert path.stat().st_size < before // 2
        assert is_whole(other)
        with other.transaction() as tx:
            tx.run("insert_content", (KEPT, 0, b"new"))
        assert spool.read("read_whole", {"message_id": KEPT}) == [(b"new",)]
        assert upkeep.compact_at_rest(spool) == 0, "nothing is left to be given back"


def test_a_reader_that_takes_its_time_keeps_what_it_reads(path: Path) -> None:
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    rows = reader.execute("SELECT message_id FROM content ORDER BY message_id")
    seen = [next(rows)[0]]
    with closing(Spool.open(path, SystemClock())) as spool:
        began = time.monotonic()
        assert upkeep.compact_at_rest(spool) > 0
        assert time.monotonic() - began < 5.0, "writers wait meanwhile"
        seen += [row[0] for row in rows]
        assert seen == list(range(KEPT))
        assert is_whole(spool)
    reader.close()


def test_a_queue_that_is_still_deep_keeps_its_free_pages(path: Path) -> None:
    with closing(Spool.open(path, SystemClock())) as spool:
        with spool.transaction() as tx:
            tx.run("insert_content", (KEPT, 0, bytes(40 * MIB)))
        assert upkeep.compact_at_rest(spool) == 0


@pytest.mark.slow
def test_who_is_killed_in_the_middle_leaves_all_as_it_was(path: Path) -> None:
    chance = random.Random(6)
    died = 0
    for _ in range(DEATHS):
        died += not _survives(path, chance.random() * 0.2)
        with closing(Spool.open(path, SystemClock())) as spool:
            assert is_whole(spool)
            with spool.transaction() as tx:
                tx.run("insert_content", (KEPT, 0, bytes(16 * MIB)))
            with spool.transaction() as tx:
                tx.run("delete_content", (KEPT,))
    assert died, "none was killed in the middle"


def _survives(path: Path, seconds: float) -> bool:
    """Have a process compact a spool, kill it after a time; return whether it was done before."""
    writer = subprocess.Popen(
        [sys.executable, "-c", COMPACT, str(path)], stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begins\n"
        time.sleep(seconds)
        writer.send_signal(signal.SIGKILL)
        return writer.stdout.readline() == "done\n"
