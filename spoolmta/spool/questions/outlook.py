"""What the scheduler has before it: by transport, and which deliveries go next.

Must not: change anything
"""

from typing import NamedTuple

from spoolmta.spool.connection import Spool


class Load(NamedTuple):
    """A transport: deliveries that wait, for how many destinations; those that are let go."""

    transport: str
    waiting: int
    destinations: int
    under_way: int


class Next(NamedTuple):
    """A delivery that waits, as v1_schedule has it; times are seconds."""

    transport: str
    destination: str
    place: int
    queue_id: str
    delivery_id: int
    waiting_since_at: float
    under_way: int
    window: int | None
    hindrance: str
    until_at: float | None
    explanation: str


def loads(reader: Spool) -> list[Load]:
    """Return the transports that something waits for, or is under way by, by their names."""
    waiting = {name: (count, places) for name, count, places in reader.read("count_schedule")}
    gone: dict[str, int] = dict(reader.read("count_let_go"))
    return [
        Load(name, *waiting.get(name, (0, 0)), gone.get(name, 0))
        for name in sorted(waiting.keys() | gone.keys())
    ]


def schedule(reader: Spool, transport: str, places: int, limit: int) -> list[Next]:
    """Return the first *places* of each destination, the longest waiting first.

    *transport* "" means all.
    """
    bindings = {"transport": transport, "places": places, "limit": limit}
    return [Next(*row) for row in reader.read("read_schedule", bindings)]
