"""How long one message may keep the others of its process waiting: a few milliseconds at a time.

What a stranger sent may be much to do (a header of ten thousand addresses, each looked up in ten
tables). Whoever works through it asks between its parts whether its turn of the event loop is over.
"""

import asyncio
import time

_TURN_S = 0.005


class Turn:
    """The turns of one message; the first begins when it is first asked for."""

    __slots__ = ("_end",)

    def __init__(self) -> None:
        self._end = 0.0

    @property
    def is_over(self) -> bool:
        """Whether others should have their turn now."""
        now = time.monotonic()
        if not self._end:
            self._end = now + _TURN_S
        return now >= self._end

    async def give_way(self) -> None:
        """Return when whoever else was ready has had a turn; the next of one's own begins."""
        await asyncio.sleep(0)
        self._end = time.monotonic() + _TURN_S
