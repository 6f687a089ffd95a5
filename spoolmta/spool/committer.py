"""The spool thread of an event-loop service: one commit for whatever is pending.

Sessions hand in operations and await them; the thread takes all that wait, runs them in one
transaction, commits once and wakes all. While a commit is under way the next ones gather, so
that batches grow with the load and an idle system commits at once.

Must not: let an operation wait for anything but the spool.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from spoolmta.clock import Clock
from spoolmta.errors import SpoolBusy, SpoolFailed, SpoolFull
from spoolmta.spool.connection import Spool, Transaction

T = TypeVar("T")

_BATCH = 256


@dataclass(slots=True)
class _Pending:
    operation: Callable[[Any], Any]
    future: "asyncio.Future[Any]"
    durable: bool
    grouped: bool
    result: Any = None
    error: BaseException | None = None


class Committer:
    """Runs operations on a spool connection of its own, in its own thread."""

    def __init__(self, path: Path, clock: Clock) -> None:
        """Start the thread; call it inside a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._pending: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._work, args=(path, clock), name="spool", daemon=True
        )
        self._thread.start()

    def submit(
        self, operation: Callable[[Transaction], T], *, durable: bool = False
    ) -> "asyncio.Future[T]":
        """Run *operation* in the next group's transaction; the result comes after its commit.

        An operation that raises spoils nobody else's: the group is run again one by one.
        Raises SpoolBusy, SpoolFull, SpoolFailed (see Spool.transaction), and what it raised.
        """
        return self._put(operation, durable=durable, grouped=True)

    def run(self, operation: Callable[[Spool], T]) -> "asyncio.Future[T]":
        """Run *operation* in the spool thread, outside any transaction but those it makes."""
        return self._put(operation, durable=False, grouped=False)

    async def close(self) -> None:
        """Finish what is pending and end the thread."""
        self._pending.put(None)
        await asyncio.to_thread(self._thread.join)

    def _put(
        self, operation: Callable[[Any], T], *, durable: bool, grouped: bool
    ) -> "asyncio.Future[T]":
        future: asyncio.Future[T] = self._loop.create_future()
        self._pending.put(_Pending(operation, future, durable, grouped))
        return future

    def _work(self, path: Path, clock: Clock) -> None:
        spool: Spool | None = None
        open_ = True
        while open_:
            batch, open_ = self._take()
            if not batch:
                continue
            try:
                spool = spool or Spool.open(path, clock)
            except BaseException as error:
                _fail(batch, error)
            else:
                _run_batch(spool, batch)
            self._loop.call_soon_threadsafe(_resolve, batch)
        if spool is not None:
            spool.close()

    def _take(self) -> tuple[list[_Pending], bool]:
        """Wait for one operation, then take all that are there."""
        batch: list[_Pending] = []
        while len(batch) < _BATCH:
            try:
                pending = self._pending.get(block=not batch)
            except queue.Empty:
                break
            if pending is None:
                return batch, False
            batch.append(pending)
        return batch, True


def _run_batch(spool: Spool, batch: list[_Pending]) -> None:
    group = [pending for pending in batch if pending.grouped]
    if group:
        _commit(spool, group)
    for pending in batch:
        if not pending.grouped:
            try:
                pending.result = pending.operation(spool)
            except BaseException as error:
                pending.error = error


def _commit(spool: Spool, group: list[_Pending]) -> None:
    try:
        with spool.transaction(durable=any(pending.durable for pending in group)) as tx:
            for pending in group:
                pending.result = pending.operation(tx)
    except (SpoolBusy, SpoolFull, SpoolFailed) as error:
        _fail(group, error)
    except BaseException as error:
        if len(group) == 1:
            group[0].error = error
            return
        for pending in group:
            _commit(spool, [pending])


def _fail(batch: list[_Pending], error: BaseException) -> None:
    for pending in batch:
        pending.error = error


def _resolve(batch: list[_Pending]) -> None:
    for pending in batch:
        if pending.future.cancelled():
            continue
        if pending.error is None:
            pending.future.set_result(pending.result)
        else:
            pending.future.set_exception(pending.error)
