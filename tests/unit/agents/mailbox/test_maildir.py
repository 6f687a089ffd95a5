import os
import time
from pathlib import Path

import pytest

from spoolmta.agents.mailbox import maildir
from spoolmta.agents.mailbox.maildir import MaildirFile, Written
from spoolmta.agents.result import Result

NOW = 1_800_000_000.0
NAME = maildir.file_name("0123456789ABCDE", 0, NOW, "mx.example")


def _file(folder: Path, *, name: str = NAME, limit: int = 0) -> MaildirFile:
    return MaildirFile(str(folder), name, 60.0, limit, "4.2.0")


def _names(folder: Path) -> dict[str, list[str]]:
    return {
        part: sorted(path.name for path in (folder / part).iterdir())
        for part in ("tmp", "new", "cur")
    }


def test_a_message_is_one_file_in_new_for_its_owner_alone(tmp_path: Path) -> None:
    box = tmp_path / "example" / "alice"
    result = maildir.deliver(_file(box), [b"Subject: x\n", b"\nhello\n"])
    assert result == Result("2.0.0", "delivered to maildir")
    assert _names(box) == {"tmp": [], "new": [NAME], "cur": []}
    assert (box / "new" / NAME).read_bytes() == b"Subject: x\n\nhello\n"
    assert (box / "new" / NAME).stat().st_mode & 0o777 == 0o600
    assert {p.stat().st_mode & 0o777 for p in (box, box.parent, box / "new")} == {0o700}


def test_the_name_begins_with_the_arrival_and_tells_message_and_recipient() -> None:
    assert NAME == "1800000000.Q0123456789ABCDER0.mx.example"
    assert maildir.file_name("AB", 3, NOW, "a/b:c").endswith(r"R3.a\057b\072c")


def test_a_repeated_delivery_is_the_same_file(tmp_path: Path) -> None:
    for _ in range(2):
        assert maildir.deliver(_file(tmp_path / "m"), [b"text"]).is_sent
    assert _names(tmp_path / "m") == {"tmp": [], "new": [NAME], "cur": []}


def test_a_message_that_its_reader_has_seen_is_not_delivered_again(tmp_path: Path) -> None:
    box = tmp_path / "m"
    maildir.deliver(_file(box), [b"text"])
    (box / "new" / NAME).rename(box / "cur" / f"{NAME}:2,S")
    assert maildir.deliver(_file(box), [b"text"]).is_sent
    assert _names(box) == {"tmp": [], "new": [], "cur": [f"{NAME}:2,S"]}


def test_a_folder_untouched_since_the_message_came_is_not_searched(tmp_path: Path) -> None:
    box = tmp_path / "m"
    maildir.deliver(_file(box, name="other"), [b"text"])
    (box / "cur" / f"{NAME}:2,S").touch()
    an_hour_ago = time.time() - 3600
    os.utime(box / "cur", (an_hour_ago, an_hour_ago))
    maildir.deliver(_file(box), [b"text"])
    assert NAME in _names(box)["new"]


def test_what_a_dead_delivery_left_in_tmp_is_replaced(tmp_path: Path) -> None:
    box = tmp_path / "m"
    maildir.deliver(_file(box, name="other"), [b"text"])
    (box / "tmp" / NAME).write_bytes(b"torn")
    assert maildir.deliver(_file(box), [b"whole"]).is_sent
    assert (box / "new" / NAME).read_bytes() == b"whole"
    assert _names(box)["tmp"] == []


def test_a_missing_new_folder_is_made(tmp_path: Path) -> None:
    box = tmp_path / "m"
    (box / "tmp").mkdir(parents=True)
    assert maildir.deliver(_file(box), [b"text"]).is_sent


def test_a_message_larger_than_the_limit_is_returned(tmp_path: Path) -> None:
    result = maildir.deliver(_file(tmp_path / "m", limit=4), [b"123", b"45"])
    assert result.dsn == "5.2.2"
    assert "error writing message: File too large" in result.reason
    assert _names(tmp_path / "m") == {"tmp": [], "new": [], "cur": []}


def test_a_path_that_cannot_be_a_folder_gets_the_agents_own_code(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = maildir.deliver(_file(tmp_path / "file" / "m"), [b"text"])
    assert result.dsn == "4.2.0"
    assert result.reason.startswith("maildir delivery failed: create maildir file ")
    assert result.reason.endswith(": Not a directory")


def test_a_symbolic_link_in_tmp_is_not_followed(tmp_path: Path) -> None:
    box = tmp_path / "m"
    maildir.deliver(_file(box, name="other"), [b"text"])
    (box / "tmp" / NAME).symlink_to(tmp_path / "victim")
    maildir.deliver(_file(box), [b"text"])
    assert not (tmp_path / "victim").exists()


def test_a_batch_has_a_result_for_each_in_order(tmp_path: Path) -> None:
    good = maildir.write_whole(_file(tmp_path / "a"), [b"a"])
    bad = maildir.write_whole(_file(tmp_path / "b", limit=1), [b"too long"])
    also = maildir.write_whole(_file(tmp_path / "c"), [b"c"])
    results = maildir.publish([good, bad, also])
    assert [result.dsn for result in results] == ["2.0.0", "5.2.2", "2.0.0"]


def test_nothing_is_visible_before_it_is_published(tmp_path: Path) -> None:
    written = maildir.create(_file(tmp_path / "m"))
    maildir.write(written, b"half")
    assert _names(tmp_path / "m")["new"] == []
    maildir.discard(written)
    assert _names(tmp_path / "m") == {"tmp": [], "new": [], "cur": []}


def test_a_message_that_cannot_be_synced_is_not_delivered(tmp_path: Path) -> None:
    # Syncing a pipe fails as syncing a broken disk does.
    written = maildir.create(_file(tmp_path / "m"))
    os.close(written.descriptor)
    reading, written.descriptor = os.pipe()
    os.close(reading)
    (result,) = maildir.publish([written])
    assert result.is_deferred or result.dsn == "4.2.0"
    assert _names(tmp_path / "m") == {"tmp": [], "new": [], "cur": []}


@pytest.mark.parametrize("kind", [Written, Result])
def test_write_whole_returns_a_message_or_why_not(tmp_path: Path, kind: type) -> None:
    limit = 0 if kind is Written else 1
    said = maildir.write_whole(_file(tmp_path / "m", limit=limit), [b"text"])
    assert isinstance(said, kind)
    if isinstance(said, Written):
        maildir.discard(said)
