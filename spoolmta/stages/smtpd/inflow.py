"""A pause before a message that comes in faster than the queue manager takes mail from incoming.

As many messages as default_process_limit may wait in incoming. While more do, only as many new ones
as leave it begin at once; each other one waits first, for in_flow_delay at most. A process looks at
the queue once for some messages that it lets in, and not at all while it lets in none.

Postfix:    cleanup(8), postconf(5) in_flow_delay
Parameters: in_flow_delay (of cleanup), default_process_limit
Must not:   hold up mail that is handed in on this machine
Limits:     each process counts what leaves of its own messages, and nobody else's
"""

import asyncio
from collections import deque
from collections.abc import Callable

from spoolmta.config.parameters.cleanup import CleanupParameters
from spoolmta.service.context import ServiceContext
from spoolmta.spool import queues

# How much of the room a process takes at a time, so that others see what is left.
_SHARE = 4
# How often those that wait look again.
_LOOK_SECONDS = 0.05

# How many messages are in incoming, as far as a number, and the id of the oldest.
Measure = Callable[[int], tuple[int, int]]


class Inflow:
    """The messages that a process let in, and how many more it may before it looks again."""

    def __init__(self, delay: float, limit: int, measure: Measure) -> None:
        """*delay* is the longest pause in seconds; *limit* messages may be in incoming."""
        self._delay = delay
        self._limit = limit
        self._measure = measure
        self._free = 0
        self._next_look = float("-inf")
        # Those that were let in, and were in incoming, or on their way there, at the last look.
        self._ahead: deque[int] = deque()

    @classmethod
    def open(cls, context: ServiceContext, parameters: CleanupParameters) -> "Inflow":
        """Return the inflow of a process."""
        return cls(
            parameters.in_flow_delay,
            parameters.default_process_limit,
            lambda most: queues.measure_incoming(context.spool, most),
        )

    @property
    def is_ahead(self) -> bool:
        """True if no message may begin before it is looked at the queue."""
        return self._free <= 0 < self._delay

    async def pause(self) -> None:
        """Return when a message may begin, after in_flow_delay at the latest."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        end = now + self._delay
        while not self.may_begin(now) and now < end:
            await asyncio.sleep(min(_LOOK_SECONDS, end - now))
            now = loop.time()

    def begin(self, message_id: int) -> None:
        """Count a message that begins."""
        if self._delay:
            self._free -= self._free > 0
            self._ahead.append(message_id)

    def may_begin(self, now: float) -> bool:
        """Return whether a message may begin; look at the queue unless one has just looked."""
        if self._free <= 0 and now >= self._next_look:
            self._look()
            if self._free <= 0:
                self._next_look = now + _LOOK_SECONDS
        return self._free > 0

    def _look(self) -> None:
        """Count how many more may begin: as many as have left, or what there is room for."""
        count, oldest = self._measure(self._limit)
        before = len(self._ahead)
        while self._ahead and (not count or self._ahead[0] < oldest):
            self._ahead.popleft()
        room = min(self._limit - count, max(1, self._limit // _SHARE))
        self._free = max(room, before - len(self._ahead))
