"""A server behind a table, as a test tells it: what it answers to each question, in their order.

It runs in threads of its own, so that any event loop, and any other process, can talk to it. An
answer is bytes, or a list of steps: bytes to send, seconds to wait, a number of questions that must
have come before it goes on, CLOSE. The last answer counts for all questions that follow.
"""

import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

CLOSE = None


@dataclass(frozen=True)
class Questions:
    """A step: so many questions must have come."""

    number: int


Answer = bytes | Sequence[bytes | float | Questions | None]


def netstring(data: bytes) -> bytes:
    """Return *data* as a netstring."""
    return b"%d:%b," % (len(data), data)


class ScriptedLookups:
    """Such a server; use as a context manager. *questions* and *connections* are what it saw."""

    def __init__(self, *answers: Answer, path: str = "") -> None:
        self.questions: list[bytes] = []
        self.connections = 0
        self._answers = answers
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        if path:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(path)
            self._listener.listen()
        else:
            self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = 0 if path else int(self._listener.getsockname()[1])

    @property
    def tcp(self) -> str:
        """The table of the type tcp that this server is behind."""
        return f"tcp:127.0.0.1:{self.port}"

    @property
    def socketmap(self) -> str:
        """The table "name" of the type socketmap that this server is behind."""
        return f"socketmap:inet:127.0.0.1:{self.port}:name"

    def hang_up(self) -> None:
        """Close every connection."""
        with self._lock:
            connections, self._open = self._open, []
        for connection in connections:
            _shut(connection)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        _shut(self._listener)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join()

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.append(connection)
            if self._stop.is_set():
                _shut(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while question := connection.recv(1 << 17):
                    with self._lock:
                        number = len(self.questions)
                        self.questions.append(question)
                    if not self._answer(connection, number):
                        return
            except OSError:
                return

    def _answer(self, connection: socket.socket, number: int) -> bool:
        answer = self._answers[min(number, len(self._answers) - 1)]
        for step in [answer] if isinstance(answer, bytes) else answer:
            if step is CLOSE:
                return False
            if isinstance(step, bytes):
                connection.sendall(step)
            elif isinstance(step, Questions):
                while len(self.questions) < step.number and not self._stop.wait(0.01):
                    pass
            else:
                self._stop.wait(step)
        return True


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        connection.close()
