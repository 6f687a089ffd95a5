"""An SMTP or LMTP server of a test: a real socket, and answers as told.

It runs in threads of its own, so that any event loop, and any other process, can talk to it:

    with ScriptedServer({"RCPT TO:<bob@": "550 5.1.1 no such user"}) as server:
        ...
    assert server.messages[0].recipients == ["alice@example.com"]

Without a script it takes every message. The script's keys are what a command line starts with
(letter case counts for nothing, the longest key wins), and three events: "CONNECT", "." (the end of
data) and "CONTENT" (the first bytes after 354). A value is a reply (lines joined by "\\n"), DROP,
RESET, SILENT, a function of the server that returns one of these, or a list of them: one each
time, the last one from then on.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

DROP = "(close the connection)"
RESET = "(reset the connection)"
SILENT = "(say nothing)"

HOST = "127.0.0.1"
CAPABILITIES = ("PIPELINING", "SIZE 10240000", "8BITMIME", "ENHANCEDSTATUSCODES", "DSN", "SMTPUTF8")

Step = str | Callable[["ScriptedServer"], str]
Script = Mapping[str, Step | Sequence[Step]]


@dataclass
class Message:
    """A message that was taken: *content* is without dot-stuffing."""

    sender: str
    recipients: list[str]
    content: bytes
    connection: int


@dataclass
class Behaviour:
    """What a server offers and where it listens; *path* makes it a unix-domain one."""

    capabilities: Sequence[str] = CAPABILITIES
    greeting: str = "220 mx.test.example ESMTP"
    name: str = "mx.test.example"
    lmtp: bool = False
    path: Path | None = None
    address: tuple[str, int] = (HOST, 0)


class ScriptedServer:
    """A server; use as a context manager. *messages* and *commands* are what it saw."""

    def __init__(self, script: Script | None = None, behaviour: Behaviour | None = None) -> None:
        self.behaviour = behaviour or Behaviour()
        self.messages: list[Message] = []
        self.commands: list[str] = []
        self.connections = 0
        self._script = {key.upper(): value for key, value in (script or {}).items()}
        self._uses: dict[str, int] = {}
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = self._listen()
        self.port = 0 if self.behaviour.path else int(self._listener.getsockname()[1])
        self._threads: list[threading.Thread] = []
        self._closing = False

    def verbs(self) -> list[str]:
        """Return the first word of each command, in order."""
        return [command.split(" ")[0].split(":")[0].upper() for command in self.commands]

    def has_come_to(self, key: str) -> bool:
        """Tell whether the script was asked yet what to say to what *key* stands for in it."""
        return key.upper() in self._uses

    def hang_up(self) -> None:
        """Close every open connection now."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            _shut(connection)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        self._closing = True
        _shut(self._listener)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join()

    def next_step(self, event: str) -> str | None:
        """Return what the script says to a command or event, None if nothing."""
        with self._lock:
            keys = [key for key in self._script if event.upper().startswith(key)]
            if not keys:
                return None
            key = max(keys, key=len)
            value = self._script[key]
            use = self._uses.get(key, 0)
            self._uses[key] = use + 1
        if not isinstance(value, str) and isinstance(value, Sequence):
            value = value[min(use, len(value) - 1)]
        return value(self) if callable(value) else value

    def _listen(self) -> socket.socket:
        path = self.behaviour.path
        if path is None:
            return socket.create_server(self.behaviour.address)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        return listener

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
                number = self.connections
                self._open.add(connection)
            if self._closing:
                _shut(connection)
            self._start(self._serve, connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                _Conversation(self, connection, number).run(stream)
        except (OSError, ValueError, _ClosedError):
            pass
        finally:
            with self._lock:
                self._open.discard(connection)


class _ClosedError(Exception):
    """The script said to end the connection."""


@dataclass
class _Conversation:
    server: ScriptedServer
    connection: socket.socket
    number: int
    sender: str = ""
    recipients: list[str] = field(default_factory=list)

    def run(self, stream: Iterable[bytes]) -> None:
        self.answer("CONNECT", self.server.behaviour.greeting)
        for raw in stream:
            line = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
            with self.server._lock:
                self.server.commands.append(line)
            verb = line.split(" ")[0].split(":")[0].upper()
            if verb == "QUIT":
                self.answer(line, "221 2.0.0 Bye")
                return
            reply = self.answer(line, self.usual_reply(verb, line))
            self.follow(verb, line, reply, stream)

    def usual_reply(self, verb: str, line: str) -> str:
        behaviour = self.server.behaviour
        if verb in ("EHLO", "LHLO"):
            if (verb == "LHLO") != behaviour.lmtp:
                return "500 5.5.1 not this protocol"
            lines = [behaviour.name, *behaviour.capabilities]
            marks = ["-"] * (len(lines) - 1) + [" "]
            return "\n".join(f"250{mark}{text}" for mark, text in zip(marks, lines, strict=True))
        if verb == "DATA":
            return "354 go ahead" if self.recipients else "554 5.5.1 no valid recipients"
        if verb in ("HELO", "MAIL", "RCPT", "RSET", "NOOP"):
            return "250 2.1.0 Ok"
        return "502 5.5.2 command not recognized"

    def follow(self, verb: str, line: str, reply: str, stream: Iterable[bytes]) -> None:
        if verb == "DATA" and reply.startswith("3"):
            self.take_data(stream)
        elif not reply.startswith("2"):
            return
        elif verb == "MAIL":
            self.sender, self.recipients = _address(line), []
        elif verb == "RCPT":
            self.recipients.append(_address(line))
        elif verb in ("RSET", "EHLO", "HELO", "LHLO"):
            self.recipients = []

    def take_data(self, stream: Iterable[bytes]) -> None:
        if self.server.next_step("CONTENT") in (DROP, RESET):
            self.end(DROP)
        lines = []
        for raw in stream:
            if raw == b".\r\n":
                break
            lines.append(raw[1:] if raw.startswith(b".") else raw)
        else:
            raise _ClosedError
        taken = Message(self.sender, self.recipients, b"".join(lines), self.number)
        count = len(self.recipients) if self.server.behaviour.lmtp else 1
        replies = [self.answer(".", "250 2.0.0 Ok: queued as TEST") for _ in range(count)]
        if any(reply.startswith("2") for reply in replies):
            with self.server._lock:
                self.server.messages.append(taken)
        self.recipients = []

    def answer(self, event: str, usual: str) -> str:
        step = self.server.next_step(event)
        reply = usual if step is None else step
        self.end(reply)
        if reply != SILENT:
            self.connection.sendall(reply.replace("\n", "\r\n").encode() + b"\r\n")
        return reply

    def end(self, step: str) -> None:
        if step == RESET:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if step in (DROP, RESET):
            raise _ClosedError


def _address(line: str) -> str:
    return line.partition("<")[2].partition(">")[0]


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        connection.close()
