"""Maps in a row, and the keys of addresses, domains and networks in their order.

Whoever looks something up by its parts takes the keys from here: a function yields them, and
`search` asks for one after the other.

Postfix:    maps(3), mail_addr_find(3), canonical(5), virtual(5), transport(5), access(5)
Must not:   take a lookup error for "not found"
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, cast, runtime_checkable

from spoolmta.errors import MapUnavailable
from spoolmta.maps.keys import Delimiter, quote_local, split_extension
from spoolmta.maps.text import is_utf8, malformed

# What is wrong with tables is told here.
PROBLEMS = logging.getLogger("spoolmta.maps")

_REMEMBERED_HITS = 10_000


class Map(Protocol):
    """One lookup table.

    *name* is "type:name", as in main.cf. A *fixed* map is asked for whole keys only, never for
    parts of an address or the parents of a domain (regexp, pcre, cidr, static, tcp).
    """

    name: str
    fixed: bool

    async def lookup(self, key: str) -> str | None:
        """Return the value of *key*, or None if there is none.

        Raises MapUnavailable: the caller defers or answers 4xx.
        """
        ...


@runtime_checkable
class SteadyMap(Protocol):
    """A table in files: its answers change only when its state does."""

    def state(self) -> object:
        """Return what stands for the files as they are now.

        Raises MapUnavailable: they could never be read.
        """
        ...


class Maps:
    """Maps that are asked one after the other; the first answer counts. False if there are none.

    With *utf8* they are not asked for a key that is not UTF-8: it is in none of them.
    """

    __slots__ = ("_hits", "_is_steady", "_states", "maps", "name", "utf8")

    def __init__(self, maps: Sequence[Map], name: str = "", *, utf8: bool = True) -> None:
        self.maps = tuple(maps)
        self.name = name
        self.utf8 = utf8
        self._is_steady = all(isinstance(table, SteadyMap) for table in maps)
        self._states: list[object] = []
        self._hits: dict[tuple[str, bool], Hit | None] = {}

    def hits(self) -> "dict[tuple[str, bool], Hit | None] | None":
        """Return what was found for addresses and still holds; None: any answer may change.

        The key is the address, and whether its local part alone was a key, too.
        Raises MapUnavailable: a table could never be read.
        """
        if not self._is_steady:
            return None
        states = [cast("SteadyMap", table).state() for table in self.maps]
        if len(self._hits) >= _REMEMBERED_HITS or states != self._states:
            self._hits.clear()
            self._states = states
        return self._hits

    def __bool__(self) -> bool:
        return bool(self.maps)

    async def lookup(self, key: str, *, partial: bool = False) -> str | None:
        """Return the first value of *key*. A *partial* key is not shown to fixed maps.

        Raises MapUnavailable: the caller tries again later.
        """
        if not key:
            return None
        is_malformed = self.utf8 and not is_utf8(key)
        for table in self.maps:
            if partial and table.fixed:
                continue
            if is_malformed:
                PROBLEMS.warning("%s", malformed(table.name, key))
                continue
            value = await table.lookup(key)
            if value is None:
                continue
            if not value:
                raise MapUnavailable(
                    f"{table.name} lookup of {key} returns an empty string; "
                    "a table should give no result when a key is not found"
                )
            return value
        return None


Key = tuple[str, bool, str]
"""What is looked up, whether it is only a part (not shown to fixed maps), what was cut off.

The last is the extension with its delimiter, "+ext", or "". A plain tuple: every address of every
message makes some.
"""


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found, and the extension that was cut off to find it."""

    key: str
    value: str
    extension: str = ""


IsLocal = Callable[[str], Awaitable[bool]]


async def search(maps: Maps, keys: Iterable[Key]) -> Hit | None:
    """Return what *maps* hold for the first of *keys* that they know.

    Raises MapUnavailable: the caller tries again later.
    """
    for text, partial, extension in keys:
        value = await maps.lookup(text, partial=partial)
        if value is not None:
            return Hit(text, value, extension)
    return None


async def lookup_address(
    maps: Maps,
    address: str,
    *,
    delimiter: Delimiter | str = "",
    is_local: IsLocal | None = None,
) -> Hit | None:
    """Return what *maps* hold for an address in internal form.

    Keys are user+ext@domain, user@domain, user+ext and user if *is_local* says so of the domain,
    @domain.

    Raises MapUnavailable: the caller tries again later.
    """
    if not maps or not address:
        return None
    at = address.rfind("@")
    is_local_name = at >= 0 and is_local is not None and await is_local(address[at + 1 :])
    known = maps.hits()
    if known is not None and (address, is_local_name) in known:
        return known[address, is_local_name]
    hit = await search(maps, _address_keys(address, delimiter, is_local=is_local_name))
    if known is not None:
        known[address, is_local_name] = hit
    return hit


def _address_keys(address: str, delimiter: Delimiter | str, *, is_local: bool) -> Iterator[Key]:
    yield from user_keys(address, delimiter)
    at = address.rfind("@")
    if at >= 0:
        if is_local:
            yield from _local_keys(address[:at], "", delimiter)
        yield address[at:], True, ""


def user_keys(address: str, delimiter: Delimiter | str) -> Iterator[Key]:
    """Yield user+ext@domain and user@domain; each in its quoted form first."""
    at = address.rfind("@")
    local, at_domain = (address, "") if at < 0 else (address[:at], address[at:])
    return _local_keys(local, at_domain, delimiter, partial=False)


def transport_keys(address: str, delimiter: Delimiter | str, *, dotted: bool) -> Iterator[Key]:
    """Yield the keys of transport(5): user+ext@domain, user@domain, domain, its parents, *."""
    yield from user_keys(address, delimiter)
    yield from domain_keys(address[address.rfind("@") + 1 :], dotted=dotted, partial=True)
    yield "*", False, ""


def access_keys(address: str, delimiter: Delimiter | str, *, dotted: bool) -> Iterator[Key]:
    """Yield the keys of access(5) for an address.

    They are user+ext@domain, user@domain, domain, its parents, user+ext@, user@.
    """
    yield from user_keys(address, delimiter)
    at = address.rfind("@")
    if at >= 0:
        yield from domain_keys(address[at + 1 :], dotted=dotted, partial=True)
        yield from _local_keys(address[:at], "@", delimiter)


def domain_keys(domain: str, *, dotted: bool, partial: bool = False) -> Iterator[Key]:
    """Yield a domain and its parents; parents begin with the dot if *dotted*.

    The domain itself is *partial* if it is only a part of what is looked up.
    """
    yield domain, partial, ""
    at = domain.find(".", 1)
    while at >= 0:
        yield domain[at if dotted else at + 1 :], True, ""
        at = domain.find(".", at + 1)


def network_keys(address: str) -> Iterator[Key]:
    """Yield the keys of access(5) for a client: its address, and that cut at each "." or ":"."""
    yield address, False, ""
    separator = ":" if ":" in address else "."
    while separator in address:
        address = address.rpartition(separator)[0].rstrip(separator)
        if address:
            yield address, True, ""


def _local_keys(
    local: str, behind: str, delimiter: Delimiter | str, *, partial: bool = True
) -> Iterator[Key]:
    """Yield a local part with and without its extension, each with *behind* after it."""
    quoted = quote_local(local)
    yield quoted + behind, partial, ""
    if quoted is not local:
        yield local + behind, partial, ""
    user, extension = split_extension(local, delimiter)
    if extension is None:
        return
    cut = local[len(user) :]
    quoted = quote_local(user)
    yield quoted + behind, True, cut
    if quoted is not user:
        yield user + behind, True, cut
