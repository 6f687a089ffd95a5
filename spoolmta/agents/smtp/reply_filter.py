"""What main.cf makes of a server's replies: a table that sees each line, before anybody else does.

Postfix:    postconf(5) smtp_reply_filter
Parameters: smtp_reply_filter, lmtp_reply_filter
Limits:     a line longer than LONGEST_LINE is not looked up
"""

from spoolmta.maps.lookup import Maps

LONGEST_LINE = 2048


class ReplyFilter:
    """The filter of one conversation: it keeps the beginning of a line whose end is not there."""

    __slots__ = ("_maps", "_rest")

    def __init__(self, maps: Maps) -> None:
        self._maps = maps
        self._rest = b""

    @property
    def is_empty(self) -> bool:
        """True if no line has begun."""
        return not self._rest

    async def rewrite(self, data: bytes) -> bytes:
        """Return the lines that have come to their end with *data*, as they count.

        Raises MapUnavailable: nobody knows what the server is to mean.
        """
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest, too_long = (b"", rest) if len(rest) > LONGEST_LINE else (rest, b"")
        return b"".join([await self._line(line) for line in lines]) + too_long

    async def _line(self, line: bytes) -> bytes:
        text = line.rstrip(b"\r").decode("utf-8", "surrogateescape")
        found = await self._maps.lookup(text) if len(text) <= LONGEST_LINE else None
        if found is None:
            return line + b"\n"
        return found.encode("utf-8", "surrogateescape") + b"\r\n"
