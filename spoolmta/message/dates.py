"""Dates as mail prints them, in local time: RFC 5322, and the "From " line of mbox files.

Postfix: mail_date(3)
RFC:     5322 3.3, 4155
"""

import time
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def mail_date(at: float) -> str:
    """Return "Tue, 24 Nov 2026 15:13:05 +0100 (CET)" for a time in seconds since 1970."""
    return _mail_date(int(at))


def mailbox_date(at: float) -> str:
    """Return "Tue Nov 24 15:13:05 2026", as in the line that begins a message in an mbox file."""
    return time.asctime(time.localtime(int(at)))


# Many messages arrive within one second.
@lru_cache(maxsize=16)
def _mail_date(second: int) -> str:
    moment = time.localtime(second)
    minutes = abs(moment.tm_gmtoff) // 60
    sign = "-" if moment.tm_gmtoff < 0 else "+"
    offset = f"{sign}{minutes // 60:02}{minutes % 60:02}"
    return (
        f"{_DAYS[moment.tm_wday]}, {moment.tm_mday:02} {_MONTHS[moment.tm_mon - 1]} "
        f"{moment.tm_year:04} {moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02} "
        f"{offset} ({moment.tm_zone})"
    )
