"""What was found out from tables, remembered for as long as these stay as they are.

Every message brings addresses that were seen before. What became of them is remembered if it came
from files and main.cf alone; one changed file, and all that involved it is forgotten. A table
behind a socket may answer otherwise at any time: what involves one is never remembered.

Must not: remember what could not be decided, or what a warning was given for
Limits:   about 10,000 answers each, or fewer; none of keys longer than a usual address
"""

from collections.abc import Iterable
from time import monotonic
from typing import Generic, TypeVar

from spoolmta.errors import MapUnavailable
from spoolmta.maps.lookup import LOOK_AGAIN_S, States
from spoolmta.maps.text import is_utf8

K = TypeVar("K")
V = TypeVar("V")

_REMEMBERED = 10_000
_LONGEST_KEY = 320


class Memory(Generic[K, V]):
    """Answers that were made from tables and lists; *sources* are the `states` of all of these."""

    __slots__ = ("_answers", "_limit", "_next_look", "_seen", "_states")

    def __init__(self, sources: Iterable[States | None], limit: int = _REMEMBERED) -> None:
        """About *limit* answers are remembered."""
        self._limit = limit
        self._answers: dict[K, V] | None = None
        self._next_look = 0.0
        self._seen: list[object] = []
        self._states: States | None = ()
        for states in sources:
            if states is None or self._states is None:
                self._states = None
            else:
                self._states += states

    def answers(self) -> dict[K, V] | None:
        """Return what is remembered and still holds; None: nothing may be remembered now.

        What is found out next may be put into it, even if a table changes meanwhile: it is thrown
        away then.
        """
        if monotonic() >= self._next_look:
            self._look()
        return self._answers

    def _look(self) -> None:
        self._next_look = monotonic() + LOOK_AGAIN_S
        if self._states is None:
            return
        try:
            seen = [state() for state in self._states]
        except MapUnavailable:
            seen = [None]
        if None in seen:
            self._answers = None
        elif self._answers is None or seen != self._seen or len(self._answers) >= self._limit:
            self._answers = {}
        self._seen = seen


def is_memorable(key: str) -> bool:
    """Return whether what is found out of a key may be remembered.

    Of what is not UTF-8 each lookup warns.
    """
    return len(key) <= _LONGEST_KEY and (key.isascii() or is_utf8(key))
