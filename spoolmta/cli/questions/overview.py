"""The queue at a glance: gathered a bounded piece at a time, as one value to be drawn.

Looking through a deep queue takes longer than one frame: each frame looks at a piece of it, and
shows the last whole look, or, until there is one, what part of the first one has found.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from spoolmta.message.fingerprint import fingerprint
from spoolmta.spool.connection import Spool
from spoolmta.spool.questions import gauges, inspect
from spoolmta.spool.questions.gauges import Aged, Look, Rates
from spoolmta.spool.questions.inspect import StateSummary

# Minutes; what is older is in the last column.
BUCKETS = (5, 10, 20, 40, 80, 160, 320, 640, 1280)
_RATE_SPAN = 30.0
# A look that took long is not begun again at once.
_PAUSE_PER_LOOK = 10.0
_SHORTEST_PAUSE = 5.0


@dataclass(slots=True)
class Shape:
    """What a look through the queue found: recipients by domain and age, and by reason.

    *part* of the queue was looked at, 1.0 is all of it; *at* says when it ended (seconds).
    """

    part: float = 0.0
    at: float = 0.0
    domains: dict[str, list[int]] = field(default_factory=dict)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, recipients: list[Aged], now: float) -> None:
        """Count recipients."""
        for recipient in recipients:
            domain = recipient.address.rpartition("@")[2].lower()
            ages = self.domains.get(domain)
            if ages is None:
                ages = self.domains[domain] = [0] * (len(BUCKETS) + 1)
            ages[bucket(now - recipient.arrived_at)] += 1
            if recipient.reason:
                self.reasons[recipient.dsn, fingerprint(recipient.reason)] += 1


@dataclass(frozen=True, slots=True)
class Overview:
    """One frame's worth. *dead* says until when, *busy* how many are under way, by destination."""

    at: float
    states: list[StateSummary]
    rates: Rates
    shape: Shape
    dead: dict[str, float]
    busy: dict[str, int]


def bucket(age: float) -> int:
    """Return the column of an age in seconds."""
    minutes = age / 60
    return next((index for index, end in enumerate(BUCKETS) if minutes < end), len(BUCKETS))


class Watch:
    """Looks at a spool again and again."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._whole: Shape | None = None
        self._growing = Shape()
        self._looks: Iterator[Look] | None = None
        self._spent = 0.0
        self._next_look = 0.0

    def look(self, budget: float) -> Overview:
        """Return the present figures; *budget* seconds go into looking through the queue."""
        spool = self._spool
        now = spool.clock.now()
        self._look_on(now, budget)
        return Overview(
            now,
            inspect.states(spool),
            gauges.rates(spool, _RATE_SPAN),
            self._whole or self._growing,
            gauges.dead(spool),
            gauges.busy(spool),
        )

    def _look_on(self, now: float, budget: float) -> None:
        """Go on with the look, or begin one if it is time for that."""
        if self._looks is None:
            if time.monotonic() < self._next_look:
                return
            self._looks = gauges.look_through(self._spool)
            self._growing, self._spent = Shape(), 0.0
        start = time.monotonic()
        for piece in self._looks:
            self._growing.add(piece.recipients, now)
            self._growing.part = piece.part
            if time.monotonic() - start >= budget:
                self._spent += time.monotonic() - start
                return
        self._spent += time.monotonic() - start
        self._growing.part, self._growing.at = 1.0, now
        self._whole, self._looks = self._growing, None
        pause = max(_SHORTEST_PAUSE, _PAUSE_PER_LOOK * self._spent)
        self._next_look = time.monotonic() + (pause if self._spent > budget else 0.0)
