"""tcp:host:port: a table behind a server that takes "get KEY" and answers with a code and a text.

Postfix: tcp_table(5)
Limits:  a reply of 4096 bytes with its line feed, 100 seconds for a lookup, 16 lookups at a time
"""

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

from spoolmta.errors import ConfigError, MapUnavailable, NetworkError
from spoolmta.maps.servers.lookup_server import POSTFIX_LIMITS, Limits, failure, shared_server
from spoolmta.net.endpoint import Endpoint, port_number, split_host_service
from spoolmta.net.stream import Stream

_MOST_REPLY_BYTES = 4096
_REPLY = re.compile(rb"([245])[0-9]{2}[ \t\v\f\r]((?:[^%]|%[0-9A-Fa-f]{2})*)\n")
# Every printing character but "%" stands for itself.
_UNQUOTED = bytes(set(range(0x21, 0x7F)) - {ord("%")})


class TcpMap:
    """One such table."""

    fixed = True

    def __init__(self, argument: str, limits: Limits = POSTFIX_LIMITS) -> None:
        """Raises ConfigError: *argument* is no host:port; the process does not start."""
        self.name = "tcp:" + argument
        self._server = shared_server(_endpoint(argument), limits)

    async def lookup(self, key: str) -> str | None:
        """See Map. A key that is not UTF-8 is in no table."""
        try:
            quoted = quote_from_bytes(key.encode(), _UNQUOTED)
        except UnicodeEncodeError:
            return None
        try:
            reply = await self._server.ask(f"get {quoted}\n".encode("ascii"), self._read_reply)
        except NetworkError as error:
            raise MapUnavailable(failure(self.name, error)) from error
        code, text = reply[:1], unquote_to_bytes(reply[4:-1]).partition(b"\0")[0]
        if code == b"5":
            return None
        if code == b"4":
            shown = text.decode("utf-8", "replace")
            raise MapUnavailable(f"table {self.name} lookup error: server said {shown[:200]}")
        try:
            return text.decode("utf-8")
        except UnicodeDecodeError:
            raise MapUnavailable(f'{self.name}: key "{key}": the value is not UTF-8') from None

    async def _read_reply(self, stream: Stream, timeout_s: float) -> bytes:
        """Return a well-formed reply. Raises MapUnavailable: it is none."""
        reply = await stream.read_line(timeout_s, limit=_MOST_REPLY_BYTES)
        if _REPLY.fullmatch(reply) is None:
            shown = reply[:100].decode("utf-8", "replace").rstrip("\n")
            raise MapUnavailable(f"table {self.name} lookup error: malformed reply: {shown}")
        return reply


def _endpoint(argument: str) -> Endpoint:
    try:
        host, service, literal = split_host_service(argument)
        return Endpoint(host, port_number(service), literal=literal)
    except ConfigError as error:
        raise ConfigError(f"tcp:{argument}: {error}; expected tcp:host:port") from None
