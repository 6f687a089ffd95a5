"""The place of a run is fresh, and nothing of it is left."""

import os
from pathlib import Path

import pytest

from tools.bench import disk
from tools.bench.disk import FolderDisk, LoopDisk


def test_a_folder_is_empty_at_first_and_gone_afterwards(tmp_path: Path) -> None:
    with FolderDisk(tmp_path).place() as place:
        assert list(place.root.iterdir()) == []
        assert place.root.parent == tmp_path
        assert place.device_bytes() is None
    assert list(tmp_path.iterdir()) == []


def test_a_named_directory_is_used(tmp_path: Path) -> None:
    assert isinstance(disk.choose(tmp_path), FolderDisk)


@pytest.mark.root
@pytest.mark.slow
def test_a_loop_device_is_fresh_each_time_and_gone_after_a_failure(tmp_path: Path) -> None:
    loop = LoopDisk(tmp_path, size=64 << 20)
    with loop.place() as place:
        before = place.device_bytes()
        (place.root / "message").write_bytes(bytes(1 << 20))
        os.sync()
        after = place.device_bytes()
        assert before is not None
        assert after is not None
        assert after - before >= 1 << 20
    with pytest.raises(RuntimeError, match="the run failed"), loop.place() as place:
        assert not (place.root / "message").exists()
        raise RuntimeError("the run failed")
    loop.close()
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/mounts").read_text()
