"""Where log lines go: a file, standard output or error, the syslog socket.

A target takes whole lines and never raises: it returns what it could not write, and the log
keeps that for a while. Nothing here waits for a reader.

RFC:        3164 (syslog datagrams)
Writes:     maillog_file, file descriptor 1 or 2, /dev/log
"""

import contextlib
import os
import select
import socket
from pathlib import Path
from typing import Protocol

SYSLOG_SOCKET = "/dev/log"

_PIPE_BUFFER = 4096


class Target(Protocol):
    """A place for log lines."""

    framed: bool
    """True if a line carries the time and the host; False if syslog adds what is missing."""
    joined: bool
    """True if all lines that wait are written as one."""

    def write(self, lines: list[bytes]) -> list[bytes]:
        """Write *lines*, each with its line end, and return the ones that could not be written."""
        ...

    def close(self) -> None:
        """Give the file or socket back."""
        ...


class FileTarget:
    """A log file, appended to; each write is one write(2), so that processes may share it."""

    framed = True
    joined = True

    def __init__(self, path: Path, permissions: int) -> None:
        self._path = path
        self._permissions = permissions
        self._descriptor = -1
        self.open()

    def open(self) -> bool:
        """Open the file, anew if it was open; return whether that went well."""
        self.close()
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        with contextlib.suppress(OSError):
            self._descriptor = os.open(self._path, flags, self._permissions)
        return self._descriptor >= 0

    def write(self, lines: list[bytes]) -> list[bytes]:
        """Write all lines at once; after a failure the file is opened afresh next time."""
        if self._descriptor < 0 and not self.open():
            return lines
        data = b"".join(lines)
        try:
            written = os.write(self._descriptor, data)
        except OSError:
            self.close()
            return lines
        return [] if written == len(data) else [data[written:]]

    def close(self) -> None:
        """Close the file; the next write opens it again."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1


class StreamTarget:
    """Standard output or error: a terminal, a file, or a pipe whose reader may have stalled."""

    framed = True
    joined = False

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)

    def write(self, lines: list[bytes]) -> list[bytes]:
        """Write whole lines in pieces that a pipe takes without waiting, as long as it takes any.

        A piece of at most PIPE_BUF bytes is written at once or not at all, also between processes.
        """
        done = 0
        while done < len(lines):
            piece, count = _piece(lines, done)
            if not self._takes_more():
                break
            try:
                os.write(self._descriptor, piece)
            except OSError:
                break
            done += count
        return lines[done:]

    def close(self) -> None:
        """Leave the descriptor open: it belongs to the whole process."""

    def _takes_more(self) -> bool:
        return any(events & select.POLLOUT for _, events in self._poll.poll(0))


class SyslogTarget:
    """The local syslog daemon: one datagram per line."""

    framed = False
    joined = False

    def __init__(self, path: str = SYSLOG_SOCKET) -> None:
        self._path = path
        self._socket: socket.socket | None = None

    def write(self, lines: list[bytes]) -> list[bytes]:
        """Send a datagram per line; stop at the first that the daemon does not take now."""
        for index, line in enumerate(lines):
            if not self._send(line.rstrip(b"\n")):
                return lines[index:]
        return []

    def close(self) -> None:
        """Close the socket; the next write opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, datagram: bytes) -> bool:
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
                self._socket.connect(self._path)
            self._socket.send(datagram)
        except BlockingIOError:
            return False
        except OSError:
            self.close()
            return False
        return True


class NoTarget:
    """Nowhere: a command that nobody told where to log."""

    framed = True
    joined = True

    def write(self, lines: list[bytes]) -> list[bytes]:
        """Drop the lines."""
        del lines
        return []

    def close(self) -> None:
        """Nothing is open."""


def _piece(lines: list[bytes], start: int) -> tuple[bytes, int]:
    """Return as many lines as fit into a pipe's atomic write, at least one, and their number."""
    size = 0
    end = start
    while end < len(lines) and (end == start or size + len(lines[end]) <= _PIPE_BUFFER):
        size += len(lines[end])
        end += 1
    return b"".join(lines[start:end]), end - start
