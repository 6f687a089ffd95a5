"""One connection to a peer, with a time limit for each operation.

A thin layer over an event loop's transport: what has arrived is handed out at once and whole, a
wait costs one future and never a task, and one timer serves all time limits of the connection: it
is set again only when it goes off too early. OSError becomes ConnectError, PeerTimeout and
ConnectionLost here and nowhere else. What arrived before a connection was lost can still be read.

Must not:   know what the bytes mean
Limits:     one reader and one writer at a time
"""

import asyncio
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from spoolmta.errors import ConnectError, ConnectionLost, NetworkError, PeerTimeout
from spoolmta.net.endpoint import Endpoint

_MOST_UNREAD_BYTES = 1 << 18
_EARLY_S = 0.005
_CLOSED = "connection closed"
_TIMED_OUT = "Connection timed out"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect to: an *address* and *port*, or the *path* of a unix-domain socket.

    *source* is the own address to connect from, "" for any.
    """

    address: str = ""
    port: int = 0
    path: str = ""
    source: str = ""


async def connect(target: Target, *, timeout_s: float) -> "Stream":
    """Return a stream to *target*; *timeout_s* 0 leaves the time limit to the system.

    Raises ConnectError: nobody answers there; the text is the system's ("Connection refused").
    """
    family = socket.AF_UNIX if target.path else socket.AF_INET
    if ":" in target.address:
        family = socket.AF_INET6
    try:
        connection = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise ConnectError(_reason(error)) from error
    try:
        return await _connected(connection, target, timeout_s)
    except BaseException:
        connection.close()
        raise


async def connect_endpoint(endpoint: Endpoint, *, timeout_s: float) -> "Stream":
    """Return a stream to a server that the configuration names.

    Its host is looked up as the system does it, and its addresses are tried in their order.

    Raises ConnectError: the host is not known, or nobody answers at any address.
    """
    if endpoint.is_unix:
        return await connect(Target(path=endpoint.path), timeout_s=timeout_s)
    failure = ConnectError(_TIMED_OUT)
    try:
        async with asyncio.timeout(timeout_s or None):
            for address in await _addresses(endpoint.host, endpoint.port):
                try:
                    return await connect(address, timeout_s=0)
                except ConnectError as error:
                    failure = error
    except TimeoutError:
        pass
    raise failure


async def _addresses(host: str, port: int) -> list[Target]:
    """Return where a host of the configuration is. Raises ConnectError: it is not known."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConnectError(f"host or service {host}:{port} not found: {reason}") from error
    return [Target(str(address[0]), port) for *_, address in found]


def bind_problem(source: str) -> str:
    """Return why no connection can be made from the own address *source*, "" if one can."""
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((source, 0))
    except OSError as error:
        return _reason(error)
    return ""


async def _connected(connection: socket.socket, target: Target, timeout_s: float) -> "Stream":
    loop = asyncio.get_running_loop()
    try:
        connection.setblocking(False)
        if target.source:
            connection.bind((target.source, 0))
        where = target.path or (target.address, target.port)
        async with asyncio.timeout(timeout_s or None):
            await loop.sock_connect(connection, where)
        _, stream = await loop.create_connection(Stream, sock=connection)
    except TimeoutError as error:
        raise ConnectError(_TIMED_OUT if error.errno is None else _reason(error)) from error
    except (OSError, ValueError) as error:
        raise ConnectError(_reason(error)) from error
    return stream


