"""What header_checks and body_checks would be shown of a message, as keys for postmap -h and -b.

Postfix:    postmap(1) -b -h -m, header_checks(5)
RFC:        2045, 2046 5.1
Must not:   change a key: headers keep their line ends
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

_HEADER = re.compile(r"[!-9;-~]+[ \t]*:")
_TYPE = re.compile(r'content-type[ \t]*:\s*([^\s/;"]+)\s*/\s*([^\s;"]+)', re.IGNORECASE)
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)
_BLANKS = (" ", "\t")


class _Place(Enum):
    """Where in a message a line is."""

    PRIMARY = auto()
    MIME = auto()
    NESTED = auto()
    BODY = auto()


@dataclass(slots=True)
class _Reader:
    """Tells headers from body, line by line; with *mime* those of parts are headers, too."""

    mime: bool
    place: _Place = _Place.PRIMARY
    header: list[str] = field(default_factory=list)
    boundaries: list[str] = field(default_factory=list)
    contains_message: bool = False

    def keys(self, lines: list[str]) -> Iterator[tuple[bool, str]]:
        """Yield (True, header) and (False, body line)."""
        for line in lines:
            if self.place is not _Place.BODY:
                if line[:1] in _BLANKS and self.header:
                    self.header.append(line)
                    continue
                yield from self._ended()
                if _HEADER.match(line):
                    self.header = [line]
                    continue
                if line:
                    # The empty line that should be there.
                    yield False, ""
                self._end_headers()
                if not line:
                    yield False, ""
                    continue
            yield False, line
            self._find_boundary(line)
        if self.place is not _Place.BODY:
            yield from self._ended()

    def _ended(self) -> Iterator[tuple[bool, str]]:
        if self.header:
            text = "\n".join(self.header)
            self._understand(text)
            self.header = []
            yield True, text

    def _understand(self, header: str) -> None:
        kind = _TYPE.match(header)
        if kind is None or not self.mime:
            return
        main, sub = kind[1].lower(), kind[2].lower()
        self.contains_message = (main, sub) in (("message", "rfc822"), ("message", "partial"))
        if main == "multipart" and (boundary := _BOUNDARY.search(header)):
            self.boundaries.append(boundary[1] or boundary[2])

    def _end_headers(self) -> None:
        self.place = _Place.NESTED if self.contains_message else _Place.BODY
        self.contains_message = False

    def _find_boundary(self, line: str) -> None:
        if self.place is not _Place.BODY or not line.startswith("--"):
            return
        for depth in range(len(self.boundaries) - 1, -1, -1):
            boundary = "--" + self.boundaries[depth]
            if line.startswith(boundary):
                if line.startswith(boundary + "--"):
                    del self.boundaries[depth:]
                else:
                    del self.boundaries[depth + 1 :]
                    self.place = _Place.MIME
                return


def message_keys(text: str, *, headers: bool, body: bool, mime: bool) -> Iterator[str]:
    """Yield the headers and the body's lines of a message, as the checks would see them.

    With headers alone or the body alone, parts' headers are what *mime* says they are; with both,
    everything is shown.
    """
    if not text:
        return
    lines = text.removesuffix("\n").split("\n")
    for is_header, key in _Reader(mime).keys(lines):
        if headers if is_header else body:
            yield key
