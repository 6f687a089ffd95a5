"""The header and the body of stored content, without reading more of it than is needed.

The header ends before the first line that is no header and no continuation of one; most often
that is the empty line, which so belongs to the body, as postcat(1) has it.
"""

import itertools
import re
from collections.abc import Iterator

_HEADER_LINE = re.compile(rb"[!-9;-~]+[ \t]*:")


def header_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the header alone."""
    header, _ = split(pieces)
    yield header


def body_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what follows the header."""
    _, body = split(pieces)
    return body


def split(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Return the header, and the pieces of the body."""
    data = b""
    end = 0
    for piece in pieces:
        data += piece
        end, found = _header_end(data, end)
        if found:
            break
    return data[:end], itertools.chain([data[end:]] if data[end:] else [], pieces)


def _header_end(data: bytes, start: int) -> tuple[int, bool]:
    """Return how far the header reaches from *start*, and whether its end was seen."""
    while start < len(data):
        end = data.find(b"\r\n", start)
        if end < 0:
            return start, False
        line_is_header = data[start] in b" \t" if start else False
        if not (line_is_header or _HEADER_LINE.match(data, start, end)):
            return start, True
        start = end + 2
    return start, False
