"""Maildir deliveries, gathered: while one batch is being synced the next grows.

A sync costs about the same for one file as for many, so that a busy process shares it among
deliveries and an idle one delivers at once. The work is done elsewhere, by a few threads or by a
process that is the mailboxes' owner; the event loop goes on.

Must not:   become another user (that is recipient_user's)
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from spoolmta.agents.mailbox import maildir, work
from spoolmta.agents.mailbox.maildir import MaildirFile, Written
from spoolmta.agents.mailbox.staging import stage_all
from spoolmta.agents.recipient_user import Deliverer, Identity
from spoolmta.agents.result import Result

# While one batch waits for the disk another is written; more of them only make batches smaller.
_AT_ONCE = 2
# The paths of so many, however long, fit into one request to the deliverer.
_LARGEST_BATCH = 24

Item = TypeVar("Item")
Message = tuple[MaildirFile, bytes]


class Batches(Generic[Item]):
    """Gathers items for *perform*, which returns a result for each of a batch."""

    def __init__(
        self, perform: Callable[[list[Item]], Coroutine[None, None, list[Result]]]
    ) -> None:
        self._perform = perform
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._under_way: dict[asyncio.Task[list[Result]], list[asyncio.Future[Result]]] = {}
        self._start_is_due = False

    async def deliver(self, item: Item) -> Result:
        """Deliver one item with others.

        Raises what *perform* raised: the whole batch met it.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, future))
        if len(self._under_way) < _AT_ONCE and not self._start_is_due:
            # Deliveries that begin in this turn of the loop go together.
            self._start_is_due = True
            loop.call_soon(self._start)
        return await future

    def _start(self) -> None:
        self._start_is_due = False
        batch = self._waiting[:_LARGEST_BATCH]
        del self._waiting[:_LARGEST_BATCH]
        items, futures = [item for item, _ in batch], [future for _, future in batch]
        performed = asyncio.create_task(self._perform(items))
        self._under_way[performed] = futures
        performed.add_done_callback(self._finish)

    def _finish(self, performed: asyncio.Task[list[Result]]) -> None:
        futures = self._under_way.pop(performed)
        error = performed.exception()
        if error is not None:
            for future in futures:
                if not future.done():
                    future.set_exception(error)
        else:
            for future, result in zip(futures, performed.result(), strict=True):
                if not future.done():
                    future.set_result(result)
        if self._waiting and not self._start_is_due:
            self._start()


class OwnMaildirs:
    """Delivers to maildirs as this process' own user, in threads."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="maildir")
        self._batches: Batches[Message | Written] = Batches(self._perform)

    async def deliver(self, file: MaildirFile, message: bytes) -> Result:
        """Deliver a message that is at hand as a whole."""
        return await self._batches.deliver((file, message))

    async def publish(self, written: Written) -> Result:
        """Deliver a message that was written already."""
        return await self._batches.deliver(written)

    async def call(self, function: Callable[[], Written | None]) -> Written | None:
        """Do a step of writing a large message in a thread.

        Raises MailboxError: the step failed.
        """
        return await asyncio.get_running_loop().run_in_executor(self._pool, function)

    async def close(self) -> None:
        """End the threads."""
        await asyncio.to_thread(self._pool.shutdown)

    async def _perform(self, items: list[Message | Written]) -> list[Result]:
        return await asyncio.get_running_loop().run_in_executor(self._pool, _deliver, items)


class OwnersMaildirs:
    """Delivers to maildirs as their owners: a batch is one request to the deliverer."""

    def __init__(self, deliverer: Deliverer) -> None:
        self._deliverer = deliverer
        self._batches: dict[Identity, Batches[Message]] = {}

    async def deliver(self, identity: Identity, file: MaildirFile, message: bytes) -> Result:
        """Deliver a message as *identity*.

        Raises NotPermitted, DelivererLost: defer the delivery.
        Raises OSError: the messages could not be handed over; try again later.
        """
        batches = self._batches.get(identity)
        if batches is None:
            batches = self._batches[identity] = Batches(
                lambda messages: self._perform(identity, messages)
            )
        return await batches.deliver((file, message))

    async def _perform(self, identity: Identity, messages: list[Message]) -> list[Result]:
        files = tuple(file for file, _ in messages)
        sizes = tuple(len(message) for _, message in messages)
        descriptor = stage_all([message for _, message in messages])
        try:
            request = work.encode(work.ToMaildirs(files, sizes))
            answer = await self._deliverer.run(identity, request, [descriptor])
        finally:
            os.close(descriptor)
        return work.decode_results(answer)


def _deliver(items: Sequence[Message | Written]) -> list[Result]:
    return maildir.publish(
        [
            item if isinstance(item, Written) else maildir.write_whole(item[0], [item[1]])
            for item in items
        ]
    )
