"""Address patterns as cidr tables and match lists have them, and a search among many of them.

A pattern is an address or network/length; either may stand in [], as may the network alone. What
is no plain IPv4 or IPv6 address, as inet_pton(3) has it, is none: no leading zeros, no zone. An
IPv6 address that wraps an IPv4 one is not that IPv4 address.

Postfix: cidr_table(5), postconf(5) mynetworks
"""

import socket
from bisect import bisect_right
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Generic, NamedTuple, TypeVar

from spoolmta.errors import ConfigError

T = TypeVar("T")

BITS = {socket.AF_INET: 32, socket.AF_INET6: 128}


class Address(NamedTuple):
    """An address as a number of its family."""

    family: socket.AddressFamily
    number: int


class Range(NamedTuple):
    """The addresses of a family from *start* to before *end*."""

    family: socket.AddressFamily
    start: int
    end: int


def parse_address(text: str) -> Address | None:
    """Return the address that *text* is, None if it is none."""
    family = _family(text)
    try:
        return Address(family, int.from_bytes(socket.inet_pton(family, text), "big"))
    except (OSError, ValueError):
        return None


def parse_range(text: str) -> Range:
    """Return the addresses that a pattern stands for.

    Raises ConfigError: it is no pattern; the text says what is wrong with it.
    """
    base, slash, length = _split(text)
    pattern = base + slash + length
    bits = BITS[_family(base)]
    if slash and not (length.isascii() and length.isdigit()):
        raise ConfigError(f'bad mask value in "{pattern}"')
    if slash and (len(length.lstrip("0")) > len(str(bits)) or int(length) > bits):
        raise ConfigError(f'bad mask length in "{pattern}"')
    address = parse_address(base)
    if address is None and slash:
        raise ConfigError(f'bad network value in "{pattern}"')
    if address is None:
        raise ConfigError(f'bad address pattern: "{pattern}"')
    size = 1 << (bits - int(length)) if slash else 1
    start = address.number & -size
    if start != address.number:
        right = socket.inet_ntop(address.family, start.to_bytes(bits // 8, "big"))
        raise ConfigError(
            f'non-null host address bits in "{pattern}", '
            f'perhaps you should use "{right}/{int(length)}" instead'
        )
    return Range(address.family, start, start + size)


class RangeTable(Generic[T]):
    """Ranges with values; an address has the value of the first of them that holds it.

    However many there are, an answer takes one binary search.
    """

    __slots__ = ("_starts", "_values")

    def __init__(self, ranges: Iterable[tuple[Range, T]]) -> None:
        entries: dict[socket.AddressFamily, list[tuple[int, int, int, T]]] = {f: [] for f in BITS}
        for order, (span, value) in enumerate(ranges):
            entries[span.family].append((span.start, order, span.end, value))
        self._starts: dict[socket.AddressFamily, list[int]] = {}
        self._values: dict[socket.AddressFamily, list[T | None]] = {}
        for family, of_family in entries.items():
            self._starts[family], self._values[family] = _flattened(of_family)

    def find(self, address: Address) -> T | None:
        """Return the value of an address, None if it is in no range."""
        at = bisect_right(self._starts[address.family], address.number)
        return self._values[address.family][at]


def _flattened(entries: list[tuple[int, int, int, T]]) -> tuple[list[int], list[T | None]]:
    """Return where values change, and the value before each such place and after the last."""
    entries.sort(key=lambda entry: entry[:2])
    borders = sorted({border for start, _, end, _ in entries for border in (start, end)})
    starts: list[int] = []
    values: list[T | None] = [None]
    # Those that the place may be in, the first in the table's order on top.
    open_ranges: list[tuple[int, int]] = []
    by_order = {entry[1]: entry[3] for entry in entries}
    at = 0
    for border in borders:
        while at < len(entries) and entries[at][0] == border:
            heappush(open_ranges, entries[at][1:3])
            at += 1
        while open_ranges and open_ranges[0][1] <= border:
            heappop(open_ranges)
        value = by_order[open_ranges[0][0]] if open_ranges else None
        if value != values[-1]:
            starts.append(border)
            values.append(value)
    return starts, values


def _split(text: str) -> tuple[str, str, str]:
    """Return a pattern, without its brackets, as (address, "/", length)."""
    if not text.startswith("["):
        return text.partition("/")
    inside, bracket, after = text[1:].partition("]")
    if not bracket:
        raise ConfigError(f"missing ']' character after \"{text}\"")
    if not after:
        return inside.partition("/")
    if not after.startswith("/"):
        raise ConfigError(f'garbage after "[{inside}]"')
    return inside, "/", after[1:]


def _family(text: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in text else socket.AF_INET
