"""When a deferred message is tried again: as long as it has been in the queue, within bounds.

Postfix:    qmgr(8), minimal_backoff_time and maximal_backoff_time in postconf(5)
"""


def retry_at(now: float, created_at: float, minimal: float, maximal: float) -> float:
    """Return the time (seconds) of the next try of a message that entered at *created_at*.

    The pause is the message's age, so that it doubles with each try, kept between *minimal*
    and *maximal* seconds. A clock that was set back counts as no age.
    """
    return now + min(max(now - created_at, minimal), maximal)
