"""socketmap: netstrings both ways, every form of reply, and connections that names share."""

import time
from pathlib import Path

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import open_map
from spoolmta.maps.servers.lookup_server import Limits
from spoolmta.maps.servers.socketmap import SocketMap
from tests.support.lookup_server import CLOSE, Answer, ScriptedLookups, netstring


def lookup(*answers: Answer) -> str | None:
    with ScriptedLookups(*answers) as server:
        return uvloop.run(open_map(server.socketmap).lookup("key"))


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("user@Example.com", b"21:name user@Example.com,"),
        ("two words\n", b"15:name two words\n,"),
        ("grüße", b"12:name gr\xc3\xbc\xc3\x9fe,"),
    ],
)
def test_a_question_is_a_netstring_with_name_and_key(key: str, asked: bytes) -> None:
    with ScriptedLookups(netstring(b"NOTFOUND ")) as server:
        assert uvloop.run(open_map(server.socketmap).lookup(key)) is None
    assert server.questions == [asked]


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (netstring(b"OK value"), "value"),
        (netstring(b"OK  two words"), " two words"),
        (netstring("OK grüße".encode()), "grüße"),
        (netstring(b"OK a\0b"), "a"),
        (netstring(b"OK "), ""),
        (netstring(b"OK"), None),
        (b"04:OK v,", "v"),
        (netstring(b"NOTFOUND "), None),
        (netstring(b"NOTFOUND"), None),
        (netstring(b"NOTFOUND who?"), None),
        (netstring(b"OK " + b"a" * 99_997), "a" * 99_997),
        ([b"8:O", 0.05, b"K val", 0.05, b"ue", 0.05, b","], "value"),
        ([b"1", 0.05, b"0", 0.05, b":OK long", 0.05, b"er!,"], "longer!"),
    ],
)
def test_a_reply_is_understood(reply: Answer, value: str | None) -> None:
    assert lookup(reply) == value


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (netstring(b"TEMP later"), "temporary error: later"),
        (netstring(b"TIMEOUT "), "timeout error"),
        (netstring(b"PERM no"), "permanent error: no"),
        (netstring(b"ok value"), "unknown error: value"),
        (netstring(b"NONSENSE"), "unknown error"),
        (b"0:,", "unknown error"),
        (b":,", "unknown error"),
        (netstring(b"OK \xff"), "not UTF-8"),
        (b"OK value\n", "input format error"),
        (b"8:OK value;", "input format error"),
        (b"-8:OK value,", "input format error"),
        (b" 8:OK value,", "input format error"),
        (b"8 :OK value,", "input format error"),
        ("٨:OK value,".encode(), "input format error"),
        (b"1" * 5000, "input format error"),
        (b"99999999999999999999:a,", "input exceeds size limit"),
        (netstring(b"OK " + b"a" * 99_998), "input exceeds size limit"),
        ([CLOSE], "closed"),
        ([b"8:OK va", CLOSE], "closed"),
    ],
)
def test_a_reply_that_is_no_answer_is_never_not_found(reply: Answer, reason: str) -> None:
    with pytest.raises(MapUnavailable, match=reason):
        lookup(reply)


@given(st.binary(max_size=60))
def test_no_reply_makes_anything_but_a_value_or_an_error(reply: bytes) -> None:
    try:
        value = lookup([reply, CLOSE])
    except MapUnavailable:
        return
    assert value is None or netstring(f"OK {value}".encode())[-len(value) - 1 :] in reply + b","


def test_silence_ends_at_the_time_limit() -> None:
    with ScriptedLookups([60.0]) as server:
        start = time.monotonic()
        table = SocketMap(f"inet:127.0.0.1:{server.port}:name", Limits(question_s=0.2))
        with pytest.raises(MapUnavailable, match="timed out"):
            uvloop.run(table.lookup("key"))
    assert time.monotonic() - start < 5


def test_the_names_of_a_server_share_its_connection() -> None:
    async def run(server: ScriptedLookups) -> None:
        for name in ("alias", "domain"):
            await open_map(f"socketmap:inet:127.0.0.1:{server.port}:{name}").lookup("key")

    with ScriptedLookups(netstring(b"OK v")) as server:
        one = open_map(server.socketmap)
        uvloop.run(run(server))
    assert server.questions == [b"9:alias key,", b"10:domain key,"]
    assert server.connections == 1
    assert one.fixed


def test_a_server_may_listen_in_the_file_system(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with ScriptedLookups(netstring(b"OK v"), path=path):
        assert uvloop.run(open_map(f"socketmap:unix:{path}:name").lookup("key")) == "v"
    with pytest.raises(MapUnavailable, match="Connection refused"):
        uvloop.run(open_map(f"socketmap:unix:{path}:name").lookup("key"))


@pytest.mark.parametrize(
    "argument",
    ["name", "/path:name", "unix:/path", "127.0.0.1:25:name", "inet:host:name", "unix::name"],
)
def test_what_names_no_server_and_table_is_refused(argument: str) -> None:
    with pytest.raises(ConfigError, match="expected socketmap:inet:host:port:name"):
        open_map("socketmap:" + argument)
