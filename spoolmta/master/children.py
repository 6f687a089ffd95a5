"""The processes of one service: how many there are to be, and when to start the next.

A service whose processes fail soon after their start is throttled: the pause doubles with each
failure, up to service_throttle_time. One that was killed, or failed after a good while, is
replaced at once.

Must not:   fork, or wait for anything
"""

from dataclasses import dataclass, field

_GOOD_LIFE_SECONDS = 2.0
_FIRST_PAUSE_SECONDS = 0.25


@dataclass
class Children:
    """The processes of one service; times are seconds of a steady clock.

    *exclusive*: a retiring process must have ended before the next one is started.
    """

    wanted: int
    longest_pause: float
    exclusive: bool = False
    running: dict[int, float] = field(default_factory=dict)  # pid -> when it was started
    retiring: set[int] = field(default_factory=set)
    _failures: int = 0
    _not_before: float = 0.0

    def started(self, pid: int, now: float) -> None:
        """Take note of a new process."""
        self.running[pid] = now

    def ended(self, pid: int, now: float, *, failed: bool) -> float:
        """Take note of an end; return the pause before the next start, in seconds."""
        began = self.running.pop(pid, None)
        self.retiring.discard(pid)
        if not failed or began is None:
            self._failures = 0
            return 0.0
        if now - began >= _GOOD_LIFE_SECONDS:
            self._failures = 0
        self._failures += 1
        pause = 0.0
        if self._failures > 1:
            doubled = _FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures - 2, 20)
            pause = min(self.longest_pause, doubled)
        self._not_before = now + pause
        return pause

    def missing(self, now: float) -> int:
        """Return how many processes may be started now."""
        if now < self._not_before:
            return 0
        staying = len(self.running) - (0 if self.exclusive else len(self.retiring))
        return max(0, self.wanted - staying)

    def next_start(self) -> float:
        """Return when the present pause is over."""
        return self._not_before

    def retire(self) -> list[int]:
        """Let every process be replaced; return those that are to be told."""
        pids = [pid for pid in self.running if pid not in self.retiring]
        self.retiring.update(pids)
        return pids
