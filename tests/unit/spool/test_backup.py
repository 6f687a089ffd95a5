"""A backup is whole and verified, or not there."""

import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest

from spoolmta.errors import SpoolUnusable, UsageError
from spoolmta.spool.backup import BackupFailed, back_up, verify
from tests.support.sample_spool import SampleSpool


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[SampleSpool]:
    sample = SampleSpool(tmp_path, getpass.getuser())
    yield sample
    sample.close()


def test_the_copy_holds_what_the_spool_holds(sample: SampleSpool, tmp_path: Path) -> None:
    target = tmp_path / "night.db"
    with sample.spool.transaction() as tx:
        tx.run("insert_flush", {"now": 1})  # a writer is at work, and what it wrote is not there
        found = back_up(sample.path, target)
    assert (found.messages, found.recipients) == (6, 8)
    assert found == verify(target)
    assert target.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir() if "night" in path.name] == ["night.db"]


def test_a_file_that_is_there_stays(sample: SampleSpool, tmp_path: Path) -> None:
    target = tmp_path / "night.db"
    target.write_bytes(b"precious")
    with pytest.raises(UsageError, match="is there already"):
        back_up(sample.path, target)
    assert target.read_bytes() == b"precious"


def test_where_nothing_can_be_written_nothing_is_left(sample: SampleSpool, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="no backup was made"):
        back_up(sample.path, tmp_path / "nowhere" / "night.db")
    assert not (tmp_path / "nowhere").exists()


def test_a_damaged_copy_is_found_out(sample: SampleSpool, tmp_path: Path) -> None:
    target = tmp_path / "night.db"
    back_up(sample.path, target)
    content = bytearray(target.read_bytes())
    content[3000:9000] = b"\xff" * 6000
    target.write_bytes(content)
    with pytest.raises(SpoolUnusable, match=r"night\.db"):
        verify(target)


def test_a_spool_that_lost_content_makes_no_backup(sample: SampleSpool, tmp_path: Path) -> None:
    sample.spool._connection.execute("DELETE FROM content")
    with pytest.raises(BackupFailed, match="6 messages in it have no content"):
        back_up(sample.path, tmp_path / "night.db")
    assert not (tmp_path / "night.db").exists()
