"""The live screen: draws frames on a terminal until a key ends it, and leaves it as it was.

Must not: keep a read open; work more than a fraction of the time
"""

import os
import select
import shutil
import signal
import sys
import termios
import time
import tty
from types import FrameType
from typing import Self

from spoolmta.cli.access import Access
from spoolmta.cli.output import print_json
from spoolmta.cli.questions.frame import SORTS, Look, frame, ordered
from spoolmta.cli.questions.overview import BUCKETS, Overview, Watch
from spoolmta.cli.running import master_pid

# What goes into looking through the queue for one frame, and for a frame that stays alone.
_BUDGET = 0.25
_BUDGET_OF_ONE = 0.7
# A frame that took long is not drawn again before so many times that long.
_REST = 4.0
_ENDS = (signal.SIGINT, signal.SIGTERM)
_ENTER = "\033[?1049h\033[?25l"
_LEAVE = "\033[?25h\033[?1049l"


def run(access: Access, *, interval: float, once: bool, as_json: bool) -> None:
    """Show the queue until a key ends that, or once."""
    title = f"spoolmta {access.queue_directory}: {_running(access)}"
    with access.spool() as spool:
        watch = Watch(spool)
        if as_json:
            print_json(_as_json(watch.look(_BUDGET_OF_ONE)))
        elif once or not (sys.stdout.isatty() and sys.stdin.isatty()):
            for line in frame(watch.look(_BUDGET_OF_ONE), title, Look()):
                print(line)
        else:
            with Screen() as screen:
                _draw_until_end(screen, watch, title, interval)


def _draw_until_end(screen: "Screen", watch: Watch, title: str, interval: float) -> None:
    sort = 0
    while True:
        start = time.monotonic()
        overview = watch.look(_BUDGET)
        keys = f"q end, s sort (by {SORTS[sort]})"
        screen.draw(overview, f"{title}  {keys}", SORTS[sort])
        spent = time.monotonic() - start
        key = screen.key(max(interval, _REST * spent))
        if key in ("q", "Q", "\x03", "\x1b", ""):
            return
        if key == "s":
            sort = (sort + 1) % len(SORTS)


class Screen:
    """The terminal while a frame is on it; use it in a with statement."""

    def __init__(self) -> None:
        self._input = sys.stdin.fileno()
        self._signals: list[int] = []

    def __enter__(self) -> Self:
        """Take the terminal."""
        self._before = termios.tcgetattr(self._input)
        # A signal that comes just before the wait for a key would be seen after it: so the pipe.
        self._woken, self._wakes = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(self._wakes)
        self._handlers = {number: signal.signal(number, self._note) for number in _ENDS}
        tty.setcbreak(self._input)
        sys.stdout.write(_ENTER)
        return self

    def __exit__(self, *_: object) -> None:
        """Give it back as it was; Ctrl-C is an end like any other, SIGTERM tells of itself."""
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()
        termios.tcsetattr(self._input, termios.TCSADRAIN, self._before)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        os.close(self._woken)
        os.close(self._wakes)
        if signal.SIGTERM in self._signals:
            raise SystemExit(128 + signal.SIGTERM)

    def draw(self, overview: Overview, title: str, sort: str) -> None:
        """Draw a frame over the one before."""
        # A terminal that does not know its size has the usual one.
        size = shutil.get_terminal_size()
        look = Look(size.columns, size.lines, sort, colours=True)
        lines = frame(overview, title, look)[: size.lines]
        text = "".join(f"\033[{number};1H{line}\033[K" for number, line in enumerate(lines, 1))
        sys.stdout.write(f"{text}\033[J")
        sys.stdout.flush()

    def key(self, seconds: float) -> str | None:
        """Return the key that is pressed within *seconds*; None if none is, "" at the end."""
        ready, _, _ = select.select([self._input, self._woken], [], [], seconds)
        if self._woken in ready:
            return ""
        return os.read(self._input, 1).decode("ascii", "replace") if ready else None

    def _note(self, number: int, _: FrameType | None) -> None:
        # An exception that is raised here may come out where it is lost: in a finalizer.
        self._signals.append(number)


def _running(access: Access) -> str:
    pid = master_pid(access.process_directory)
    return "not running" if pid is None else f"running, master is process {pid}"


def _as_json(overview: Overview) -> dict[str, object]:
    shape = overview.shape
    return {
        "at": overview.at,
        "states": overview.states,
        "rates": {kind: n / overview.rates.span for kind, n in overview.rates.counts.items()},
        "looked_at": shape.part,
        "age_limits_minutes": BUCKETS,
        "destinations": [row._asdict() for row in ordered(overview, SORTS[0])[:100]],
        "reasons": [
            {"dsn": dsn, "fingerprint": text, "recipients": count}
            for (dsn, text), count in shape.reasons.most_common(20)
        ],
    }
