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
NEVER = float("inf")

_ANSWERED = Feedback()
_TIMED_OUT = Feedback(Verdict.FAILED, "4.4.1", "connection timed out")
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


class Deferred:
    """Messages by the time of their next try; *next* is the earliest, NEVER if there is none.

    What is put off at a later time mostly waits until a later time: such messages stand in a line,
    and the others alone in a heap, which takes much longer.
    """

    def __init__(self) -> None:
        self.next = NEVER
        self._line: deque[tuple[float, int]] = deque()
        self._heap: list[tuple[float, int]] = []

    def put(self, retry_at: float, message_id: int) -> None:
        """Let a message wait until *retry_at*."""
        entry = retry_at, message_id
        if not self._line or entry >= self._line[-1]:
            self._line.append(entry)
        else:
            heapq.heappush(self._heap, entry)
        if retry_at < self.next:
            self.next = retry_at

    def take(self) -> int:
        """Take the message whose time comes first; of two with one time, that of the lower id."""
        line, heap = self._line, self._heap
        if heap and (not line or heap[0] < line[0]):
            message_id = heapq.heappop(heap)[1]
        else:
            message_id = line.popleft()[1]
        first = line[0][0] if line else NEVER
        self.next = heap[0][0] if heap and heap[0][0] < first else first
        return message_id


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
    _deferred: "Deferred" = field(init=False)
    _active: int = 0
    _ends: list[tuple[float, int]] = field(default_factory=list)
    _prefers_deferred: bool = False

    def __post_init__(self) -> None:
        self._arrivals = deque(sorted(self.messages.values(), key=lambda m: m.arrived_at))
        self._deferred = Deferred()
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
            while (self._incoming or self._deferred.next <= self.now) and self._activate():
                self._defer_suspended()
            self._begin_attempts()
            yield self.now

    def _next_event(self) -> float | None:
        first = self._arrivals[0].arrived_at if self._arrivals else NEVER
        if self._ends and self._ends[0][0] < first:
            first = self._ends[0][0]
        if self._active < self.rules.active_limit and self._deferred.next < first:
            first = self._deferred.next
        if first < NEVER or self._active:
            due = self.schedule.next_due()
            if due is not None and due < first:
                return due
        return first if first < NEVER else None

    def _arrive(self) -> None:
        while self._arrivals and self._arrivals[0].arrived_at <= self.now:
            self._incoming.append(self._arrivals.popleft())

    def _activate(self) -> bool:
        """Let some messages become active; return whether there were any."""
        room = min(self.rules.active_limit - self._active, 100)
        batch = self._take(room)
        if not batch:
            return False
        self._active += len(batch)
        self.peak_active = max(self.peak_active, self._active)
        self.schedule.admit(batch, self.now)
        return True

    def _take(self, room: int) -> list[Waiting]:
        """Take up to *room* messages from incoming and from what is due, in turns."""
        incoming, deferred, messages, now = self._incoming, self._deferred, self.messages, self.now
        batch: list[Waiting] = []
        while len(batch) < room:
            self._prefers_deferred = not self._prefers_deferred
            if deferred.next <= now and (self._prefers_deferred or not incoming):
                batch.append(messages[deferred.take()].waiting)
            elif incoming:
                batch.append(incoming.popleft().waiting)
            else:
                break
        return batch

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
            feedback = _TIMED_OUT if answer is Answer.FAILED else _ANSWERED
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
            self._deferred.put(end.retry_at, message.message_id)
