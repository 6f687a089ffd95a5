import asyncio

import pytest
import uvloop

from spoolmta.errors import MapUnavailable
from spoolmta.maps.servers.lookup_server import Limits
from spoolmta.maps.servers.tcp import TcpMap
from spoolmta.service import eager
from tests.support.lookup_server import ScriptedLookups


async def at_once(seen):
    seen.append("done")


async def later(seen, future):
    seen.append("begun")
    seen.append(await future)
    await asyncio.sleep(0)
    seen.append("done")


def test_what_need_not_wait_is_done_when_start_returns():
    seen = []

    async def main():
        assert eager.start(at_once(seen), seen.append) is None

    uvloop.run(main())
    assert seen == ["done"]


def test_what_has_to_wait_goes_on_as_a_task():
    seen, ended = [], []

    async def main():
        future = asyncio.get_running_loop().create_future()
        task = eager.start(later(seen, future), ended.append)
        assert seen == ["begun"]
        future.set_result("answer")
        await task
        await asyncio.sleep(0)
        assert ended == [task]

    uvloop.run(main())
    assert seen == ["begun", "answer", "done"]


def test_a_failure_before_the_first_wait_is_raised_at_once():
    async def broken():
        raise ValueError("at once")

    async def main():
        with pytest.raises(ValueError, match="at once"):
            eager.start(broken(), print)

    uvloop.run(main())


def test_a_failure_of_what_is_awaited_reaches_the_handler():
    seen, unknown = [], []

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, trouble: unknown.append(trouble["exception"]))
        future = loop.create_future()

        async def handler():
            try:
                await future
            except ValueError as error:
                seen.append(str(error))
            raise KeyError("later")

        eager.start(handler(), seen.append)
        future.set_exception(ValueError("answered badly"))
        await asyncio.sleep(0)

    uvloop.run(main())
    assert seen == ["answered badly"]
    assert [type(error) for error in unknown] == [KeyError]


def test_a_task_can_be_called_off():
    seen = []

    async def main():
        future = asyncio.get_running_loop().create_future()

        async def handler():
            try:
                await future
            finally:
                seen.append("tidied")

        task = eager.start(handler(), lambda _: None)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    uvloop.run(main())
    assert seen == ["tidied"]


def test_what_needs_a_task_of_its_own_gets_one():
    async def with_timeout():
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        return "answer"

    async def handler(seen):
        seen.append(await eager.as_task(with_timeout()))

    async def main():
        seen = []
        task = eager.start(handler(seen), lambda _: None)
        await task
        return seen

    assert uvloop.run(main()) == ["answer"]


def test_those_that_wait_do_so_side_by_side_and_the_results_keep_their_order():
    async def main():
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(2)]

        async def waits(number):
            await asyncio.sleep(0)
            return await futures[number]

        async def at_once():
            return "at once"

        asked = asyncio.create_task(
            eager.side_by_side([waits(0), at_once(), waits(1), later([], futures[0])])
        )
        await asyncio.sleep(0)
        futures[1].set_result("first")
        futures[0].set_result("second")
        return await asked

    assert uvloop.run(main()) == ["second", "at once", "first", None]


def test_a_failure_of_one_of_several_is_raised():
    async def fails():
        await asyncio.sleep(0)
        raise KeyError("later")

    async def awaits(future):
        try:
            await future
        except ValueError as error:
            return str(error)

    async def main():
        future = asyncio.get_running_loop().create_future()
        future.set_exception(ValueError("answered badly"))
        assert await eager.side_by_side([awaits(future)]) == ["answered badly"]
        with pytest.raises(KeyError):
            await eager.side_by_side([fails(), at_once([])])

    uvloop.run(main())


def test_several_that_are_called_off_are_tidied():
    seen = []

    async def waits(future):
        try:
            await future
        finally:
            seen.append("tidied")

    async def main():
        future = asyncio.get_running_loop().create_future()
        asked = asyncio.create_task(eager.side_by_side([waits(future), waits(future)]))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await asyncio.sleep(0)

    uvloop.run(main())
    assert seen == ["tidied", "tidied"]


def test_a_table_has_its_time_limit_though_nobody_has_a_task():
    with ScriptedLookups([3600.0]) as server:
        table = TcpMap(f"127.0.0.1:{server.port}", Limits(question_s=0.1))
        seen = []

        async def handler():
            try:
                await table.lookup("key")
            except MapUnavailable as error:
                seen.append(str(error))

        async def main():
            await eager.start(handler(), lambda _: None)

        uvloop.run(main())
    assert seen == [f"table {server.tcp} lookup error: Connection timed out"]
