"""Maps in a row, and the order in which the forms of an address are looked up.

Postfix:    maps(3), mail_addr_find(3), postconf(5) canonical_maps, virtual(5), transport(5)
Must not:   take a lookup error for "not found"
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from spoolmta.errors import MapUnavailable
from spoolmta.maps.keys import Delimiter, quote_local, split_extension


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


class Maps:
    """Maps that are asked one after the other; the first answer counts. False if there are none."""

    __slots__ = ("maps", "name")

    def __init__(self, maps: Sequence[Map], name: str = "") -> None:
        self.maps = tuple(maps)
        self.name = name

    def __bool__(self) -> bool:
        return bool(self.maps)

    async def lookup(self, key: str, *, partial: bool = False) -> str | None:
        """Return the first value of *key*. A *partial* key is not shown to fixed maps.

        Raises MapUnavailable: the caller tries again later.
        """
        if not key:
            return None
        for table in self.maps:
            if partial and table.fixed:
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


@dataclass(frozen=True, slots=True)
class Hit:
    """What was found for an address.

    *extension* ("+ext", with its delimiter) was cut off to find it; "" if nothing was.
    """

    key: str
    value: str
    extension: str = ""


IsLocal = Callable[[str], Awaitable[bool]]


async def lookup_user(maps: Maps, address: str, *, delimiter: Delimiter | str = "") -> Hit | None:
    """Return what *maps* hold for user+ext@domain, or else for user@domain.

    Raises MapUnavailable: the caller tries again later.
    """
    user, extension, at_domain = _split(address, delimiter)
    return await _lookup_locals(maps, user, extension, at_domain, partial=False)


async def lookup_address(
    maps: Maps,
    address: str,
    *,
    delimiter: Delimiter | str = "",
    is_local: IsLocal | None = None,
) -> Hit | None:
    """Return what *maps* hold for an address in internal form.

    Keys are user+ext@domain, user@domain, user+ext and user if *is_local* says so of the domain,
    @domain. Each is tried in its quoted form first.

    Raises MapUnavailable: the caller tries again later.
    """
    if not maps or not address:
        return None
    user, extension, at_domain = _split(address, delimiter)
    hit = await _lookup_locals(maps, user, extension, at_domain, partial=False)
    if hit is not None or not at_domain:
        return hit
    if is_local is not None and await is_local(at_domain[1:]):
        hit = await _lookup_locals(maps, user, extension, "", partial=True)
        if hit is not None:
            return hit
    value = await maps.lookup(at_domain, partial=True)
    return None if value is None else Hit(at_domain, value)


def parents(domain: str, *, dotted: bool) -> Iterator[str]:
    """Yield a domain and its parents; parents begin with the dot if *dotted*."""
    yield domain
    at = domain.find(".", 1)
    while at >= 0:
        yield domain[at if dotted else at + 1 :]
        at = domain.find(".", at + 1)


def _split(address: str, delimiter: Delimiter | str) -> tuple[str, str, str]:
    at = address.rfind("@")
    local, at_domain = (address, "") if at < 0 else (address[:at], address[at:])
    user, extension = split_extension(local, delimiter)
    return user, "" if extension is None else local[len(user) :], at_domain


async def _lookup_locals(
    maps: Maps, user: str, extension: str, at_domain: str, *, partial: bool
) -> Hit | None:
    hit = await _lookup_quoted(maps, user + extension, at_domain, partial=partial)
    if hit is not None or not extension:
        return hit
    hit = await _lookup_quoted(maps, user, at_domain, partial=True)
    return None if hit is None else Hit(hit.key, hit.value, extension)


async def _lookup_quoted(maps: Maps, local: str, at_domain: str, *, partial: bool) -> Hit | None:
    key = quote_local(local) + at_domain
    value = await maps.lookup(key, partial=partial)
    if value is None and key != local + at_domain:
        key = local + at_domain
        value = await maps.lookup(key, partial=partial)
    return None if value is None else Hit(key, value)
