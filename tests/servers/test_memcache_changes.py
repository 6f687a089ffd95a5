"""postmap -d and -s of a memcache table and what is behind it, asked of Postfix's and of ours.

Limits: where what is behind it cannot be changed, ours leaves the cache as it is, too
"""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from spoolmta.cli.tables import postmap
from tests.servers.database_server import Server
from tests.support.oracle import Answer, needs_postfix, ours, postfix

pytestmark = needs_postfix

SOURCE = "key1 one\nkey2 two\nuser@example.org in\nuser@example.com out\n"
CACHED = ("key1", "KEY1", "key9", "user@example.org", "user@example.com", "@example.org", "user")
BACKUP = "backup = lmdb:table\n"

# What the .cf says beside the server, options.
CHANGES = [
    ("", ("-d", "key1")),
    ("", ("-d", "KEY1")),
    ("", ("-fd", "KEY1")),
    ("", ("-d", "absent")),
    ("", ("-d", "")),
    ("", ("-d", "with blank")),
    ("", ("-d", "k\udce4")),
    ("", ("-d", "-")),
    ("", ("-s",)),
    ("", ("-i",)),
    ("", ()),
    (BACKUP, ("-d", "KEY1")),
    (BACKUP, ("-d", "key2")),
    (BACKUP, ("-d", "key9")),
    (BACKUP, ("-d", "absent")),
    (BACKUP, ("-d", "-")),
    (BACKUP, ("-q", "key2")),
    (BACKUP, ("-s",)),
    (BACKUP + "domain = example.org\n", ("-d", "user@example.org")),
    (BACKUP + "domain = example.org\n", ("-d", "user@example.com")),
    (BACKUP + "domain = example.org\n", ("-d", "key1")),
    ("key_format = %u\n", ("-d", "@example.org")),
    (BACKUP + "key_format = %u\n", ("-d", "user@example.com")),
    ("backup = texthash:table\n", ("-d", "key1")),
    ("backup = inline:{key1=one}\n", ("-s",)),
    ("backup = static:all\n", ("-s",)),
    ("backup = inline:{key1=one}\n", ("-d", "key1")),
]


@dataclass(frozen=True)
class Cache:
    """The names that memcached keeps; one side's at a time."""

    path: Path

    def fill(self) -> None:
        """Keep what every test begins with, and nothing else."""
        self._say(b"flush_all\r\n")
        for name in CACHED:
            self._say(b"set %b 0 0 6\r\ncached\r\n" % name.encode())

    def names(self) -> set[str]:
        """Return which names it keeps."""
        return {
            name
            for name in (*CACHED, "key2", "absent")
            if self._say(b"get " + name.encode() + b"\r\n") != b"END"
        }

    def _say(self, command: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rb") as replies:
            connection.connect(str(self.path))
            connection.sendall(command)
            return replies.readline().rstrip()


@pytest.fixture
def cache(memcached_server: Server) -> Cache:
    return Cache(memcached_server.folder / "socket")


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """A folder for each side, with a table that Postfix built."""
    (tmp_path / "main.cf").write_text("compatibility_level = 3.6\n")
    monkeypatch.setenv("MAIL_CONFIG", str(tmp_path))
    folders = [tmp_path / name for name in ("postfix", "ours")]
    for folder in folders:
        folder.mkdir()
        monkeypatch.chdir(folder)
        source = folder / "table"
        source.write_text(SOURCE)
        os.utime(source, (1, 1))
        assert postfix("postmap", "lmdb:table").status == 0
    yield folders
    monkeypatch.chdir(tmp_path)


def _left(answer: Answer) -> tuple[int, str, str, str]:
    """Return what is comparable of an answer, and the table behind the cache."""
    err = "".join(line for line in answer.err.splitlines() if ": fatal: " not in line)
    return answer.status, answer.out, err, postfix("postmap", "-s", "lmdb:table").out


@pytest.mark.parametrize(("text", "options"), CHANGES, ids=str)
def test_changes_are_the_same(
    cache: Cache, sides: list[Path], text: str, options: tuple[str, ...]
) -> None:
    left = []
    for folder in sides:
        os.chdir(folder)
        (folder / "cache.cf").write_text(f"memcache = unix:{cache.path}\n{text}")
        cache.fill()
        call = (*options, "memcache:./cache.cf")
        stdin = "key1\nabsent\nkey9\n"
        if folder.name == "postfix":
            answer = postfix("postmap", *call, stdin=stdin)
        else:
            answer = ours(postmap.main, "postmap", *call, stdin=stdin)
        left.append((*_left(answer), cache.names()))
    assert left[1] == left[0]


@pytest.mark.parametrize("text", ["", BACKUP], ids=["alone", "with a backup"])
@pytest.mark.parametrize("options", [("-d", "key1"), ("-d", "absent"), ("-s",)], ids=str)
def test_a_cache_that_is_out_of_order_is_no_error_with_a_backup(
    sides: list[Path], text: str, options: tuple[str, ...]
) -> None:
    left = []
    for folder in sides:
        os.chdir(folder)
        (folder / "cache.cf").write_text(f"memcache = unix:{folder}/nothing\nmax_try = 1\n{text}")
        call = (*options, "memcache:./cache.cf")
        if folder.name == "postfix":
            answer = postfix("postmap", *call)
        else:
            answer = ours(postmap.main, "postmap", *call)
        assert "warning" in answer.err or "fatal" in answer.err or options == ("-s",)
        left.append(_left(replace(answer, err="")))
    assert left[1] == left[0]
