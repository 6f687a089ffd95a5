"""The event loop of a simulated queue: time jumps from one event to the next.

The scheduler's own Schedule, decide() and retry_at() decide; the spool, the resolver and the
network are modelled: messages with one recipient, activated in strict alternation from incoming
and due deferred mail while there is room.

Must not:   decide anything that the scheduler decides
"""

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from spoolmta.message.envelope import Notify
from spoolmta.message.outcome import Action
from spoolmta.scheduler.completion import Lifetimes, decide
from spoolmta.scheduler.schedule import Schedule
from spoolmta.scheduler.transport import TransportLimits
from spoolmta.spool.completion import Answered, OpenOutcome
from spoolmta.spool.deliveries import Feedback, Verdict, Waiting
from tools.simulate.destination import Answer, Model

TRANSPORT = "smtp"

_DEFERRED = (OpenOutcome(0, Action.DEFERRED, "4.4.1", "", "", Notify(0), ""),)


@dataclass(slots=True)
class Message:
    """A message with one recipient; times are seconds, None as long as it has not come to that."""

    message_id: int
    destination: Model
    arrived_at: float
    attempts: int = 0
    first_try_at: float | None = None
    delivered_at: float | None = None
    returned_at: float | None = None
    waiting: Waiting = field(init=False)
    answered: Answered = field(init=False)

    def __post_init__(self) -> None:
        """Say how the queue manager sees it, before a try and after one that failed."""
        number, arrived = self.message_id, self.arrived_at
        self.waiting = Waiting(number, number, TRANSPORT, self.destination.name)
        self.answered = Answered(number, "", "a@x.example", arrived, arrived, _DEFERRED)


@dataclass(frozen=True, slots=True)
class Rules:
    """The parameters of the simulated queue manager."""

    limits: TransportLimits
    lifetimes: Lifetimes
    active_limit: int = 20_000


@dataclass(slots=True)
class Simulation:
    """A queue over time; `run` yields the time of each event."""

    rules: Rules
    messages: dict[int, Message]
    now: float = 0.0
    peak_active: int = 0
    schedule: Schedule = field(init=False)
    _arrivals: deque[Message] = field(init=False)
    _incoming: deque[Message] = field(default_factory=deque)
    _deferred: list[tuple[float, int]] = field(default_factory=list)
    _active: int = 0
    _ends: list[tuple[float, int]] = field(default_factory=list)
    _prefers_deferred: bool = False

    def __post_init__(self) -> None:
        self._arrivals = deque(sorted(self.messages.values(), key=lambda m: m.arrived_at))
        self.schedule = Schedule(
            lambda _: self.rules.limits,
            served={TRANSPORT},
            dead_seconds=self.rules.lifetimes.minimal_backoff,
        )

    def run(self, until: float) -> Iterator[float]:
        """Let time pass until nothing is left in the queue, or until a time; yield each event's."""
        while (due := self._next_event()) is not None and due <= until:
            self.now = max(self.now, due)
            self._arrive()
            self._end_attempts()
            self.schedule.revive(self.now)
            while self._activate():
                self._defer_suspended()
            self._begin_attempts()
            yield self.now

    def _next_event(self) -> float | None:
        times = [self._arrivals[0].arrived_at] if self._arrivals else []
        times += [self._ends[0][0]] if self._ends else []
        if self._active < self.rules.active_limit and self._deferred:
            times.append(self._deferred[0][0])
        due = self.schedule.next_due()
        if due is not None and (times or self._active):
            times.append(due)
        return min(times, default=None)

    def _arrive(self) -> None:
        while self._arrivals and self._arrivals[0].arrived_at <= self.now:
            self._incoming.append(self._arrivals.popleft())

    def _activate(self) -> bool:
        """Let some messages become active; return whether there were any."""
        batch: list[Waiting] = []
        room = min(self.rules.active_limit - self._active, 100)
        while len(batch) < room:
            message = self._take_next()
            if message is None:
                break
            batch.append(message.waiting)
        if not batch:
            return False
        self._active += len(batch)
        self.peak_active = max(self.peak_active, self._active)
        self.schedule.admit(batch, self.now)
        return True

    def _take_next(self) -> Message | None:
        """Take a message from incoming and from what is due, in turns."""
        self._prefers_deferred = not self._prefers_deferred
        is_due = bool(self._deferred) and self._deferred[0][0] <= self.now
        if is_due and (self._prefers_deferred or not self._incoming):
            return self.messages[heapq.heappop(self._deferred)[1]]
        return self._incoming.popleft() if self._incoming else None

    def _defer_suspended(self) -> None:
        for suspended in self.schedule.take_suspended():
            self._complete(self.messages[suspended.waiting.message_id], Action.DEFERRED)

    def _begin_attempts(self) -> None:
        for waiting in self.schedule.grants(self.now):
            message = self.messages[waiting.message_id]
            message.attempts += 1
            if message.first_try_at is None:
                message.first_try_at = self.now
            message.destination.begin()
            heapq.heappush(self._ends, (self.now + message.destination.seconds, message.message_id))

    def _end_attempts(self) -> None:
        while self._ends and self._ends[0][0] <= self.now:
            message = self.messages[heapq.heappop(self._ends)[1]]
            first = self.now if message.first_try_at is None else message.first_try_at
            tried_for = self.now - first
            answer = message.destination.end(self.now, tried_for)
            feedback = Feedback()
            if answer is Answer.FAILED:
                feedback = Feedback(Verdict.FAILED, "4.4.1", "connection timed out")
            self.schedule.hear(message.message_id, feedback, self.now)
            self._complete(message, Action.SENT if answer is Answer.ACCEPTED else Action.DEFERRED)
        self._defer_suspended()

    def _complete(self, message: Message, action: Action) -> None:
        self._active -= 1
        if action is Action.SENT:
            message.delivered_at = self.now
            return
        end = decide(message.answered, self.now, self.rules.lifetimes)
        if end.retry_at is None:
            message.returned_at = self.now
        else:
            heapq.heappush(self._deferred, (end.retry_at, message.message_id))
