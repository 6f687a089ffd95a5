"""Runs a coroutine at once, and goes on with it as soon as what it waits for is there.

What handles a command or resolves an address is a coroutine because a lookup or the spool may let
it wait, but most never do. A task for each command would cost more than the command, and a task
for each commit three turns of the event loop. So coroutines are run here and now up to where they
wait; a handler is then driven by hand, straight from the futures that it awaits.

Must not: be used for what asks for the current task (timeouts do): such things go through as_task
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator, Iterable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def start(
    coroutine: Coroutine[Any, Any, T], on_end: Callable[["asyncio.Future[T]"], None]
) -> "asyncio.Future[T] | None":
    """Run *coroutine*; return None if it has ended, else the future of its end.

    *on_end* is called with that future when it is over. An exception before the first wait is
    raised here; a later one goes to the event loop's exception handler, and nothing follows it.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    return _Rest(coroutine, awaited, on_end)


async def side_by_side(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what *coroutines* return, in their order; those that have to wait do so together.

    What one of them raises is raised here.
    """
    results: list[T] = []
    waiting: dict[int, asyncio.Task[T]] = {}
    for coroutine in coroutines:
        try:
            awaited = coroutine.send(None)
        except StopIteration as end:
            results.append(end.value)
        else:
            _take(awaited)
            number = len(results) + len(waiting)
            waiting[number] = asyncio.create_task(_finish(coroutine, awaited))
    if waiting:
        for number, result in zip(waiting, await asyncio.gather(*waiting.values()), strict=True):
            results.insert(number, result)
    return results


async def as_task(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what *coroutine* returns, run as a task of its own."""
    return await asyncio.get_running_loop().create_task(coroutine)


def _take(awaited: "asyncio.Future[Any] | None") -> None:
    """Tell the coroutine that waits for *awaited* that its driver plays by the rules."""
    if awaited is not None:
        awaited._asyncio_future_blocking = False


async def _finish(coroutine: Coroutine[Any, Any, T], awaited: "asyncio.Future[Any] | None") -> T:
    """Return what *coroutine*, which waits for *awaited*, returns in the end."""
    try:
        if awaited is None:
            await asyncio.sleep(0)
        else:
            await asyncio.wait((awaited,))
        return await _Begun(coroutine)
    finally:
        coroutine.close()


class _Begun(Generic[T]):
    """Lets a coroutine be awaited that has been run up to where it waited."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, None, T]:
        return self._coroutine.__await__()


class _Rest(asyncio.Future[T]):
    """What is left of a coroutine that now waits for *awaited*."""

    def __init__(
        self,
        coroutine: Coroutine[Any, Any, T],
        awaited: "asyncio.Future[Any] | None",
        on_end: Callable[["asyncio.Future[T]"], None],
    ) -> None:
        """*awaited* is what the coroutine yielded: a future, None to be called again soon."""
        loop = asyncio.get_running_loop() if awaited is None else awaited.get_loop()
        super().__init__(loop=loop)
        self._coroutine = coroutine
        self._on_end = on_end
        self._wait_for(awaited)

    def cancel(self, msg: Any | None = None) -> bool:
        """Let what the coroutine waits for be cancelled, and so the coroutine."""
        return self._awaited is not None and self._awaited.cancel(msg)

    def _wait_for(self, awaited: "asyncio.Future[Any] | None") -> None:
        self._awaited = awaited
        if awaited is None:
            self.get_loop().call_soon(self._go_on)
        else:
            _take(awaited)
            awaited.add_done_callback(self._go_on)

    def _go_on(self, _: "asyncio.Future[Any] | None" = None) -> None:
        try:
            awaited = self._coroutine.send(None)
        except StopIteration as end:
            self.set_result(end.value)
        except asyncio.CancelledError:
            super().cancel()
        else:
            self._wait_for(awaited)
            return
        self._on_end(self)
