"""How much one delivery widens or narrows a destination's window.

"1" or "1/3" is a constant; "1/concurrency" is less the wider the window is, so that a whole
window's worth of deliveries changes it by one.

Postfix:    default_destination_concurrency_positive_feedback and ..._negative_feedback in
            postconf(5), SCHEDULER_README
Parameters: read by their text
"""

from typing import NamedTuple

_CONCURRENCY = "concurrency"


class ConcurrencyFeedback(NamedTuple):
    """A feedback value between 0 and 1; *shared*: it is divided by the window."""

    value: float = 1.0
    shared: bool = False

    def at(self, window: int) -> float:
        """Return the feedback of one delivery while the window is *window*."""
        return self.value / window if self.shared else self.value


def parse_feedback(text: str) -> ConcurrencyFeedback | None:
    """Return what a feedback parameter says; None if it is malformed or not between 0 and 1.

    Postfix then warns and takes 1.
    """
    numerator, slash, denominator = (part.strip() for part in text.partition("/"))
    shared = denominator == _CONCURRENCY
    try:
        value = float(numerator)
        if slash and not shared:
            value /= float(denominator)
    except (ValueError, ZeroDivisionError):
        return None
    return ConcurrencyFeedback(value, shared) if 0.0 <= value <= 1.0 else None
