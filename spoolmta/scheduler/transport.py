"""The destinations of one transport: each in turn gives one delivery, as its window allows.

Postfix:    qmgr(8), transport_destination_concurrency_limit and friends in postconf(5)
Must not:   know of rows or clocks
"""

from collections.abc import Iterator

from spoolmta.scheduler.destination import Destination, WindowLimits
from spoolmta.spool.deliveries import Waiting


class Transport:
    """The queues of one master.cf transport."""

    def __init__(self, name: str, limits: WindowLimits) -> None:
        """*limits* hold for each of its destinations."""
        self.name = name
        self.destinations: dict[str, Destination] = {}
        self._limits = limits
        # Destinations that may have something to give, in the order of their turns.
        self._ready: dict[str, Destination] = {}

    def destination(self, name: str) -> Destination:
        """Return the destination *name*, made on its first use."""
        found = self.destinations.get(name)
        if found is None:
            found = self.destinations[name] = Destination(self.name, name, self._limits)
        return found

    def add(self, waiting: Waiting) -> Destination:
        """Queue a delivery behind the others of its destination."""
        destination = self.destination(waiting.destination)
        destination.todo.append(waiting)
        self._ready.setdefault(destination.name, destination)
        return destination

    def look_again(self, destination: Destination) -> None:
        """Take the destination back into the round: its window may have opened."""
        if destination.todo:
            self._ready.setdefault(destination.name, destination)
        elif destination.is_idle:
            self.destinations.pop(destination.name, None)

    def grants(self) -> Iterator[Waiting]:
        """Yield what may go now, one delivery of each destination in turn; each counts as busy."""
        while self._ready:
            name, destination = next(iter(self._ready.items()))
            del self._ready[name]
            if destination.room <= 0 or not destination.todo:
                continue  # comes back by look_again
            destination.busy += 1
            yield destination.todo.popleft()
            if destination.todo:
                self._ready[name] = destination