class Stream(asyncio.Protocol):
    """A connection: read, write, drain, close."""

    __slots__ = (
        "_alarm_at",
        "_arrived",
        "_arrived_bytes",
        "_deadline",
        "_failure",
        "_loop",
        "_paused",
        "_reader",
        "_timer",
        "_transport",
        "_writer",
    )

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._arrived: list[bytes] = []
        self._arrived_bytes = 0
        self._failure: NetworkError | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._paused = False
        self._deadline = 0.0
        self._alarm_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_usable(self) -> bool:
        """True if the peer is still there and has sent nothing that was not read."""
        return self._failure is None and not self._arrived

    @property
    def is_lost(self) -> bool:
        """True if the connection is gone."""
        return self._failure is not None

    @property
    def source(self) -> str:
        """The own address of the connection, "" for a unix-domain socket."""
        name = self._transport.get_extra_info("sockname") if self._transport else None
        return str(name[0]) if isinstance(name, tuple) else ""

    async def read(self, timeout_s: float) -> bytes:
        """Return what has arrived, at least one byte.

        Raises PeerTimeout, ConnectionLost: the caller gives the conversation up.
        """
        if not self._arrived:
            if self._failure is not None:
                raise self._failure
            self._reader = self._loop.create_future()
            self._set_alarm(timeout_s)
            try:
                await self._reader
            finally:
                self._reader = None
        data = self._arrived.pop() if len(self._arrived) == 1 else b"".join(self._arrived)
        self._arrived.clear()
        if self._arrived_bytes > _MOST_UNREAD_BYTES and self._transport is not None:
            self._transport.resume_reading()
        self._arrived_bytes = 0
        return data

    def unread(self, data: bytes) -> None:
        """Put *data* back: the next read returns it first."""
        if data:
            self._arrived.insert(0, data)

    async def read_line(self, timeout_s: float, *, limit: int) -> bytes:
        """Return the next line with its line feed.

        Raises PeerTimeout, ConnectionLost: as read; also if no line ends within *limit* bytes.
        """
        line = await self.read(timeout_s)
        while (end := line.find(b"\n", 0, limit)) < 0:
            if len(line) >= limit:
                raise ConnectionLost(f"line longer than {limit} bytes")
            line += await self.read(timeout_s)
        self.unread(line[end + 1 :])
        return line[: end + 1]

    async def read_exactly(self, size: int, timeout_s: float) -> bytes:
        """Return *size* bytes.

        Raises PeerTimeout, ConnectionLost: as read.
        """
        data = b""
        while len(data) < size:
            data += await self.read(timeout_s)
        self.unread(data[size:])
        return data[:size]

    def write(self, data: bytes) -> None:
        """Send *data*; if the connection is lost, the next read or drain tells."""
        if self._transport is not None:
            self._transport.write(data)

    def write_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send *pieces* one after the other, without copying them together."""
        if self._transport is not None:
            self._transport.writelines(pieces)

    async def drain(self, timeout_s: float) -> None:
        """Wait until the peer has taken enough of what was written; it then returns at once.

        Raises PeerTimeout, ConnectionLost: the caller gives the conversation up.
        """
        if self._paused:
            self._writer = self._loop.create_future()
            self._set_alarm(timeout_s)
            try:
                await self._writer
            finally:
                self._writer = None
        if self._transport is None or self._transport.is_closing():
            # A failed write closes at once, and tells why in the next turn of the loop.
            await asyncio.sleep(0)
            raise self._failure or ConnectionLost(_CLOSED)

    def close(self) -> None:
        """Close after what was written has been sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what was not sent yet is dropped."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._arrived.append(data)
        before = self._arrived_bytes
        self._arrived_bytes = before + len(data)
        if before <= _MOST_UNREAD_BYTES < self._arrived_bytes and self._transport is not None:
            self._transport.pause_reading()
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._failure = ConnectionLost(_reason(exc) if exc else _CLOSED)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._fail_waiters(self._failure)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._paused = True

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._paused = False
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    def _set_alarm(self, timeout_s: float) -> None:
        self._deadline = self._loop.time() + timeout_s
        if self._timer is not None:
            if self._alarm_at <= self._deadline:
                return
            self._timer.cancel()
        self._alarm_at = self._deadline
        self._timer = self._loop.call_at(self._deadline, self._alarm)

    def _alarm(self) -> None:
        self._timer = None
        if self._reader is None and self._writer is None:
            return
        if self._loop.time() < self._deadline - _EARLY_S:
            self._alarm_at = self._deadline
            self._timer = self._loop.call_at(self._deadline, self._alarm)
            return
        self._fail_waiters(PeerTimeout(_TIMED_OUT))

    def _fail_waiters(self, failure: NetworkError) -> None:
        for waiter in (self._reader, self._writer):
            if waiter is not None and not waiter.done():
                waiter.set_exception(failure)


def _reason(error: BaseException) -> str:
    """Return the system's words for an error, without Python's decoration."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if isinstance(number, int) else str(error)
