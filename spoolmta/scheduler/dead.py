"""The destinations that are not tried now: until when, and which of them something waits for.

Work is constant per destination that changes, however many are dead.

Must not:   know of rows or clocks
"""

import heapq

from spoolmta.scheduler.destination import Destination

Key = tuple[str, str]


class DeadDestinations:
    """Dead destinations of all transports, in the order of their revival."""

    def __init__(self) -> None:
        """Nothing is dead."""
        self._dead: dict[Key, Destination] = {}
        self._revivals: list[tuple[float, Key]] = []
        # Those that deliveries wait for, which are to be deferred.
        self._stalled: dict[Key, Destination] = {}

    def add(self, destination: Destination) -> None:
        """Take in a destination that has just been declared dead."""
        self._dead[destination.key] = destination
        heapq.heappush(self._revivals, (destination.dead_until, destination.key))
        if destination.todo:
            self._stalled[destination.key] = destination

    def remove(self, destination: Destination) -> None:
        """Forget a destination that turned out to be alive."""
        self._dead.pop(destination.key, None)

    def take_stalled(self) -> list[Destination]:
        """Take the dead destinations that deliveries wait for."""
        if not self._stalled:
            return []
        stalled = [destination for destination in self._stalled.values() if destination.is_dead]
        self._stalled.clear()
        return stalled

    def take_due(self, now: float) -> list[Destination]:
        """Take the destinations that may be tried again at *now* (seconds)."""
        due = []
        while self._revivals and self._revivals[0][0] <= now:
            until, key = heapq.heappop(self._revivals)
            destination = self._dead.get(key)
            # One that died again since has another entry.
            if destination is not None and destination.dead_until == until:
                due.append(self._dead.pop(key))
        return due

    def take_all(self) -> list[Destination]:
        """Take every dead destination."""
        taken = list(self._dead.values())
        self._dead.clear()
        self._revivals.clear()
        return taken

    def next_revival(self) -> float | None:
        """Return when the first may be tried again (seconds), None if none is dead."""
        return self._revivals[0][0] if self._revivals else None
