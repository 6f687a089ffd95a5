import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import watched
from spoolmta.maps.inline import StaticMap
from spoolmta.maps.watched import WatchedFiles, WatchedMap, keep_problems, tell_problems


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "table"
    write(path, "one")
    return path


@pytest.fixture
def told() -> Iterator[list[str]]:
    """What a service would have in its log."""
    told: list[str] = []
    tell_problems(told.append)
    yield told
    keep_problems()


@pytest.fixture(autouse=True)
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "slow" not in request.keywords:
        monkeypatch.setattr(watched, "LOOK_INTERVAL_S", 0)
    # As long as a busy machine may take from a change to the next look.
    monkeypatch.setattr(watched, "SETTLING_S", 1.0)


def write(path: Path, text: str) -> None:
    """Put a new version in place, written a while ago."""
    new = path.with_suffix(".new")
    new.write_text(text)
    then = time.time() - 5
    os.utime(new, (then, then))
    new.rename(path)


def watch(path: Path) -> WatchedFiles[str]:
    def read() -> str:
        try:
            text = path.read_text()
        except OSError as error:
            raise ConfigError(f"open {path}: {error.strerror}") from error
        if text == "bad":
            raise ConfigError(f"{path}, line 1: bad")
        return text

    return WatchedFiles(f"text:{path}", [path], read)


def test_a_new_version_is_taken(path: Path) -> None:
    files = watch(path)
    assert files.current() == "one"
    write(path, "two")
    assert files.current() == "two"


def test_a_file_that_did_not_change_is_read_once(path: Path) -> None:
    reads: list[int] = []
    files = WatchedFiles("text", [path], lambda: reads.append(1) or len(reads))
    assert [files.current(), files.current()] == [1, 1]
    os.utime(path, (1, 1))
    assert files.current() == 2


def test_a_version_that_cannot_be_used_leaves_the_old_one_and_is_told_once(
    path: Path, told: list[str]
) -> None:
    files = watch(path)
    write(path, "bad")
    assert [files.current(), files.current()] == ["one", "one"]
    assert told == [f"{path}, line 1: bad; the old one stays in force"]
    write(path, "two")
    assert files.current() == "two"
    write(path, "bad")
    assert files.current() == "two"
    assert len(told) == 2


def test_a_file_that_disappears_leaves_what_it_said(path: Path, told: list[str]) -> None:
    files = watch(path)
    path.unlink()
    assert [files.current(), files.current()] == ["one", "one"]
    assert told == [f"open {path}: No such file or directory; the old one stays in force"]
    write(path, "back")
    assert files.current() == "back"


def test_a_file_that_is_not_there_is_an_error_in_a_command(path: Path) -> None:
    path.unlink()
    with pytest.raises(ConfigError, match="No such file"):
        watch(path)


def test_a_service_waits_for_a_file_that_is_not_there(path: Path, told: list[str]) -> None:
    path.unlink()
    files = watch(path)
    for _ in range(2):
        with pytest.raises(MapUnavailable, match=r"^text:.* is unavailable. open .*: No such file"):
            files.current()
    assert told == [f"open {path}: No such file or directory"]
    write(path, "here")
    assert files.current() == "here"


def test_permissions_that_change_are_a_change(path: Path) -> None:
    files = WatchedFiles("text", [path], lambda: path.stat().st_mode & 0o777)
    path.chmod(0o640)
    assert files.current() == 0o640


def test_a_file_that_is_being_written_is_left_alone_until_it_settles(path: Path) -> None:
    files = watch(path)
    path.write_text("half")
    assert files.current() == "one"
    os.utime(path, (5, 5))
    time.sleep(watched.SETTLING_S)
    assert files.current() == "half"


def test_what_was_read_while_it_was_being_written_is_read_again(path: Path) -> None:
    path.write_text("half")
    files = watch(path)
    identity = path.stat()
    path.write_text("full")
    os.utime(path, ns=(identity.st_mtime_ns, identity.st_mtime_ns))
    time.sleep(watched.SETTLING_S)
    assert files.current() == "full"


@pytest.mark.slow
def test_a_change_is_seen_within_a_second(path: Path) -> None:
    files = watch(path)
    write(path, "two")
    time.sleep(1.0)
    assert files.current() == "two"


def test_a_change_is_looked_for_once_in_a_while(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "LOOK_INTERVAL_S", 60)
    files = watch(path)
    write(path, "two")
    assert files.current() == "one"


def test_a_table_in_a_file_is_asked_as_it_is_now(path: Path) -> None:
    table = WatchedMap("static:x", [path], lambda: StaticMap(path.read_text()), fixed=True)
    assert asyncio.run(table.lookup("key")) == "one"
    write(path, "two")
    assert asyncio.run(table.lookup("key")) == "two"
    assert (table.name, table.fixed) == ("static:x", True)
