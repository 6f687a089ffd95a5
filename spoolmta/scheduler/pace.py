"""How slowly a destination is served that asked for less.

Each time it does, the pause between deliveries doubles, up to a limit; what is under way meanwhile
asks along, and counts once. As long as it does not ask again, the pause halves every ten minutes.

Postfix:    has nothing like it
Must not:   know of rows or clocks
"""

from typing import NamedTuple

_FIRST_SECONDS = 1.0
_LEAST_SECONDS = 0.05
_HALF_LIFE_SECONDS = 600.0


class Pace(NamedTuple):
    """A pause between deliveries as it was at time *since*; both are seconds."""

    seconds: float = 0.0
    since: float = 0.0

    def at(self, now: float) -> float:
        """Return the pause at *now*; 0 once it is too short to matter."""
        if not self.seconds:
            return 0.0
        age = max(0.0, now - self.since)
        left = self.seconds * 0.5 ** (age / _HALF_LIFE_SECONDS)
        return left if left >= _LEAST_SECONDS else 0.0

    def slower(self, now: float, limit: float) -> "Pace":
        """Return the pace after the destination has asked for less, with no pause above *limit*."""
        pause = self.at(now)
        if pause and now - self.since < max(pause, _FIRST_SECONDS):
            return self
        return Pace(min(limit, max(_FIRST_SECONDS, 2 * pause)), now)


FULL_SPEED = Pace()
