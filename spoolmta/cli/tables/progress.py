"""How far the building of a table has come, on a terminal; nothing is shown anywhere else.

Must not: cost anything where nobody looks
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from spoolmta.maps.text import Line

# Fewer lines are done before anybody could read of them.
_WORTH_SHOWING = 50_000
_STEP = 1 << 14
_WIDTH = 40


def shown_progress(lines: Iterator[Line], text: str, table: Path) -> Iterator[Line]:
    """Yield *lines*, which are those of *text*, and show on standard error how many are left."""
    total = text.count("\n") if sys.stderr.isatty() else 0
    if total < _WORTH_SHOWING:
        return lines
    return _shown(lines, total, table)


def _shown(lines: Iterator[Line], total: int, table: Path) -> Iterator[Line]:
    following = 0
    try:
        for line in lines:
            if line.number >= following:
                following = line.number + _STEP
                done = line.number / total
                bar = "#" * int(done * _WIDTH)
                print(
                    f"\r{table} [{bar:<{_WIDTH}}] {done:4.0%}",
                    end="",
                    file=sys.stderr,
                    flush=True,
                )
            yield line
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
