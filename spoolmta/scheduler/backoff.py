"""When a deferred message is tried again: as long as it has been in the queue, within bounds.

What somebody asked to try now was tried together, whatever its age. It would meet again at its next
try, and at each one after that; so the pause of each message is a little longer by another amount.

Postfix:    qmgr(8), minimal_backoff_time and maximal_backoff_time in postconf(5)
"""

_LONGEST_SPREAD = 0.1
_GOLDEN_RATIO = 0x9E3779B97F4A7C15
_64_BITS = 2**64


def retry_at(now: float, created_at: float, minimal: float, maximal: float) -> float:
    """Return the time (seconds) of the next try of a message that entered at *created_at*.

    The pause is the message's age, so that it doubles with each try, kept between *minimal*
    and *maximal* seconds. A clock that was set back counts as no age.
    """
    return now + min(max(now - created_at, minimal), maximal)


def spread(retry: float, now: float, message_id: int) -> float:
    """Return *retry* put off by up to a tenth of the pause, each message by its own amount."""
    fraction = message_id * _GOLDEN_RATIO % _64_BITS / _64_BITS
    return retry + (retry - now) * _LONGEST_SPREAD * fraction
