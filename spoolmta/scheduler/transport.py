"""The queues of one transport: which delivery goes next.

The message that waits longest goes first, its destinations taking turns as their windows allow.
A small message may overtake a large one that has earned the slots for it (job.py). What waits for
a destination without room is not looked at again until there is room, so that the work for one
grant does not grow with what waits.

Postfix:    qmgr(8), SCHEDULER_README, transport_destination_concurrency_limit and friends and
            default_transport_rate_delay in postconf(5)
Must not:   know of rows or clocks
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import NamedTuple

from spoolmta.scheduler.destination import Destination, WindowLimits
from spoolmta.scheduler.job import Job, Preemption
from spoolmta.spool.deliveries import Waiting
from spoolmta.spool.surgery.rule import UNSLOWED, Slowness

# How many jobs and destinations are looked at for one that may overtake, and how often.
_CANDIDATES = 64
_CANDIDATE_SECONDS = 0.25
# Jobs that an operator wants to go first have numbers so much smaller.
_AHEAD_OF_ALL = 1 << 62


class TransportLimits(NamedTuple):
    """The parameters of a transport; times are seconds, a *capacity* of 0 means no limit.

    *capacity* is how many deliveries its processes have room for. *destination_rate_delay* is the
    pause of a destination after a delivery, *rate_delay* that of the transport before the next.
    *slowdown_limit* is the longest pause of a destination that asks for less; 0: it is not heeded.
    """

    window: WindowLimits
    capacity: int = 0
    destination_rate_delay: float = 0.0
    rate_delay: float = 0.0
    slowdown_limit: float = 0.0
    preemption: Preemption = Preemption()

    def window_of(self, slowness: Slowness) -> WindowLimits:
        """Return the limits of a destination that operators may have slowed down."""
        window = self.window
        # As with a rate delay: one at a time, unless more are asked for.
        most = slowness.concurrency or (1 if slowness.pause else 0)
        if not most:
            return window
        limit = min(window.limit or most, most)
        return replace(window, initial=min(window.initial, limit), limit=limit)


class Transport:
    """The queues of one master.cf transport."""

    def __init__(
        self,
        name: str,
        limits: TransportLimits,
        slowness: Callable[[str], Slowness] = lambda _: UNSLOWED,
    ) -> None:
        """*limits* hold for each of its destinations, and *slowness* for one of a name."""
        self.name = name
        self.limits = limits
        self._slowness = slowness
        self.destinations: dict[str, Destination] = {}
        self.busy = 0
        self._jobs: dict[int, Job] = {}
        self._jobs_seen = 0
        # Destinations with room and work, by the job at the head of each; and those jobs' places.
        self._ready: dict[Job, dict[Destination, None]] = {}
        self._head: dict[Destination, Job] = {}
        self._line: list[tuple[int, Job]] = []
        # Jobs that overtook others, the latest last.
        self._ahead: list[Job] = []
        self._candidate: tuple[Job, float, Job | None] | None = None
        self._resting: list[tuple[float, str]] = []
        self._pause_until = 0.0

    def destination(self, name: str) -> Destination:
        """Return the destination *name*, made on its first use."""
        found = self.destinations.get(name)
        if found is None:
            slow = self._slowness(name)
            window = self.limits.window_of(slow)
            found = Destination(self.name, name, window, pause=slow.pause)
            self.destinations[name] = found
        return found

    def add(self, waiting: Waiting, now: float) -> Destination:
        """Queue a delivery behind the others of its destination and message."""
        destination = self.destinations.get(waiting.destination)
        if destination is None:
            destination = self.destination(waiting.destination)
        job = self._jobs.get(waiting.message_id)
        if job is None:
            self._jobs_seen += 1
            number = self._jobs_seen - (_AHEAD_OF_ALL if waiting.urgent else 0)
            job = Job(number, waiting.message_id, now)
            self._jobs[waiting.message_id] = job
        queue = destination.todo.get(job)
        if queue is not None:
            queue.append(waiting)
        else:
            # A list: nearly all have one, and a deque of one takes ten times as much memory.
            destination.todo[job] = [waiting]
            job.peers[destination] = None
            if waiting.urgent:
                jobs = sorted(destination.todo.items(), key=lambda item: item[0].number)
                destination.todo = dict(jobs)
        job.total += 1
        job.waiting += 1
        # What comes last changes no head of a line.
        if destination not in self._head and destination.room > 0:
            self.look_again(destination)
        return destination

    def began(self, destination: Destination) -> None:
        """Count a delivery as under way."""
        destination.busy += 1
        self.busy += 1

    def ended(self, destination: Destination, now: float) -> None:
        """Count a delivery as ended, and let the destination rest if it has to."""
        destination.busy -= 1
        self.busy -= 1
        delay = max(self.limits.destination_rate_delay, destination.pause)
        if delay and not destination.dead_until:
            destination.resting_until = max(destination.resting_until, now + delay)
            self.let_rest(destination)
        self.look_again(destination)

    def let_rest(self, destination: Destination) -> None:
        """Note that a destination rests, so that its rest comes to an end."""
        heapq.heappush(self._resting, (destination.resting_until, destination.name))

    def look_again(self, destination: Destination) -> None:
        """Take the destination into the round, or out of it, as it has room and work or not."""
        head = None
        if destination.todo:
            if destination.room > 0:
                head = next(iter(destination.todo))
        elif not destination.busy and destination.is_idle:
            self.destinations.pop(destination.name, None)
        before = self._head.get(destination)
        if before is head:
            return
        if before is not None:
            self._unready(destination, before)
        if head is not None:
            self._head[destination] = head
            peers = self._ready.get(head)
            if peers is None:
                peers = self._ready[head] = {}
                self._line_up(head)
            peers[destination] = None

    def take_all(self, destination: Destination) -> list[Waiting]:
        """Take everything that waits for a destination."""
        taken: list[Waiting] = []
        for job, queue in destination.todo.items():
            taken += queue
            job.waiting -= len(queue)
            job.peers.pop(destination, None)
            if not job.waiting:
                self._jobs.pop(job.message_id, None)
        destination.todo.clear()
        self.look_again(destination)
        return taken

    def next_due(self) -> float | None:
        """Return when a pause ends that something waits for, in seconds; None if none does."""
        due = self._resting[0][0] if self._resting else None
        if self._ready and self._pause_until:
            return self._pause_until if due is None else min(due, self._pause_until)
        return due

    def grants(self, now: float) -> Iterator[Waiting]:
        """Yield what may go now; each counts as under way."""
        self._wake(now)
        while self._has_room(now):
            found = self._next(now)
            if found is None:
                return
            yield self._give(*found, now)

    def _has_room(self, now: float) -> bool:
        if self._pause_until > now:
            return False
        self._pause_until = 0.0
        return not self.limits.capacity or self.busy < self.limits.capacity

    def _wake(self, now: float) -> None:
        """End the rests that are over."""
        while self._resting and self._resting[0][0] <= now:
            until, name = heapq.heappop(self._resting)
            destination = self.destinations.get(name)
            if destination is not None and destination.resting_until == until:
                destination.resting_until = 0.0
                self.look_again(destination)

    def _next(self, now: float) -> tuple[Job, Destination] | None:
        """Return what is to go next."""
        while True:
            found = (self._next_ahead() if self._ahead else None) or self._next_in_line()
            if found is None:
                return None
            other = self._overtaker(found[0], now)
            if other is None:
                return found
            other.overtake(found[0], self.limits.preemption)
            self._ahead.append(other)

    def _next_ahead(self) -> tuple[Job, Destination] | None:
        """Return what is to go next of the jobs that overtook others."""
        while self._ahead:
            job = self._ahead[-1]
            destination = next((peer for peer in job.peers if peer.room > 0), None)
            if destination is not None:
                return job, destination
            # It is done, or waits for a destination like all others.
            self._ahead.pop().step_back(self.limits.preemption)
        return None

    def _next_in_line(self) -> tuple[Job, Destination] | None:
        """Return what is to go next of the job that has waited longest."""
        while self._line:
            _, job = self._line[0]
            if job in self._ready:
                return job, next(iter(self._ready[job]))
            heapq.heappop(self._line)
            job.is_in_line = False
        return None

    def _line_up(self, job: Job) -> None:
        if not job.is_in_line:
            job.is_in_line = True
            heapq.heappush(self._line, (job.number, job))

    def _give(self, job: Job, destination: Destination, now: float) -> Waiting:
        queue = destination.todo[job]
        waiting = queue.pop(0)
        del job.peers[destination]
        if queue:
            job.peers[destination] = None  # its next turn comes after those of the others
        else:
            del destination.todo[job]
        self.began(destination)
        if destination.pace.seconds or destination.pause:
            self._keep_pace(destination, now)
        job.waiting -= 1
        job.slots += 1
        if self._head.get(destination) is job:
            self._unready(destination, job)
        self.look_again(destination)
        if not job.waiting:
            self._jobs.pop(job.message_id, None)
        if self.limits.rate_delay:
            self._pause_until = now + self.limits.rate_delay
        return waiting

    def _keep_pace(self, destination: Destination, now: float) -> None:
        """Let a destination rest before the next delivery, if it asked or is told to."""
        pause = max(destination.pace.at(now), destination.pause)
        if pause:
            destination.resting_until = now + pause
            self.let_rest(destination)

    def _unready(self, destination: Destination, head: Job) -> None:
        del self._head[destination]
        peers = self._ready[head]
        del peers[destination]
        if not peers:
            del self._ready[head]

    # ---- who may overtake

    def _overtaker(self, job: Job, now: float) -> Job | None:
        """Return the job that is to go before *job*, if there is one that it can pay for."""
        terms = self.limits.preemption
        if not job.may_pay(terms):
            return None
        known = self._candidate
        if known is None or known[0] is not job or now >= known[1]:
            found = self._find_candidate(job, now)
            self._candidate = known = (job, now + _CANDIDATE_SECONDS, found)
        found = known[2]
        if found is None or not found.waiting or not job.can_pay(found, terms):
            return None
        self._candidate = None
        return found

    def _find_candidate(self, job: Job, now: float) -> Job | None:
        """Return the most urgent job of those that could go now and that *job* can afford."""
        terms = self.limits.preemption
        ahead = {job, *self._ahead}
        open_peers = (peer for peer in islice(job.peers, _CANDIDATES) if peer.room > 0)
        behind = (next((j for j in peer.todo if j not in ahead), None) for peer in open_peers)
        candidates = (
            other
            for other in chain(islice(self._ready, _CANDIDATES), behind)
            if other is not None and other not in ahead and job.affords(other, terms)
        )
        return max(candidates, key=lambda other: other.urgency(now), default=None)
