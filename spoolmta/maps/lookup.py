"""Maps in a row, and the keys of addresses, domains and networks in their order.

Whoever looks something up by its parts takes the keys from here: a function yields them, and
`search` asks for one after the other.

Postfix:    maps(3), mail_addr_find(3), canonical(5), virtual(5), transport(5), access(5)
Must not:   take a lookup error for "not found"
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from time import monotonic
from typing import Protocol, runtime_checkable

import msgspec

from spoolmta.errors import MapUnavailable
from spoolmta.maps.keys import Delimiter, Fold, fold, quote_local, split_extension
from spoolmta.maps.text import is_utf8, malformed

# What is wrong with tables is told here.
PROBLEMS = logging.getLogger("spoolmta.maps")

# Files are looked at once a second; this is to ask them less often than for every address.
LOOK_AGAIN_S = 0.01
States = tuple[Callable[[], object], ...]
"""What returns the same objects as before as long as answers are the same.

One that returns None says that they may change at any time.
Each raises MapUnavailable if there is no answer now.
"""


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


class Table(Protocol):
    """A table as it is now: it never changes, and answers at once."""

    def find(self, key: str) -> str | None:
        """Return the value of *key*, or None if there is none.

        Raises MapUnavailable: it cannot be read.
        """
        ...


@runtime_checkable
class SteadyMap(Protocol):
    """A table in files or in main.cf: its answers change only when its state does."""

    def state(self) -> Table:
        """Return the table as it is now: another one as soon as an answer may be another.

        Raises MapUnavailable: its files could never be read.
        """
        ...


class HeldTable:
    """A Map and Table whose *entries* are in memory, each under what *fold* makes of its key.

    As long as it is not *is_held* they are elsewhere, and only find() knows them.
    """

    fixed = False
    is_held = True

    def __init__(self, name: str, fold: Fold) -> None:
        self.name = name
        self.fold = fold
        self.entries: dict[str, str] = {}

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        return self.find(key)

    def find(self, key: str) -> str | None:
        """See Table."""
        return self.entries.get(self.fold(key))


class Maps:
    """Maps that are asked one after the other; the first answer counts. False if there are none.

    With *utf8* they are not asked for a key that is not UTF-8: it is in none of them.
    """

    __slots__ = ("_next_look", "_partial", "_steady", "_tables", "maps", "name", "states", "utf8")

    def __init__(self, maps: Sequence[Map], name: str = "", *, utf8: bool = True) -> None:
        self.maps = tuple(maps)
        self.name = name
        self.utf8 = utf8
        self._steady = [(table, table.state) for table in self.maps if isinstance(table, SteadyMap)]
        self._tables: list[_Reading] = []
        self._partial: list[_Reading] = []
        self._next_look = 0.0
        self.states: States | None = None
        """What tells whether answers may have changed; None: they may at any time."""
        if len(self._steady) == len(self.maps):
            self.states = tuple(state for _, state in self._steady)

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
                raise _empty(table, key)
            return value
        return None

    def find(self, keys: "Iterable[Key]") -> "Hit | None":
        """Do as search() does, at once: all tables are steady.

        Raises MapUnavailable: the caller tries again later.
        """
        if monotonic() >= self._next_look:
            self._look()
        for text, folded, partial, extension in keys:
            tables = self._partial if partial else self._tables
            if not text.isascii() and self.utf8 and not is_utf8(text):
                for table, _, _ in tables:
                    PROBLEMS.warning("%s", malformed(table.name, text))
                continue
            for table, is_folded, get in tables if text else ():
                value = get(folded if is_folded else text)
                if value:
                    return Hit(text, value, extension)
                if value is not None:
                    raise _empty(table, text)
        return None

    def _look(self) -> None:
        """Look at the tables as they are now."""
        self._tables = [_reading(table, state()) for table, state in self._steady]
        self._partial = [reading for reading in self._tables if not reading[0].fixed]
        self._next_look = monotonic() + LOOK_AGAIN_S


Key = tuple[str, str, bool, str]
"""What is looked up, the same folded (keys.fold), whether it is only a part (not shown to fixed
maps), what was cut off.

