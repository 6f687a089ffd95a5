"""What the native commands print: tables for people, JSON for programs, progress for the patient.

Results go to standard output; notes, questions and progress go to standard error.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache

_GAP = "  "
_PROGRESS_FROM = 10_000
_PROGRESS_PAUSE = 0.2


def print_json(value: object) -> None:
    """Print one JSON value on a line of its own; what has named fields is an object."""
    sys.stdout.write(_encoder()(_named(value)).decode() + "\n")


@cache
def _encoder() -> Callable[[object], bytes]:
    # A command that prints no JSON starts faster without it.
    import msgspec

    return msgspec.json.Encoder(enc_hook=str).encode


def _named(value: object) -> object:
    """Return *value* with its named tuples as dictionaries, at any depth."""
    if isinstance(value, dict):
        return {name: _named(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        fields = getattr(value, "_fields", None)
        if fields is None:
            return [_named(one) for one in value]
        return {name: _named(one) for name, one in zip(fields, value, strict=True)}
    fields = getattr(value, "__dataclass_fields__", None)
    return value if fields is None else {name: _named(getattr(value, name)) for name in fields}


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    right: Iterable[str] = (),
    headings: bool = True,
) -> None:
    """Print rows under their *headings*; the columns named in *right* are numbers."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [
        max([len(name), *(len(row[index]) for row in cells)]) for index, name in enumerate(columns)
    ]
    numbers = set(right)
    for line in [list(columns), *cells] if headings else cells:
        padded = [
            text.rjust(width) if name in numbers else text.ljust(width)
            for text, width, name in zip(line, widths, columns, strict=True)
        ]
        sys.stdout.write(_GAP.join(padded).rstrip() + "\n")


def printable(value: object) -> str:
    """Return a value as text that a terminal shows and does not obey."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    text = str(value)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "?" for c in text)


def note(text: str) -> None:
    """Print a line for the person in front of the terminal."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def shorten(text: str, width: int) -> str:
    """Return *text* in at most *width* characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


class Progress:
    """Tells on a terminal how far a long work is; silent while it is short, or elsewhere."""

    def __init__(self, doing: str) -> None:
        """*doing* says what is done: "deleting"."""
        self._doing = doing
        self._count = 0
        self._shown_at = 0.0
        self._terminal = sys.stderr.isatty()

    def advance(self, count: int, total: int | None = None) -> None:
        """Say that *count* more are done, out of *total* if that is known."""
        self._count += count
        now = time.monotonic()
        long = max(self._count, total or 0) >= _PROGRESS_FROM
        if not (long and self._terminal and now - self._shown_at >= _PROGRESS_PAUSE):
            return
        self._shown_at = now
        part = f" of {total:,} ({self._count * 100 // total} %)" if total else ""
        sys.stderr.write(f"\r{self._doing} {self._count:,}{part} ... ")
        sys.stderr.flush()

    def end(self) -> None:
        """Wipe the progress off the terminal."""
        if self._shown_at:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
