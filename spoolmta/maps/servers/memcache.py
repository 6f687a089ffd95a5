"""memcache: the value that a memcached server keeps; behind it, a table that is slower to ask.

What "backup" knows is stored at the server for the next time.

Postfix: memcache_table(5)
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from spoolmta.errors import ConfigError, MapUnavailable
from spoolmta.maps.keys import USUAL, KeyRules
from spoolmta.maps.lookup import PROBLEMS, Map
from spoolmta.maps.servers.client_cf import ClientParameters
from spoolmta.maps.servers.query import Key, TableQuery, unquoted
from spoolmta.maps.servers.server_pool import (
    QueryRefused,
    ServerLost,
    Servers,
    ServerSilent,
    connect_stream,
    shared_pool,
)
from spoolmta.maps.watched import WatchedMap
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

    def __init__(
        self, argument: str, open_map: Callable[[str], Map], rules: KeyRules = USUAL
    ) -> None:
        """Raises ConfigError: a parameter or the backup table cannot be understood."""
        parameters = ClientParameters("memcache", argument)
        self.name = parameters.name
        key_format = parameters.required("key_format", "%s")
        self._query = TableQuery(
            parameters, {"key_format": key_format}, "%s", open_map, fold_key=rules.fold
        )
        self._ttl = parameters.number("ttl", 3600, minimum=1)
        self._flags = parameters.number("flags", 0, minimum=0)
        self.backup = parameters.text("backup")
        self._backup = open_map(self.backup) if self.backup else None
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
        stored_as = self._stored_as(parts)
        if stored_as is None:
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

    async def takes(self, key: str) -> bool:
        """Return whether the table is for this key.

        Raises MapUnavailable: a table of "domain" gave no answer.
        """
        return await self._query.accept(key) is not None

    async def delete(self, key: str) -> bool:
        """Remove a key from the server, not from *backup*; return whether it was there.

        With a backup, a server that fails is told of, no more: what it keeps will expire.
        Raises MapUnavailable: the server gave no answer.
        """
        parts = await self._query.accept(key)
        stored_as = None if parts is None else self._stored_as(parts)
        if stored_as is None:
            return False
        try:
            return await self._pool.ask(lambda session: session.delete(stored_as))
        except MapUnavailable as error:
            if not self.backup:
                raise MapUnavailable(f"table {self.name}: delete error: {error}") from error
            PROBLEMS.warning("%s: %s", self.name, error)
            return False

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield all keys of the backup with their values: a server does not list its own."""
        if self._backup is None:
            PROBLEMS.warning("database %s: first/next support requires backup database", self.name)
            return
        backup = self._backup
        items = getattr(
            backup.current() if isinstance(backup, WatchedMap) else backup, "items", None
        )
        if items is None:
            raise ConfigError(f"table {self.backup}: sequence operation is not supported")
        yield from items()

    def _stored_as(self, key: Key) -> bytes | None:
        """Return the name of a key at the server; None if it can have none there."""
        name = self._query.templates[0].expand(key, key, unquoted).encode()
        return None if _NOT_IN_KEY.search(name) or len(name) > _LONGEST_KEY else name

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

    def delete(self, key: bytes) -> bool:
        """Remove a key; return whether it was there."""
        reply = self._command(b"delete " + key + b"\r\n")
        if reply not in (b"DELETED", b"NOT_FOUND"):
            raise QueryRefused(f"not deleted: {reply!r}")
        return reply == b"DELETED"

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
