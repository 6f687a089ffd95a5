"""Time, passed in: the only reader of the system's clock.

Times are seconds since 1970, UTC, as float. A test hands in a ManualClock and jumps.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """What stages and agents ask for the time."""

    def now(self) -> float:
        """Return seconds since 1970 (UTC)."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return seconds since 1970 (UTC)."""
        return time.time()


class ManualClock:
    """A clock that stands still until it is told to jump."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return the time that was set."""
        return self._now

    def jump(self, seconds: float) -> None:
        """Move the clock by *seconds*."""
        self._now += seconds
