"""Runs a handler at once; only one that has to wait becomes a task.

Handlers are coroutines because a lookup or the spool may let them wait, but most never do. A task
for each command would cost more than the command. So the coroutine is driven by hand up to its
first real wait; what is left of it then goes into a task.

Must not: be used for what asks for the current task (timeouts do) before its first wait: such
          things go through as_task
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


def start(
    coroutine: Coroutine[Any, Any, T], on_end: Callable[["asyncio.Task[T]"], None]
) -> "asyncio.Task[T] | None":
    """Run *coroutine*; return None if it has ended, else the task that goes on with it.

    *on_end* is called when the task is over. An exception before the first wait is raised here, a
    later one stays in the task.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration:
        return None
    task = asyncio.get_running_loop().create_task(_Rest(coroutine, awaited))
    task.add_done_callback(on_end)
    return task


async def as_task(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what *coroutine* returns, run as a task of its own."""
    return await asyncio.get_running_loop().create_task(coroutine)


class _Rest(Coroutine[Any, Any, T]):
    """What is left of a coroutine that has made its first step and now waits for *awaited*."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], awaited: Any) -> None:
        self._coroutine = coroutine
        self._awaited = awaited
        self._at_first_wait = True

    def send(self, value: Any) -> Any:
        """Say what is waited for first, then go on with the coroutine."""
        if self._at_first_wait:
            self._at_first_wait = False
            return self._awaited
        return self._coroutine.send(value)

    def throw(self, *exception: Any) -> Any:
        """Raise an exception in the coroutine."""
        self._at_first_wait = False
        return self._coroutine.throw(*exception)

    def close(self) -> None:
        """End the coroutine."""
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, T]:
        return self._coroutine.__await__()
