"""Maildir deliveries of one process, gathered: while one batch is being synced the next grows.

A sync costs about the same for one file as for many, so that a busy process shares it among
deliveries and an idle one delivers at once. The work is done by a few threads; the event loop goes
on.

Must not: become another user (that is recipient_user's)
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from spoolmta.agents.mailbox import maildir
from spoolmta.agents.mailbox.maildir import MaildirFile, Written
from spoolmta.agents.result import Result

# While one thread waits for the disk another writes; more of them only make batches smaller.
_THREADS = 2
_LARGEST_BATCH = 64

Item = tuple[MaildirFile, Sequence[bytes]] | Written


class MaildirBatches:
    """Delivers to maildirs as this process' own user."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="maildir")
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._busy = 0
        self._start_is_due = False

    async def deliver(self, file: MaildirFile, pieces: Sequence[bytes]) -> Result:
        """Deliver a message that is at hand as a whole."""
        return await self._submit((file, pieces))

    async def publish(self, written: Written) -> Result:
        """Deliver a message that was written already."""
        return await self._submit(written)

    async def call(self, function: Callable[[], Written | None]) -> Written | None:
        """Do a step of writing a large message in a thread.

        Raises MailboxError: the step failed.
        """
        return await asyncio.get_running_loop().run_in_executor(self._pool, function)

    async def close(self) -> None:
        """End the threads."""
        await asyncio.to_thread(self._pool.shutdown)

    async def _submit(self, item: Item) -> Result:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if self._busy < _THREADS and not self._start_is_due:
            # Deliveries that begin in this turn of the loop go together.
            self._start_is_due = True
            loop.call_soon(self._start)
        return await future

    def _start(self) -> None:
        self._start_is_due = False
        batch = self._waiting[:_LARGEST_BATCH]
        del self._waiting[:_LARGEST_BATCH]
        self._busy += 1
        work = asyncio.get_running_loop().run_in_executor(
            self._pool, _deliver, [item for item, _ in batch]
        )
        futures = [future for _, future in batch]
        work.add_done_callback(lambda done: self._finish(done, futures))

    def _finish(
        self, work: "asyncio.Future[list[Result]]", futures: list["asyncio.Future[Result]"]
    ) -> None:
        self._busy -= 1
        error = work.exception()
        if error is not None:
            for future in futures:
                if not future.done():
                    future.set_exception(error)
        else:
            for future, result in zip(futures, work.result(), strict=True):
                if not future.done():
                    future.set_result(result)
        if self._waiting and not self._start_is_due:
            self._start()


def _deliver(items: list[Item]) -> list[Result]:
    ready = [item if isinstance(item, Written) else maildir.write_whole(*item) for item in items]
    return maildir.publish(ready)
