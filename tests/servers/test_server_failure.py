"""What happens to lookups when a server is slow, goes away, and comes back."""

import asyncio
import os
import socket
import time
from pathlib import Path

import pymysql
import pytest

from spoolmta.errors import MapUnavailable
from spoolmta.maps import open_map
from tests.servers.database_server import Server

WAITS = "SELECT 1 FROM information_schema.processlist WHERE state = 'User lock'"
QUERY = "query = SELECT goto FROM alias WHERE address = '%s'"


def _mysql(folder: Path, server: Server, query: str = QUERY, hosts: str = "") -> str:
    cf = folder / "mysql.cf"
    hosts = hosts or f"unix:{server.folder}/socket"
    client = f"hosts = {hosts}\nuser = root\ndbname = mail\noption_group =\nretry_interval = 1\n"
    cf.write_text(f"{client}{query}\n")
    return f"mysql:{cf}"


def _pgsql(folder: Path, server: Server, query: str = QUERY) -> str:
    cf = folder / "pgsql.cf"
    client = f"hosts = unix:{server.folder}\nuser = mail\ndbname = postgres\nretry_interval = 1\n"
    cf.write_text(f"{client}{query}\n")
    return f"pgsql:{cf}"


async def test_slow_query_does_not_hold_up_another_lookup(
    tmp_path: Path, mariadb_server: Server
) -> None:
    (tmp_path / "slow").mkdir()
    query = "query = SELECT GET_LOCK('ours', 60), '%s'"
    slow = open_map(_mysql(tmp_path / "slow", mariadb_server, query))
    fast = open_map(_mysql(tmp_path, mariadb_server))
    owner = pymysql.connect(unix_socket=f"{mariadb_server.folder}/socket", user="root", password="")
    with owner, owner.cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('ours', 60)")
        waiting = asyncio.create_task(slow.lookup("one@example.com"))
        while not cursor.execute(WAITS):
            await asyncio.sleep(0.01)
        assert await fast.lookup("one@example.com") == "only@y.org"
        assert not waiting.done()
        cursor.execute("SELECT RELEASE_LOCK('ours')")
        assert await waiting == "1,one@example.com"


@pytest.mark.parametrize("kind", ["mysql", "pgsql"])
async def test_lookup_works_again_after_the_server_came_back(
    tmp_path: Path, mariadb_server: Server, postgres_server: Server, kind: str
) -> None:
    server = mariadb_server if kind == "mysql" else postgres_server
    table = open_map((_mysql if kind == "mysql" else _pgsql)(tmp_path, server))
    assert await table.lookup("one@example.com") == "only@y.org"
    server.stop()
    with pytest.raises(MapUnavailable):
        await table.lookup("one@example.com")
    server.start()
    await asyncio.sleep(1.1)
    assert await table.lookup("one@example.com") == "only@y.org"


async def test_connection_that_the_server_closed_is_opened_again_at_once(
    tmp_path: Path, mariadb_server: Server
) -> None:
    query = "query = SELECT CONNECTION_ID(), '%s'"
    table = open_map(_mysql(tmp_path, mariadb_server, query))
    first = str(await table.lookup("k")).partition(",")[0]
    (tmp_path / "other").mkdir()
    kill = "query = KILL '%s'\nrequire_result_set = no\nidle_interval = 7"
    killer = open_map(_mysql(tmp_path / "other", mariadb_server, kill.replace("'%s'", first)))
    assert await killer.lookup("k") is None
    second = str(await table.lookup("k")).partition(",")[0]
    assert int(second) > int(first)


async def test_dead_server_is_left_out_while_another_answers(
    tmp_path: Path, mariadb_server: Server
) -> None:
    hosts = f"unix:{tmp_path}/missing unix:{mariadb_server.folder}/socket"
    table = open_map(_mysql(tmp_path, mariadb_server, hosts=hosts))
    for _ in range(4):
        assert await table.lookup("one@example.com") == "only@y.org"


async def test_silent_server_is_an_error_in_time(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        cf = tmp_path / "memcache.cf"
        cf.write_text(f"memcache = unix:{tmp_path}/s\ntimeout = 1\n")
        began = time.monotonic()
        with pytest.raises(MapUnavailable, match="no answer within 1 s"):
            await open_map(f"memcache:{cf}").lookup("key")
        assert time.monotonic() - began < 3


def test_forked_process_connects_by_itself(tmp_path: Path, mariadb_server: Server) -> None:
    table = open_map(_mysql(tmp_path, mariadb_server, "query = SELECT CONNECTION_ID(), '%s'"))
    first = asyncio.run(table.lookup("k"))
    child = os.fork()
    if child == 0:
        os._exit(0 if asyncio.run(table.lookup("k")) != first else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert asyncio.run(table.lookup("k")) == first


async def test_backup_of_a_cache_is_asked_once(tmp_path: Path, memcached_server: Server) -> None:
    source = tmp_path / "source"
    source.write_text("key value\n")
    cf = tmp_path / "memcache.cf"
    cf.write_text(
        f"memcache = unix:{memcached_server.folder}/socket\n"
        f"key_format = once:%s\nbackup = texthash:{source}\n"
    )
    assert await open_map(f"memcache:{cf}").lookup("key") == "value"
    source.write_text("other value\n")
    assert await open_map(f"memcache:{cf}").lookup("key") == "value"
