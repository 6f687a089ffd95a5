"""Numbers as people read them: ages, sizes, times; and ages as people write them.

Must not: be used for output that programs read; they get seconds and bytes
"""

import datetime
import itertools
import time

from spoolmta.config.parameter import parse_seconds
from spoolmta.errors import UsageError

_AGE_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))
_SIZE_UNITS = ("B", "kB", "MB", "GB", "TB")
_KILO = 1024


def format_age(seconds: float) -> str:
    """Return a duration in its two largest units: "3d 4h", "12m 5s", "0s"."""
    rest = max(0, int(seconds))
    for (unit, name), (smaller, smaller_name) in itertools.pairwise(_AGE_UNITS):
        if rest >= unit:
            large, rest = divmod(rest, unit)
            small = rest // smaller
            return f"{large}{name} {small}{smaller_name}" if small else f"{large}{name}"
    return f"{rest}s"


def format_size(count: float) -> str:
    """Return a number of bytes in a unit that keeps it short: "812 B", "4.2 kB"."""
    index = 0
    while count >= _KILO and index < len(_SIZE_UNITS) - 1:
        count /= _KILO
        index += 1
    whole = index == 0 or count >= 100
    return f"{count:.0f} {_SIZE_UNITS[index]}" if whole else f"{count:.1f} {_SIZE_UNITS[index]}"


def format_time(at: float) -> str:
    """Return a time of day, in the local zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def parse_age(text: str) -> float:
    """Return the seconds of "90", "5m", "2h", "3d", "1w".

    Raises UsageError: it is none.
    """
    value = parse_seconds(text)
    if value is None:
        raise UsageError(f"{text}: an age is a number and one of the units s m h d w, as in 2h")
    return value


def parse_moment(text: str, now: float) -> float:
    """Return the time (seconds) of an age, "2h" before *now*, or of a local "2026-11-30 03:15".

    Raises UsageError: it is neither.
    """
    age = parse_seconds(text)
    if age is not None:
        return now - age
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise UsageError(
            f"{text}: a time is written as 2026-11-30 or 2026-11-30 03:15, an age as 2h"
        ) from None


def plural(count: int, noun: str) -> str:
    """Return "1 message", "2 messages"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
