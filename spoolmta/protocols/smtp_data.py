"""Message content as it comes in: where it ends, its dots, its line ends.

This is the only place that decides what ends a message: the defence against smuggled messages
lives here alone. The end of data is CRLF . CRLF and nothing else. A line may end in a bare LF,
which is taken as CRLF but is never part of the end of data; a lone dot between such line ends
is dropped. A CR that no LF follows becomes a space.

Decoded content is lines that end in CRLF, without dot-stuffing. The decoders take pieces cut
anywhere and hold back no more than a few bytes; clean content is read twice and not copied.

RFC:      5321 2.3.8 (line ends), 4.1.1.4 (end of data), 4.5.2 (dots); 3030 (BDAT)
Postfix:  smtpd(8), postconf(5) smtpd_forbid_bare_newline=normalize, cleanup_replace_stray_cr_lf
Must not: look at lines one by one
"""

import io
import re

END_OF_DATA = b"\r\n.\r\n"


class DataDecoder:
    """Decodes the content that follows DATA.

    *finished* becomes true at the end of data; *rest* is then what came after it. *bare_newline*
    tells that a line ended in LF alone.
    """

    __slots__ = ("_held", "_written", "bare_newline", "finished", "rest")

    def __init__(self) -> None:
        # Content begins as if after a line end, so that ".CRLF" alone is an empty message.
        self._held = b"\r\n"
        self._written = True
        self.bare_newline = False
        self.finished = False
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes from the wire and return the content that is ready."""
        # What comes after a whole line and is no dot needs nothing of it: no copy is made.
        is_joined = self._held != b"\r\n" or data[:1] in (b"", b".")
        if is_joined:
            data = self._held + data
        # One search tells of the usual piece that no line of it begins with a dot. From behind it
        # takes half the time.
        dot = data.find(b"\r\n.") if data.rfind(b"\r\n.") >= 0 else -1
        end = data.find(END_OF_DATA, dot) if dot >= 0 else -1
        if end >= 0:
            self.finished = True
            self.rest = data[end + len(END_OF_DATA) :]
            data = data[: end + 2]
        skips = is_joined and self._written
        if end < 0:
            data = self._hold_open_end(data)
        content = self._decode(data, has_dots=0 <= dot != end)
        return content[2:] if skips else content

    def _hold_open_end(self, data: bytes) -> bytes:
        """Keep the end of *data* in mind; its line end is nevertheless written now."""
        for end, line_end in _OPEN_ENDS:
            if data.endswith(end):
                self._held = end
                self._written = line_end > 0
                return data[: len(data) - len(end) + line_end]
        self._held = b""
        self._written = False
        return data

    def _decode(self, data: bytes, *, has_dots: bool) -> bytes:
        if not _has_clean_line_ends(data):
            # With the end of data cut off, a lone dot that is left has other line ends around it.
            self.bare_newline = self.bare_newline or data.count(b"\n") != data.count(b"\r\n")
            lines = data.replace(b"\r\n", b"\n").replace(b"\r", b" ")
            return _LEADING_DOT.sub(b"", lines).replace(b"\n", b"\r\n")
        return data.replace(b"\r\n.", b"\r\n") if has_dots else data


class ChunkDecoder:
    """Decodes the content of BDAT chunks, one decoder for all chunks of a message.

    *bare_newline* tells that a line ended in LF alone.
    """

    __slots__ = ("_held", "_in_line", "bare_newline")

    def __init__(self) -> None:
        self._held = b""
        self._in_line = False
        self.bare_newline = False

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes of a chunk and return the content that is ready."""
        data = self._held + data
        self._held = b""
        if data.endswith(b"\r"):
            data, self._held = data[:-1], b"\r"
        if data:
            self._in_line = not data.endswith(b"\n")
        if _has_clean_line_ends(data):
            return data
        self.bare_newline = self.bare_newline or data.count(b"\n") != data.count(b"\r\n")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b" ").replace(b"\n", b"\r\n")

    def finish(self) -> bytes:
        """Return what ends the content: a last line without line end gets one."""
        if self._held:
            return b" \r\n"
        return b"\r\n" if self._in_line else b""


_LEADING_DOT = re.compile(rb"(?<=\n)\.\n?")
_CLEAN = (None, "\r\n")
# What may turn out to be part of the end of data when more comes, longest first; and how many of
# its bytes are a line end for certain.
_OPEN_ENDS = (
    (b"\r\n.\r", 2),
    (b"\r\n.", 2),
    (b"\n.\r", 1),
    (b"\r\n", 2),
    (b"\n.", 1),
    (b"\n", 1),
    (b"\r", 0),
)


def _has_clean_line_ends(data: bytes) -> bool:
    # It sees in one pass which line ends there are; to count CR, LF and CRLF takes five times as
    # long.
    line_ends = io.IncrementalNewlineDecoder(None, translate=False)
    line_ends.decode(data.decode("latin-1"), final=True)
    return line_ends.newlines in _CLEAN
