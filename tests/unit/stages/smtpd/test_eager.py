import asyncio

import pytest
import uvloop

from spoolmta.stages.smtpd import eager


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
