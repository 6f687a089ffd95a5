"""socketmap:inet:host:port:name, socketmap:unix:path:name: Sendmail's socket map.

A question "name key" and its answer are netstrings. All names of a server share its connections.

Postfix: socketmap_table(5)
Limits:  a reply of 100000 bytes, 100 seconds for a lookup, 16 lookups at a time with one server;
         a connection is closed when nobody has used it for 10 seconds, or it is 100 seconds old
"""

from spoolmta.errors import ConfigError, MapUnavailable, NetworkError
from spoolmta.maps.servers.lookup_server import POSTFIX_LIMITS, Limits, failure, shared_server
from spoolmta.net.endpoint import Endpoint, parse_endpoint
from spoolmta.net.stream import Stream

_MOST_REPLY_BYTES = 100_000
_MOST_DIGITS = 20
_FOUND, _NOT_FOUND = b"OK", b"NOTFOUND"
_ERRORS = {b"TEMP": "temporary", b"TIMEOUT": "timeout", b"PERM": "permanent"}


class SocketMap:
    """One such table."""

    fixed = True

    def __init__(self, argument: str, limits: Limits = POSTFIX_LIMITS) -> None:
        """Raises ConfigError: *argument* names no server and table; the process does not start."""
        self.name = "socketmap:" + argument
        endpoint, name = _parse(argument)
        self._prefix = name.encode("utf-8", "surrogateescape") + b" "
        self._server = shared_server(endpoint, limits)

    async def lookup(self, key: str) -> str | None:
        """See Map. A key that is not UTF-8 is in no table."""
        try:
            question = self._prefix + key.encode()
        except UnicodeEncodeError:
            return None
        try:
            reply = await self._server.ask(b"%d:%b," % (len(question), question), self._read_reply)
        except NetworkError as error:
            raise MapUnavailable(failure(self.name, error)) from error
        status, blank, data = reply.partition(b"\0")[0].partition(b" ")
        if status == _NOT_FOUND or (status == _FOUND and not blank):
            return None
        if status != _FOUND:
            raise MapUnavailable(self._error(status, data))
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise MapUnavailable(f'{self.name}: key "{key}": the value is not UTF-8') from None

    def _error(self, status: bytes, reason: bytes) -> str:
        kind = _ERRORS.get(status, "unknown")
        colon = ": " if reason else ""
        shown = reason.decode("utf-8", "replace")[:200]
        return f"{self.name} socketmap server {kind} error{colon}{shown}"

    async def _read_reply(self, stream: Stream, timeout_s: float) -> bytes:
        """Return what is in the next netstring. Raises MapUnavailable: it is none, or too long."""
        arrived = await stream.read(timeout_s)
        while (colon := arrived.find(b":")) < 0 and _is_size(arrived):
            arrived += await stream.read(timeout_s)
        digits = arrived[: max(colon, 0)]
        if colon < 0 or not _is_size(digits):
            raise self._malformed("input format error")
        size = int(digits or b"0")
        if size > _MOST_REPLY_BYTES:
            raise self._malformed("input exceeds size limit")
        stream.unread(arrived[colon + 1 :])
        data = await stream.read_exactly(size + 1, timeout_s)
        if data[-1:] != b",":
            raise self._malformed("input format error")
        return data[:-1]

    def _malformed(self, reason: str) -> MapUnavailable:
        return MapUnavailable(f"table {self.name} lookup error: {reason}")


def _is_size(digits: bytes) -> bool:
    """Tell whether *digits* can be, or begin, the size of a netstring; bytes.isdigit is ASCII's."""
    return not digits or (len(digits) <= _MOST_DIGITS and digits.isdigit())


def _parse(argument: str) -> tuple[Endpoint, str]:
    server, _, name = argument.rpartition(":")
    try:
        if server.partition(":")[0] not in ("inet", "unix"):
            raise ConfigError("no server")
        return parse_endpoint(server), name
    except ConfigError as error:
        raise ConfigError(
            f"socketmap:{argument}: {error}; "
            "expected socketmap:inet:host:port:name or socketmap:unix:path:name"
        ) from None
