"""memcache: the value that a memcached server keeps; behind it, a table that is slower to ask.

Postfix: memcache_table(5)
Limits:  lookups alone; what "backup" knows is stored at the server for the next time
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.client_cf import ClientParameters
from spoolmta.maps.lookup import Map
from spoolmta.maps.query import TableQuery, unquoted
from spoolmta.maps.server_pool import (
    QueryRefused,
    ServerLost,
    Servers,
    ServerSilent,
    connect_stream,
    shared_pool,
)
from spoolmta.net.endpoint import parse_endpoint

_DEFAULT_SERVER = "inet:localhost:11211"
_DEFAULT_PORT = "11211"
# White space would end the key in the protocol, and 250 bytes are all that a key may have.
_NOT_IN_KEY = re.compile(rb"[\x00-\x20\x7f]")
_LONGEST_KEY = 250
# Who has many questions waits once for a server that gives no answer, and not for each.
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class _Limits:
    """How long a server may take, and how much it may say."""

    data_size: int
    line_size: int
    timeout: int


class MemcacheMap:
    """memcache:FILE.cf or memcache:NAME."""

    fixed = False

    def __init__(self, argument: str, open_map: Callable[[str], Map]) -> None:
        """Raises ConfigError: a parameter or the backup table cannot be understood."""
        parameters = ClientParameters("memcache", argument)
        self.name = parameters.name
        key_format = parameters.required("key_format", "%s")
        self._query = TableQuery(parameters, {"key_format": key_format}, "%s", open_map)
        self._ttl = parameters.number("ttl", 3600, minimum=1)
        self._flags = parameters.number("flags", 0, minimum=0)
        backup = parameters.text("backup")
        self._backup = open_map(backup) if backup else None
        limits = _Limits(
            data_size=parameters.number("data_size_limit", 10240, minimum=1),
            line_size=parameters.number("line_size_limit", 1024, minimum=1),
            timeout=parameters.number("timeout", 2, minimum=1),
        )
        server = parameters.text("memcache", _DEFAULT_SERVER)
        address = _address(server, parameters)
        self._pool = shared_pool(
            ("memcache", address, limits),
            lambda: Servers([server], lambda _: _Session(address, limits), retry_interval=_PAUSE_S),
        )

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        parts = await self._query.accept(key)
        if parts is None:
            return None
        stored_as = self._query.templates[0].expand(parts, parts, unquoted).encode()
        if _NOT_IN_KEY.search(stored_as) or len(stored_as) > _LONGEST_KEY:
            return None if self._backup is None else await self._backup.lookup(parts.full)
        if self._backup is None:
            return await self._get(stored_as)
        # A cache that is out of order is no reason not to ask what is behind it.
        with suppress(MapUnavailable):
            value = await self._get(stored_as)
            if value is not None:
                return value
        value = await self._backup.lookup(parts.full)
        if value:
            with suppress(MapUnavailable):
                await self._set(stored_as, value.encode("utf-8", "surrogateescape"))
        return value

    async def _get(self, key: bytes) -> str | None:
        try:
            value = await self._pool.ask(lambda session: session.get(key))
        except MapUnavailable as error:
            raise MapUnavailable(f"{self.name}: {error}") from error
        return value.decode("utf-8", "surrogateescape") if value else None

    async def _set(self, key: bytes, value: bytes) -> None:
        command = b"set %b %d %d %d\r\n%b\r\n" % (key, self._flags, self._ttl, len(value), value)
        await self._pool.ask(lambda session: session.set(command))


class _Session:
    """One connection, speaking memcached's text protocol."""

    def __init__(self, address: str | tuple[str, int], limits: _Limits) -> None:
        self._limits = limits
        try:
            self._socket = connect_stream(address, limits.timeout)
        except OSError as error:
            raise ServerLost(f"cannot connect: {error}") from error
        self._stream = self._socket.makefile("rb")

    def get(self, key: bytes) -> bytes | None:
        """Return a key's value, None if there is none."""
        reply = self._command(b"get " + key + b"\r\n")
        if reply == b"END":
            return None
        words = reply.split(b" ")
        if len(words) < 4 or words[:2] != [b"VALUE", key] or not words[3].isdigit():
            raise ServerLost(f"unexpected reply: {reply!r}")
        size = int(words[3])
        if size > self._limits.data_size:
            raise ServerLost(f"a value of {size} bytes; data_size_limit = {self._limits.data_size}")
        value = self._read(size + 2)
        if value[-2:] != b"\r\n" or self._line() != b"END":
            raise ServerLost("unexpected reply: a value that does not end")
        return value[:-2]

    def set(self, command: bytes) -> None:
        """Say a "set" command."""
        reply = self._command(command)
        if reply != b"STORED":
            raise QueryRefused(f"not stored: {reply!r}")

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def _command(self, command: bytes) -> bytes:
        try:
            self._socket.sendall(command)
        except OSError as error:
            raise ServerLost(str(error)) from error
        return self._line()

    def _line(self) -> bytes:
        try:
            line = self._stream.readline(self._limits.line_size)
        except TimeoutError as error:
            raise ServerSilent(f"no answer within {self._limits.timeout} s") from error
        except OSError as error:
            raise ServerLost(str(error)) from error
        if not line.endswith(b"\r\n"):
            raise ServerLost("the connection was closed" if not line else f"bad reply: {line!r}")
        return line[:-2]

    def _read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)
        except TimeoutError as error:
            raise ServerSilent(f"no answer within {self._limits.timeout} s") from error
        except OSError as error:
            raise ServerLost(str(error)) from error


def _address(server: str, parameters: ClientParameters) -> str | tuple[str, int]:
    try:
        endpoint = parse_endpoint(server, default_service=_DEFAULT_PORT)
    except ConfigError as error:
        raise parameters.error("memcache", str(error), "inet:host:port or unix:path") from error
    return endpoint.path or (endpoint.host, endpoint.port)
