"""Built tables of moderate size, held in memory by a process that asks them much.

A lookup in a file is a statement of SQLite and takes some microseconds, in memory a small part of
one. A table is read when it was asked so often that reading it would have paid, so that a process
that asks little stays small; and some entries at each lookup, so that nobody waits for all of them.

Must not: hold a file that is changed in place
Limits:   a file of 4 MiB, 8 MiB of all that a process holds; in memory it is five times as much
"""

from collections.abc import Callable, Iterator
from itertools import islice, repeat

from spoolmta.errors import MapUnavailable

_LARGEST = 4 << 20
_ALL = 8 << 20
# To read this much of a file takes about as long as a lookup in it.
_BYTES_A_LOOKUP = 256
_ENTRIES_A_LOOKUP = 32

Entries = dict[str, str]
Items = Callable[[], Iterator[tuple[str, str]]]


class _Room:
    """How much more of files the process may hold."""

    left = _ALL


def reading(size: int, items: Items) -> Iterator[Entries | None]:
    """Yield None for each lookup in a file of *size* bytes that has to be, then all entries.

    *items* yields them; what raises MapUnavailable stays in the file. The room is given back when
    the iterator is dropped.
    """
    yield from repeat(None, size // _BYTES_A_LOOKUP)
    while size > min(_LARGEST, _Room.left):
        yield None
    _Room.left -= size
    try:
        entries: Entries = {}
        source = items()
        while some := dict(islice(source, _ENTRIES_A_LOOKUP)):
            entries |= some
            yield None
        yield from repeat(entries)
    except MapUnavailable:
        yield from repeat(None)
    finally:
        _Room.left += size
