"""What waits, what is under way, and what may go now: the scheduler without its rows.

The queue manager feeds it from the spool, the simulator from a model; it is told the time.

Postfix:    qmgr(8), SCHEDULER_README
Must not:   know of rows, clocks or configuration
"""

from collections.abc import Callable, Collection, Iterable, Set
from typing import NamedTuple

from spoolmta.scheduler.dead import DeadDestinations, Key
from spoolmta.scheduler.destination import Destination
from spoolmta.scheduler.pace import FULL_SPEED
from spoolmta.scheduler.transport import Transport, TransportLimits
from spoolmta.spool.deliveries import DestinationState, Feedback, Verdict, Waiting
from spoolmta.spool.surgery.rule import UNSLOWED, Slowness

_PUT_OFF = ("4.3.2", "deferred transport")
_NO_TRANSPORT = ("4.3.0", "mail transport unavailable")


class Suspended(NamedTuple):
    """A delivery whose destination is not tried now, and what its mail is deferred with."""

    waiting: Waiting
    dsn: str
    reason: str


class Changes(NamedTuple):
    """What is newly known of destinations, and of which nothing is known any more."""

    stored: list[DestinationState]
    forgotten: list[Key]


class Schedule:
    """The deliveries of all transports."""

    def __init__(
        self,
        limits: Callable[[str], TransportLimits],
        *,
        served: Collection[str],
        dead_seconds: float,
        retry_seconds: float = 60.0,
        put_off: Collection[str] = (),
        heard: Callable[[Destination, Verdict], None] | None = None,
        slowness: Callable[[str], Slowness] = lambda _: UNSLOWED,
    ) -> None:
        """*limits* tells a transport's; mail for others than those *served* is deferred.

        A destination that fails is not tried for *dead_seconds*, a transport that is not served
        for *retry_seconds*. Mail for the transports that are
        *put_off* is deferred, too, until somebody asks for it. *heard* is told of each
        answer that may have changed a window. *slowness* tells how slowly operators want mail to
        a destination to go.
        """
        self._slowness = slowness
        self._limits = limits
        self._served = served
        self._dead_seconds = dead_seconds
        self._retry_seconds = retry_seconds
        self._put_off = put_off
        self._heard = heard
        self._refused: list[Suspended] = []
        self._transports: dict[str, Transport] = {}
        self._under_way: dict[int, Destination] = {}
        self._dead = DeadDestinations()
        # What the spool has of destinations, and those that it should know more of at once.
        self._stored: dict[Key, DestinationState] = {}
        self._marked: set[Key] = set()
        self._slowed: dict[Key, Destination] = {}

    @property
    def under_way(self) -> Set[int]:
        """The ids of the deliveries that were let go and have not ended."""
        return self._under_way.keys()

    @property
    def busy_transports(self) -> set[str]:
        """The transports that something is under way in."""
        return {name for name, transport in self._transports.items() if transport.busy}

    def destination(self, transport: str, name: str) -> Destination:
        """Return what is known of a destination."""
        return self._transport(transport).destination(name)

    def recall_under_way(self, waiting: Waiting) -> None:
        """Count a delivery that was let go before this schedule began."""
        transport = self._transport(waiting.transport)
        destination = transport.destination(waiting.destination)
        transport.began(destination)
        self._under_way[waiting.delivery_id] = destination

    def recall(self, state: DestinationState) -> None:
        """Take up what was learnt of a destination before this schedule began."""
        transport = self._transport(state.transport)
        destination = transport.destination(state.destination)
        destination.recall(state)
        if destination.is_dead:
            self._dead.add(destination)
        if destination.resting_until:
            transport.let_rest(destination)
        if destination.pace.seconds:
            self._slowed[destination.key] = destination
        self._stored[destination.key] = state

    def admit(self, planned: Iterable[Waiting], now: float) -> None:
        """Queue deliveries that are to be made."""
        for waiting in planned:
            if self._put_off and waiting.transport in self._put_off and not waiting.asked:
                self._refused.append(Suspended(waiting, *_PUT_OFF))
                continue
            transport = self._transports.get(waiting.transport)
            if transport is None:
                transport = self._transport(waiting.transport)
            known = transport.destinations.get(waiting.destination)
            if known is not None and known.dead_until:
                # What is put off at once need not stand in line first.
                self._refused.append(Suspended(waiting, known.dsn, known.reason))
                continue
            destination = transport.add(waiting, now)
            if waiting.transport not in self._served:
                self._suspend(destination, now + self._retry_seconds, *_NO_TRANSPORT)

    def hear(self, delivery_id: int, feedback: Feedback, now: float) -> None:
        """Take what an agent says at the end of a delivery.

        A delivery that is to be made again is admitted by the caller.
        """
        destination = self._under_way.pop(delivery_id, None)
        if destination is None:
            return  # it was reported before this schedule began
        was_dead = destination.is_dead
        if feedback.verdict is Verdict.DONE:
            if was_dead:
                self._dead.remove(destination)
            destination.succeeded()
        elif feedback.verdict is Verdict.FAILED:
            until = now + self._dead_seconds
            reason = f"delivery temporarily suspended: {feedback.reason}"
            if destination.failed(until, feedback.dsn, reason):
                self._dead.add(destination)
        if self._heard is not None and not (was_dead and destination.is_dead):
            self._heard(destination, feedback.verdict)
        if feedback.throttled:
            self._slow_down(destination, now)
        self._transport(destination.transport).ended(destination, now)
        if destination.is_dead is not was_dead or destination.resting_until:
            self._marked.add(destination.key)

    def withdraw(self, delivery_ids: Iterable[int], now: float) -> None:
        """Forget deliveries that were let go and exist no more; nothing is learnt by that."""
        for delivery_id in delivery_ids:
            destination = self._under_way.pop(delivery_id, None)
            if destination is not None:
                self._transport(destination.transport).ended(destination, now)

    def grants(self, now: float) -> list[Waiting]:
        """Return what may go now; it counts as under way."""
        granted = []
        for transport in self._transports.values():
            for waiting in transport.grants(now):
                self._under_way[waiting.delivery_id] = transport.destinations[waiting.destination]
                granted.append(waiting)
        return granted

    def changes(self, *, everything: bool = False) -> Changes:
        """Return what the spool should know of destinations, and count it as known.

        What makes mail wait is told at once, what was learnt of windows if *everything* is asked.
        """
        keys = self._marked
        self._marked = set()
        if everything:
            keys |= self._stored.keys()
            for transport in self._transports.values():
                keys.update(destination.key for destination in transport.destinations.values())
        stored, forgotten = [], []
        for key in sorted(keys):
            destination = self._transport(key[0]).destinations.get(key[1])
            state = destination.state if destination is not None else None
            known = self._stored.get(key)
            if state is not None and state != known:
                stored.append(state)
                self._stored[key] = state
            elif state is None and known is not None:
                forgotten.append(key)
                del self._stored[key]
        return Changes(stored, forgotten)

    def take_suspended(self) -> list[Suspended]:
        """Take everything that waits for destinations or transports that are not tried now."""
        refused, self._refused = self._refused, []
        for destination in self._dead.take_stalled():
            dsn, reason = destination.dsn, destination.reason
            taken = self._transport(destination.transport).take_all(destination)
            refused += [Suspended(waiting, dsn, reason) for waiting in taken]
        return refused

    def revive(self, now: float, *, everything: bool = False) -> None:
        """Let destinations be tried whose time has come, or all."""
        revived = self._dead.take_all() if everything else self._dead.take_due(now)
        for destination in revived:
            destination.revive()
            self._marked.add(destination.key)
            self._transport(destination.transport).look_again(destination)

    def forget_slowness(self, now: float) -> None:
        """Serve those destinations at full speed again that have not asked for less for long."""
        over = [d for d in self._slowed.values() if not d.pace.at(now)]
        for destination in over:
            destination.pace = FULL_SPEED
            del self._slowed[destination.key]
            self._transport(destination.transport).look_again(destination)

    def next_due(self) -> float | None:
        """Return when something may go that may not go now (seconds), None if nothing will."""
        first = self._dead.next_revival()
        for transport in self._transports.values():
            due = transport.next_due()
            if due is not None and (first is None or due < first):
                first = due
        return first

    def _slow_down(self, destination: Destination, now: float) -> None:
        limit = self._transport(destination.transport).limits.slowdown_limit
        if limit:
            destination.pace = destination.pace.slower(now, limit)
            self._slowed[destination.key] = destination
            self._marked.add(destination.key)

    def _suspend(self, destination: Destination, until: float, dsn: str, reason: str) -> None:
        destination.suspend(until, dsn, reason)
        self._marked.add(destination.key)
        self._dead.add(destination)
        self._transport(destination.transport).look_again(destination)

    def _transport(self, name: str) -> Transport:
        found = self._transports.get(name)
        if found is None:
            found = self._transports[name] = Transport(name, self._limits(name), self._slowness)
        return found
