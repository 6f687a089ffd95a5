"""A receiver that keeps every session waiting until the test answers it.

    with Gate() as gate:
        wait_for(lambda: gate.open == 5, 30, "five sessions")
        gate.answer("s")

An "s" greets the session that waits longest and takes its message, an "f" drops it: to the sender
the destination as a whole has failed.
"""

import queue
import threading
from typing import Self

from tests.support.scripted_server import DROP, ScriptedServer

ANSWERS = {"s": "220 mx.test.example ESMTP", "f": DROP, "4": "421 4.7.0 slow down, please"}


class Gate:
    """The receiver; use as a context manager."""

    def __init__(self) -> None:
        self._waiting: list[queue.Queue[str]] = []
        self._lock = threading.Lock()
        self._is_open = False
        self.server = ScriptedServer({"CONNECT": self._wait})

    def __enter__(self) -> Self:
        """Listen."""
        self.server.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        """Answer all that wait, and all that still come."""
        with self._lock:
            self._is_open = True
            for answer in self._waiting:
                answer.put("s")
        self.server.__exit__(*exception)

    @property
    def open(self) -> int:
        """How many sessions wait."""
        return len(self._waiting)

    def answer(self, kind: str) -> None:
        """Answer the session that waits longest."""
        with self._lock:
            self._waiting.pop(0).put(kind)

    def _wait(self, _: ScriptedServer) -> str:
        answer: queue.Queue[str] = queue.Queue()
        with self._lock:
            if self._is_open:
                return ANSWERS["s"]
            self._waiting.append(answer)
        return ANSWERS[answer.get()]
