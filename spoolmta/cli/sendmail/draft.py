"""A message as sendmail(1) reads it from standard input.

Lines become CRLF lines; a line of mbox format ("From ") at the beginning is dropped; a line with a
single dot ends the message unless it is to be ignored. What is large goes to a nameless file.

Postfix:    sendmail(1), postconf(5) sendmail_fix_line_endings
Parameters: sendmail_fix_line_endings, message_size_limit (their values are handed in)
"""

import sys
from collections.abc import Callable, Iterator
from typing import IO

_READ_BYTES = 128 * 1024
_MEMORY_BYTES = 1024 * 1024
_LONGEST_LINE = 256 * 1024
_FROM_LINE = b"From "


class TooLargeError(Exception):
    """The message is larger than message_size_limit."""


class Draft:
    """A message that has been read to its end: and its *size*."""

    def __init__(self, *, ignores_dots: bool, line_endings: str, size_limit: int) -> None:
        """*line_endings* is sendmail_fix_line_endings, *size_limit* 0 means no limit."""
        self.size = 0
        self._ignores_dots = ignores_dots
        self._strip_cr: bool | None = {"always": True, "never": False}.get(line_endings)
        self._size_limit = size_limit or sys.maxsize
        self._parts: list[bytes] = []
        self._file: IO[bytes] | None = None
        self._at_start = True
        self._at_line_start = True

    def read(self, read: Callable[[int], bytes]) -> None:
        """Read the message; *read* returns at most that many bytes, b"" at the end.

        Raises TooLargeError: the rest is not read.
        """
        rest = b""
        going_on = True
        while going_on and (data := read(_READ_BYTES)):
            lines, rest = self._whole_lines(rest + data)
            going_on = self._take(lines)
        if going_on and (rest or not self._at_line_start):
            self._take(rest + b"\n")
        if not self.size:
            self.store(b"\r\n")

    def pieces(self) -> Iterator[bytes]:
        """Yield the content, CRLF line ends throughout."""
        if self._file is None:
            yield b"".join(self._parts)
            return
        self._file.seek(0)
        while data := self._file.read(_READ_BYTES):
            # No CRLF is cut in two.
            if data.endswith(b"\r"):
                data += self._file.read(1)
            yield data

    def _whole_lines(self, data: bytes) -> tuple[bytes, bytes]:
        """Return data as (whole lines, the rest); of a very long line, a part counts as whole."""
        end = data.rfind(b"\n") + 1
        if end or len(data) < _LONGEST_LINE:
            return data[:end], data[end:]
        cut = len(data) - 1
        return data[:cut], data[cut:]

    def _take(self, lines: bytes) -> bool:
        """Store lines; return False if the message has ended with them."""
        if not lines:
            return True
        if self._strip_cr is None:
            first = lines.find(b"\n")
            self._strip_cr = lines[max(0, first - 1) : first] == b"\r"
        if self._at_start:
            lines = _without_from_lines(lines)
            if not lines:
                return True
            self._at_start = False
        end = len(lines) if self._ignores_dots else self._find_end(lines)
        going_on = end == len(lines)
        lines = lines[:end]
        if lines:
            self._at_line_start = lines.endswith(b"\n")
            self.store(self._converted(lines))
        return going_on

    def _find_end(self, lines: bytes) -> int:
        """Return where a line with a single dot begins; the length of *lines* if there is none."""
        found = len(lines)
        for dot in (b".\n", b".\r\n") if self._strip_cr else (b".\n",):
            if self._at_line_start and lines.startswith(dot):
                return 0
            at = lines.find(b"\n" + dot, 0, found)
            if at >= 0:
                found = at + 1
        return found

    def _converted(self, lines: bytes) -> bytes:
        if b"\r" in lines:
            if self._strip_cr:
                lines = lines.replace(b"\r\n", b"\n")
            # Alone it would be a line end to some and none to others.
            lines = lines.replace(b"\r", b" ")
        return lines.replace(b"\n", b"\r\n")

    def store(self, data: bytes) -> None:
        """Add content that has CRLF line ends already.

        Raises TooLargeError: nothing more can be added.
        """
        self.size += len(data)
        if self.size > self._size_limit:
            raise TooLargeError
        if self._file is not None:
            self._file.write(data)
            return
        self._parts.append(data)
        if self.size > _MEMORY_BYTES:
            import tempfile

            self._file = tempfile.TemporaryFile()  # noqa: SIM115
            self._file.writelines(self._parts)
            self._parts.clear()


def _without_from_lines(lines: bytes) -> bytes:
    while lines.lstrip(b">").startswith(_FROM_LINE):
        end = lines.find(b"\n")
        if end < 0:
            return lines
        lines = lines[end + 1 :]
    return lines
