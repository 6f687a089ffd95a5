"""tcp: what goes over the wire, every form of reply, and what connections are used for."""

import asyncio
import time

import pytest
import uvloop

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps import open_map
from spoolmta.maps.servers.lookup_server import Limits
from spoolmta.maps.servers.tcp import TcpMap
from tests.support.lookup_server import CLOSE, Answer, Questions, ScriptedLookups


def lookup(key: str, *answers: Answer) -> str | None:
    with ScriptedLookups(*answers) as server:
        return uvloop.run(open_map(server.tcp).lookup(key))


def table_of(server: ScriptedLookups, **limits: float) -> TcpMap:
    return TcpMap(f"127.0.0.1:{server.port}", Limits(**limits))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("user+ext@Example.com", b"get user+ext@Example.com\n"),
        ("two words", b"get two%20words\n"),
        ("100%\t\n\x7f", b"get 100%25%09%0A%7F\n"),
        ("grüße", b"get gr%C3%BC%C3%9Fe\n"),
    ],
)
def test_a_key_is_quoted(key: str, asked: bytes) -> None:
    with ScriptedLookups(b"500 none\n") as server:
        assert uvloop.run(open_map(server.tcp).lookup(key)) is None
    assert server.questions == [asked]


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (b"200 value\n", "value"),
        (b"250\ttwo%20words %25\n", "two words %"),
        (b"200 gr%C3%BC\xc3\x9fe\n", "grüße"),
        (b"200 cut%00off\n", "cut"),
        (b"200 \n", ""),
        (b"500 none\n", None),
        (b"550 \n", None),
        (b"200 " + b"a" * 4091 + b"\n", "a" * 4091),
    ],
)
def test_a_reply_is_understood(reply: bytes, value: str | None) -> None:
    assert lookup("key", reply) == value


@pytest.mark.parametrize(
    "reply",
    [
        b"400 later\n",
        b"451 later\n",
        b"200\n",
        b"2000 x\n",
        b"300 x\n",
        b"200 100%\n",
        b"200 %4g\n",
        b"nonsense\n",
        b"\n",
        b"200 \xff\n",
        b"200 " + b"a" * 4092 + b"\n",
        b"200 " + b"a" * 300_000,
        [CLOSE],
        [b"200 val", CLOSE],
    ],
)
def test_a_reply_that_is_no_answer_is_never_not_found(reply: Answer) -> None:
    with pytest.raises(MapUnavailable, match="tcp:127"):
        lookup("key", reply)


def test_silence_ends_at_the_time_limit() -> None:
    with ScriptedLookups([60.0]) as server:
        start = time.monotonic()
        with pytest.raises(MapUnavailable, match="timed out"):
            uvloop.run(table_of(server, question_s=0.2).lookup("key"))
    assert time.monotonic() - start < 5
    assert len(server.questions) == 1


def test_a_server_that_keeps_silent_makes_many_questions_wait_once() -> None:
    rounds, limit = 20, 1.0

    async def ask(table: TcpMap) -> None:
        for _ in range(rounds):
            questions = (table.lookup(f"key{number}") for number in range(100))
            answers = await asyncio.gather(*questions, return_exceptions=True)
            assert {str(answer) for answer in answers} == {
                f"table {table.name} lookup error: Connection timed out"
            }

    with ScriptedLookups([60.0]) as server:
        start = time.monotonic()
        uvloop.run(ask(table_of(server, question_s=limit)))
    assert time.monotonic() - start < rounds * limit / 2
    assert len(server.questions) <= 100


def test_a_server_that_was_silent_is_asked_again_after_a_pause() -> None:
    async def run(table: TcpMap) -> str | None:
        with pytest.raises(MapUnavailable, match="timed out"):
            await table.lookup("key")
        await asyncio.sleep(0.2)
        return await table.lookup("key")

    with ScriptedLookups([60.0], b"200 here\n") as server:
        assert uvloop.run(run(table_of(server, question_s=1.0, pause_s=0.1))) == "here"


def test_a_server_that_answers_others_is_not_left_alone() -> None:
    async def run(table: TcpMap) -> str | None:
        slow = asyncio.create_task(table.lookup("slow"))
        while not server.questions:
            await asyncio.sleep(0.01)
        assert await table.lookup("quick") == "here"
        with pytest.raises(MapUnavailable, match="timed out"):
            await slow
        return await table.lookup("quick")

    with ScriptedLookups([60.0], b"200 here\n") as server:
        assert uvloop.run(run(table_of(server, question_s=1.0))) == "here"


def test_a_reply_that_trickles_ends_at_the_time_limit() -> None:
    with (
        ScriptedLookups([b"2", 0.1] * 300) as server,
        pytest.raises(MapUnavailable, match="timed out"),
    ):
        uvloop.run(table_of(server, question_s=0.3).lookup("key"))


def test_nobody_listening_is_unavailable() -> None:
    with ScriptedLookups(b"") as server:
        spec = server.tcp
    with pytest.raises(MapUnavailable, match="Connection refused"):
        uvloop.run(open_map(spec).lookup("key"))


def test_a_host_that_does_not_exist_is_unavailable() -> None:
    with pytest.raises(MapUnavailable, match=r"nohost\.invalid:10 not found"):
        uvloop.run(open_map("tcp:nohost.invalid:10").lookup("key"))