The last is the extension with its delimiter, "+ext", or "". A plain tuple: every address of every
message makes some.
"""

_Reading = tuple[Map, bool, Callable[[str], str | None]]
"""A table, whether it is asked for folded keys, and what answers."""


class Place(msgspec.Struct, frozen=True, gc=False):
    """Where an address is: *key* is that of "@domain"; NOWHERE without a domain.

    *is_local*: local parts by themselves are keys there.
    """

    key: Key
    is_local: bool


class AddressKeys(msgspec.Struct, frozen=True, gc=False):
    """What an address is looked for by.

    *whole* are its keys with local part and domain: user+ext@domain and user@domain, each in its
    quoted form first. *every* are these, and all others behind them.
    """

    address: str
    whole: Sequence[Key]
    every: Sequence[Key]


NO_KEYS = AddressKeys("", (), ())
NOWHERE = Place(("", "", True, ""), False)


class Hit(msgspec.Struct, frozen=True):
    """What was found, and the extension that was cut off to find it."""

    key: str
    value: str
    extension: str = ""


async def search(maps: Maps, keys: Iterable[Key]) -> Hit | None:
    """Return what *maps* hold for the first of *keys* that they know.

    Raises MapUnavailable: the caller tries again later.
    """
    if maps.states is not None:
        return maps.find(keys)
    for text, _, partial, extension in keys:
        value = await maps.lookup(text, partial=partial)
        if value is not None:
            return Hit(text, value, extension)
    return None


async def lookup_address(
    maps: Maps, address: str, *, delimiter: Delimiter | str = "", is_local: bool = False
) -> Hit | None:
    """Return what *maps* hold for an address in internal form.

    Keys are user+ext@domain, user@domain, user+ext and user if its domain *is_local*, @domain.

    Raises MapUnavailable: the caller tries again later.
    """
    _, at, domain = address.rpartition("@")
    place = place_at(domain, is_local=is_local) if at else NOWHERE
    return await search(maps, address_keys(address, delimiter, place).every)


def place_at(domain: str, *, is_local: bool) -> Place:
    """Return the place of the addresses in a domain."""
    return Place(key_of(f"@{domain}", partial=True), is_local)


def address_keys(address: str, delimiter: Delimiter | str, place: Place) -> AddressKeys:
    """Return the keys of an address at *place*."""
    at_domain = place.key[0]
    if not at_domain:
        users = _local_keys(address, "", delimiter, partial=False) if address else ()
        return AddressKeys(address, users, users)
    local = address[: -len(at_domain)]
    users = _local_keys(local, at_domain, delimiter, partial=False)
    if not place.is_local:
        return AddressKeys(address, users, [*users, place.key])
    names = _local_keys(local, "", delimiter, partial=True)
    return AddressKeys(address, users, [*users, *names, place.key])


def transport_keys(domain: str, *, dotted: bool) -> Iterator[Key]:
    """Yield the keys of transport(5) for whoever is at a domain: it, its parents, *."""
    yield from domain_keys(domain, dotted=dotted, partial=True)
    yield key_of("*")


def access_keys(address: str, delimiter: Delimiter | str, *, dotted: bool) -> Iterator[Key]:
    """Yield the keys of access(5) for an address.

    They are user+ext@domain, user@domain, domain, its parents, user+ext@, user@.
    """
    at = address.rfind("@")
    if at < 0:
        yield from _local_keys(address, "", delimiter, partial=False) if address else ()
    else:
        yield from _local_keys(address[:at], address[at:], delimiter, partial=False)
        yield from domain_keys(address[at + 1 :], dotted=dotted, partial=True)
        yield from _local_keys(address[:at], "@", delimiter, partial=True)


def domain_keys(domain: str, *, dotted: bool, partial: bool = False) -> Iterator[Key]:
    """Yield a domain and its parents; parents begin with the dot if *dotted*.

    The domain itself is *partial* if it is only a part of what is looked up.
    """
    yield key_of(domain, partial=partial)
    for parent in parent_domains(domain, dotted=dotted):
        yield key_of(parent, partial=True)


def parent_domains(domain: str, *, dotted: bool) -> Iterator[str]:
    """Yield the parents of a domain; they begin with the dot if *dotted*."""
    at = domain.find(".", 1)
    while at >= 0:
        yield domain[at if dotted else at + 1 :]
        at = domain.find(".", at + 1)


def network_keys(address: str) -> Iterator[Key]:
    """Yield the keys of access(5) for a client: its address, and that cut at each "." or ":"."""
    yield key_of(address)
    separator = ":" if ":" in address else "."
    while separator in address:
        address = address.rpartition(separator)[0].rstrip(separator)
        if address:
            yield key_of(address, partial=True)


def key_of(text: str, *, partial: bool = False, extension: str = "") -> Key:
    """Return what a text is looked up by."""
    return text, fold(text), partial, extension


def _local_keys(local: str, behind: str, delimiter: Delimiter | str, *, partial: bool) -> list[Key]:
    """Return a local part with and without its extension, each with *behind* after it."""
    text = local + behind
    quoted = quote_local(local)
    if quoted is local:
        keys = [(text, fold(text), partial, "")]
    else:
        keys = [key_of(quoted + behind, partial=partial), key_of(text, partial=partial)]
    user, extension = split_extension(local, delimiter)
    if extension is None:
        return keys
    cut = local[len(user) :]
    quoted = quote_local(user)
    keys.append(key_of(quoted + behind, partial=True, extension=cut))
    if quoted is not user:
        keys.append(key_of(user + behind, partial=True, extension=cut))
    return keys


def _reading(table: Map, now: Table) -> _Reading:
    """Return how a table is asked as it is *now*."""
    if isinstance(now, HeldTable) and now.is_held and now.fold is fold:
        return table, True, now.entries.get
    return table, False, now.find


def _empty(table: Map, key: str) -> MapUnavailable:
    return MapUnavailable(
        f"{table.name} lookup of {key} returns an empty string; "
        "a table should give no result when a key is not found"
    )
