"""Content as the client's DATA carries it: dots stuffed, lines of bearable length, the end of data.

Content has CRLF line ends (the spool sees to that). What needs no change is passed on as it is,
not copied: one search for "CRLF." and a few jumps from line end to line end tell.

RFC:      5321 4.5.2 (transparency), 4.5.3.1.6 (length of a line)
Postfix:  postconf(5) smtp_line_length_limit
"""

END_OF_DATA = b".\r\n"


class ContentEncoder:
    """Makes content fit for DATA, piece by piece: dots stuffed, lines folded that are too long.

    Content has CRLF line ends. The usual piece, with neither, comes back as it is; dots alone are
    stuffed in one go.
    """

    __slots__ = ("_column", "_held", "_line_limit", "broke_lines")

    def __init__(self, line_limit: int = 0) -> None:
        """*line_limit* is the longest line without its end, in bytes; 0: no limit."""
        self.broke_lines = False
        self._line_limit = line_limit
        self._column = 0
        self._held = b""

    def encode(self, piece: bytes) -> bytes:
        """Return *piece* as it goes over the wire."""
        if self._held:
            piece = self._held + piece
            self._held = b""
        if piece.endswith(b"\r"):
            piece, self._held = piece[:-1], b"\r"
        if not self._is_bearable(piece):
            return self._encode_lines(piece)
        # Without a dot to stuff this is the piece itself, no copy.
        stuffed = piece.replace(b"\r\n.", b"\r\n..")
        if self._column == 0 and piece.startswith(b"."):
            stuffed = b"." + stuffed
        self._column = self._column_after(piece)
        return stuffed

    def finish(self) -> bytes:
        """Return what is left and the end of data."""
        held, self._held = self._held, b""
        ended = self._column == 0 and not held
        return held + (END_OF_DATA if ended else b"\r\n" + END_OF_DATA)

    def _is_bearable(self, piece: bytes) -> bool:
        """Return whether no line is too long; a stuffed dot does not count."""
        if not self._line_limit:
            return True
        # Hops from line end to line end, each the farthest that one line may reach.
        start, window = 0, self._line_limit + 2
        reach = window - self._column
        while len(piece) - start >= reach:
            end = piece.rfind(b"\r\n", start, start + max(reach, 0))
            if end < 0:
                return False
            start, reach = end + 2, window
        return self._column_after(piece) <= self._line_limit

    def _column_after(self, piece: bytes) -> int:
        end = piece.rfind(b"\r\n")
        return self._column + len(piece) if end < 0 else len(piece) - end - 2

    def _encode_lines(self, piece: bytes) -> bytes:
        out: list[bytes] = []
        *lines, rest = piece.split(b"\r\n")
        for line in lines:
            self._encode_line(line, out)
            out.append(b"\r\n")
            self._column = 0
        self._encode_line(rest, out)
        return b"".join(out)

    def _encode_line(self, line: bytes, out: list[bytes]) -> None:
        limit = self._line_limit
        if self._column == 0 and line.startswith(b"."):
            out.append(b".")
        while limit and self._column + len(line) > limit:
            room = limit - self._column
            out += (line[:room], b"\r\n ")
            line = line[room:]
            self._column = 1
            self.broke_lines = True
        out.append(line)
        self._column += len(line)