def test_a_host_name_is_looked_up() -> None:
    with ScriptedLookups(b"200 here\n") as server:
        assert uvloop.run(open_map(f"tcp:localhost:{server.port}").lookup("key")) == "here"


@pytest.mark.parametrize(
    "argument", ["localhost", "localhost:", ":25", "host:99999", "host:no-such-service", "a:b:1"]
)
def test_what_is_no_server_is_refused(argument: str) -> None:
    with pytest.raises(ConfigError, match="expected tcp:host:port"):
        open_map("tcp:" + argument)


def test_a_key_that_is_not_utf_8_is_in_no_table() -> None:
    with ScriptedLookups(b"200 value\n") as server:
        assert uvloop.run(open_map(server.tcp).lookup("\udc80")) is None
    assert server.questions == []


def test_one_connection_serves_lookup_after_lookup() -> None:
    async def run(server: ScriptedLookups) -> list[str | None]:
        table = open_map(server.tcp)
        return [await table.lookup("one"), await table.lookup("two")]

    with (
        ScriptedLookups(b"200 1\n", b"400 no\n", b"200 2\n") as server,
        pytest.raises(MapUnavailable),
    ):
        uvloop.run(run(server))
    assert server.connections == 1


def test_a_connection_that_the_server_closed_meanwhile_is_replaced() -> None:
    async def run(server: ScriptedLookups) -> list[str | None]:
        table = open_map(server.tcp)
        first = await table.lookup("one")
        server.hang_up()
        return [first, await table.lookup("two")]

    with ScriptedLookups(b"200 1\n", b"200 2\n") as server:
        assert uvloop.run(run(server)) == ["1", "2"]
    assert server.connections == 2


def test_what_comes_after_a_reply_is_not_taken_for_the_next() -> None:
    async def run(server: ScriptedLookups) -> list[str | None]:
        table = open_map(server.tcp)
        return [await table.lookup("one"), await table.lookup("two")]

    with ScriptedLookups(b"200 1\n200 forged\n", b"200 2\n") as server:
        assert uvloop.run(run(server)) == ["1", "2"]


def test_a_question_is_asked_again_once_if_the_server_closes_before_it_answers() -> None:
    assert lookup("key", [CLOSE], b"200 again\n") == "again"
    with ScriptedLookups([CLOSE]) as server, pytest.raises(MapUnavailable, match="closed"):
        uvloop.run(open_map(server.tcp).lookup("key"))
    assert len(server.questions) == 2


def test_a_slow_answer_holds_up_nobody_else() -> None:
    async def run(server: ScriptedLookups) -> float:
        table = table_of(server)
        slow = asyncio.create_task(table.lookup("slow"))
        while not server.questions:
            await asyncio.sleep(0.01)
        start = time.monotonic()
        assert await table.lookup("quick") == "quick"
        took = time.monotonic() - start
        slow.cancel()
        return took

    with ScriptedLookups([30.0], b"200 quick\n") as server:
        assert uvloop.run(run(server)) < 5


async def ask_twenty_times(table: TcpMap) -> list[object]:
    lookups = [table.lookup(str(n)) for n in range(20)]
    return list(await asyncio.gather(*lookups, return_exceptions=True))


def test_a_server_has_few_connections() -> None:
    with ScriptedLookups([Questions(3), b"200 here\n"]) as server:
        results = uvloop.run(ask_twenty_times(table_of(server, connections=3)))
    assert results == ["here"] * 20
    assert server.connections == 3


def test_who_waits_for_a_connection_has_the_same_time_limit() -> None:
    with ScriptedLookups([30.0]) as server:
        start = time.monotonic()
        results = uvloop.run(ask_twenty_times(table_of(server, question_s=0.5, connections=3)))
    assert {type(result) for result in results} == {MapUnavailable}
    assert time.monotonic() - start < 5


def test_a_connection_that_nobody_uses_is_closed() -> None:
    async def run(server: ScriptedLookups) -> None:
        table = table_of(server, idle_s=0.1)
        await table.lookup("one")
        await asyncio.sleep(0.5)
        await table.lookup("two")

    with ScriptedLookups(b"200 1\n") as server:
        uvloop.run(run(server))
    assert server.connections == 2


def test_an_old_connection_is_not_used_again() -> None:
    async def run(server: ScriptedLookups) -> None:
        table = table_of(server, age_s=0.0)
        await table.lookup("one")
        await table.lookup("two")

    with ScriptedLookups(b"200 1\n") as server:
        uvloop.run(run(server))
    assert server.connections == 2


def test_a_lookup_that_is_given_up_leaves_no_answer_for_the_next() -> None:
    async def run(server: ScriptedLookups) -> str | None:
        table = table_of(server)
        given_up = asyncio.create_task(table.lookup("one"))
        while not server.questions:
            await asyncio.sleep(0.01)
        given_up.cancel()
        return await table.lookup("two")

    with ScriptedLookups([0.2, b"200 1\n"], b"200 2\n") as server:
        assert uvloop.run(run(server)) == "2"


def test_a_table_can_be_asked_in_one_event_loop_after_the_other() -> None:
    with ScriptedLookups(b"200 1\n") as server:
        table = open_map(server.tcp)
        assert [uvloop.run(table.lookup("key")), asyncio.run(table.lookup("key"))] == ["1", "1"]
