"""One destination: how many deliveries it may have at once, and whether it is tried at all.

Each success widens the window by one, each failure of the destination as a whole narrows it by
one; failures that add up to the failed-cohort limit make it dead until a time. Only whole-site
failures count: a refused recipient is a success of the destination.

Postfix:    SCHEDULER_README, postconf(5) default_destination_concurrency_limit and
            default_destination_concurrency_failed_cohort_limit
Must not:   know of rows, clocks or transports
Limits:     windows start afresh when the queue manager restarts; dead marks do not
"""

from collections import deque
from dataclasses import dataclass, field

from spoolmta.spool.deliveries import Waiting


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """The parameters of a transport's windows; *limit* and *failed_cohorts* 0 mean none."""

    initial: int
    limit: int
    failed_cohorts: int

    @property
    def first_window(self) -> int:
        """The window of a destination that nothing is known of."""
        return min(self.initial, self.limit) if self.limit else self.initial


@dataclass(slots=True)
class Destination:
    """What the scheduler knows of one destination; times are seconds."""

    transport: str
    name: str
    limits: WindowLimits
    window: int = 0
    busy: int = 0
    failed_cohorts: float = 0.0
    dead_until: float = 0.0
    dsn: str = ""
    reason: str = ""
    todo: deque[Waiting] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.window = self.window or self.limits.first_window

    @property
    def key(self) -> tuple[str, str]:
        """Transport and name."""
        return self.transport, self.name

    @property
    def is_dead(self) -> bool:
        """True until the destination is tried again."""
        return self.dead_until > 0

    @property
    def room(self) -> int:
        """How many more deliveries may go now."""
        return 0 if self.is_dead else self.window - self.busy

    @property
    def is_idle(self) -> bool:
        """True if there is nothing to remember it for."""
        return not (self.todo or self.busy or self.is_dead)

    def succeeded(self) -> None:
        """Widen the window: the destination answered. Call it while the delivery is still busy."""
        self.failed_cohorts = 0.0
        if self.is_dead:
            self.revive()
            return
        limit = self.limits.limit
        # A window that is not used must not grow out of sight.
        if (not limit or limit > self.window) and self.window < self.busy + self.limits.initial:
            self.window += 1

    def failed(self, dead_until: float, dsn: str, reason: str) -> bool:
        """Narrow the window; return True if the destination is dead by that, until *dead_until*.

        *dsn* and *reason* are what its mail is deferred with meanwhile.
        """
        self.failed_cohorts += 1.0 / self.window
        self.window = max(1, self.window - 1)
        limit = self.limits.failed_cohorts
        if self.is_dead or not limit or self.failed_cohorts < limit:
            return False
        self.suspend(dead_until, dsn, reason)
        return True

    def suspend(self, dead_until: float, dsn: str, reason: str) -> None:
        """Try nothing until *dead_until*; mail is deferred with *dsn* and *reason* meanwhile."""
        self.dead_until, self.dsn, self.reason = dead_until, dsn, reason

    def revive(self) -> None:
        """Forget that it was dead and begin with a fresh window."""
        self.dead_until, self.dsn, self.reason = 0.0, "", ""
        self.failed_cohorts = 0.0
        self.window = max(self.limits.first_window, self.busy)
