"""One destination: how many deliveries it may have at once, and whether it is tried at all.

Each success widens the window, each failure of the destination as a whole narrows it, by the
feedback of the transport; failures that add up to the failed-cohort limit make it dead until a
time. Only whole-site failures count: a refused recipient is a success of the destination.

Postfix:    SCHEDULER_README, postconf(5) default_destination_concurrency_limit,
            ..._positive_feedback, ..._negative_feedback, ..._failed_cohort_limit and
            default_destination_rate_delay
Must not:   know of rows, clocks or transports
"""

from dataclasses import dataclass, field

from spoolmta.scheduler.feedback import ConcurrencyFeedback
from spoolmta.scheduler.job import Job
from spoolmta.scheduler.pace import FULL_SPEED, Pace
from spoolmta.spool.deliveries import DestinationState, Waiting

_FULL = ConcurrencyFeedback()


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """The parameters of a transport's windows; *limit* and *failed_cohorts* 0 mean none."""

    initial: int
    limit: int
    failed_cohorts: int
    positive: ConcurrencyFeedback = _FULL
    negative: ConcurrencyFeedback = _FULL

    @property
    def first_window(self) -> int:
        """The window of a destination that nothing is known of."""
        return min(self.initial, self.limit) if self.limit else self.initial


@dataclass(slots=True, eq=False)
class Destination:
    """What the scheduler knows of one destination; times are seconds.

    *todo* has what waits, by job, in the order of the jobs. It is *dead_until* a time with the
    reason that its mail is deferred with, and rests until *resting_until* between deliveries.
    *success* and *failure* are the parts of a step that feedback has added up to, *step* is what
    the latest answer added, if any. *pace* is how slowly it is served since it asked for less,
    *pause* how long it rests between deliveries anyway.
    """

    transport: str
    name: str
    limits: WindowLimits
    window: int = 0
    success: float = 0.0
    failure: float = 0.0
    failed_cohorts: float = 0.0
    busy: int = 0
    dead_until: float = 0.0
    dsn: str = ""
    reason: str = ""
    resting_until: float = 0.0
    step: float | None = None
    pace: Pace = FULL_SPEED
    pause: float = 0.0
    todo: dict[Job, list[Waiting]] = field(default_factory=dict)

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
        return 0 if self.dead_until or self.resting_until else self.window - self.busy

    @property
    def is_idle(self) -> bool:
        """True if there is nothing to remember it for."""
        return not (
            self.todo or self.busy or self.dead_until or self.resting_until or self.pace.seconds
        )

    @property
    def state(self) -> DestinationState | None:
        """What is worth keeping over a restart; None if it is like a fresh one, or forgotten."""
        learnt = self.window, self.success, self.failure, self.failed_cohorts
        is_fresh = learnt == (self.limits.first_window, 0.0, 0.0, 0.0)
        is_free = not (self.dead_until or self.resting_until or self.pace.seconds)
        if self.is_idle or (is_fresh and is_free):
            return None
        return DestinationState(
            self.transport,
            self.name,
            *learnt,
            self.resting_until,
            self.dead_until,
            self.dsn,
            self.reason,
            *self.pace,
        )

    def recall(self, state: DestinationState) -> None:
        """Take up what was learnt before a restart; the limits may have changed meanwhile."""
        limit = self.limits.limit or state.window
        self.window = max(1, min(state.window, limit))
        self.success, self.failure = state.success, state.failure
        self.failed_cohorts = state.failed_cohorts
        self.resting_until = state.resting_until
        self.dead_until, self.dsn, self.reason = state.dead_until, state.dsn, state.reason
        self.pace = Pace(state.pace, state.slowed_at)

    def succeeded(self) -> None:
        """Widen the window: the destination answered. Call it while the delivery is still busy."""
        self.failed_cohorts = 0.0
        self.step = None
        if self.dead_until:
            self.revive()
            return
        limit = self.limits.limit
        # A window that is not used must not grow out of sight.
        if (limit and self.window >= limit) or self.window >= self.busy + self.limits.initial:
            return
        self.step = step = self.limits.positive.at(self.window)
        self.success += step
        # Half a step more, lest a rounding error cost a whole one.
        while self.success + step / 2 >= 1.0:
            self.window += 1
            self.success -= 1.0
            self.failure = 0.0
        if limit:
            self.window = min(self.window, limit)

    def failed(self, dead_until: float, dsn: str, reason: str) -> bool:
        """Narrow the window; return True if the destination is dead by that, until *dead_until*.

        *dsn* and *reason* are what its mail is deferred with meanwhile.
        """
        self.step = None
        self.failed_cohorts += 1.0 / self.window
        if self.dead_until:
            return False
        limit = self.limits.failed_cohorts
        if limit and self.failed_cohorts >= limit:
            self.suspend(dead_until, dsn, reason)
            return True
        self.step = step = self.limits.negative.at(self.window)
        self.failure -= step
        while self.failure - step / 2 < 0.0:
            self.window -= 1
            self.success = 0.0
            self.failure += 1.0
        self.window = max(1, self.window)
        return False

    def suspend(self, dead_until: float, dsn: str, reason: str) -> None:
        """Try nothing until *dead_until*; mail is deferred with *dsn* and *reason* meanwhile."""
        self.dead_until, self.dsn, self.reason = dead_until, dsn, reason

    def revive(self) -> None:
        """Forget that it was dead; what is still under way is the window to begin with."""
        self.dead_until, self.dsn, self.reason = 0.0, "", ""
        self.success = self.failure = self.failed_cohorts = 0.0
        self.window = self.busy or self.limits.first_window
