"""Named points at which a test ends the process, as a power cut would.

SPOOLMTA_CRASH="point:k,point:k" makes each process kill itself when it passes one of these points
for the k-th time. Without it a point costs one dictionary look-up.
"""

import os
import signal

VARIABLE = "SPOOLMTA_CRASH"


def _armed() -> dict[str, int]:
    points: dict[str, int] = {}
    for item in os.environ.get(VARIABLE, "").split(","):
        name, _, hits = item.partition(":")
        if name:
            points[name] = int(hits or 1)
    return points


_left = _armed()


def crash_point(name: str) -> None:
    """End the process with SIGKILL if this point is armed and its turn has come."""
    if name in _left:
        _left[name] -= 1
        if _left[name] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
