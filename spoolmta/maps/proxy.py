"""proxy:type:name: one opened table for all of a process that name it, if it is approved.

Every process may open any table here, so that no server stands between. What is left of
proxymap(8): a process opens such a table once, whoever names it, and proxy_read_maps must list it.

Postfix:    proxymap(8), postconf(5) proxy_read_maps
Parameters: proxy_read_maps (its text is handed in)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary

from spoolmta.errors import ConfigError
from spoolmta.maps.lookup import Map
from spoolmta.maps.syntax import inside_braces, split_words

OpenMap = Callable[[str], Map]

_PROXY = "proxy:"
_NESTING = ("pipemap:", "unionmap:")


class ProxyMap:
    """One such table; see open_proxied."""

    __slots__ = ("__weakref__", "_table", "fixed", "name")

    def __init__(self, table: Map) -> None:
        self.name = _PROXY + table.name
        self.fixed = table.fixed
        self._table = table

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        return await self._table.lookup(key)


class _Approved:
    """The tables that may be opened; any, before approve() was called.

    *names* is made of the text that *text* returns when it is first needed.
    """

    text: Callable[[], str] | None = None
    names: frozenset[str] | None = None


_opened: WeakValueDictionary[tuple[str, bool], ProxyMap] = WeakValueDictionary()


def approve(proxy_read_maps: Callable[[], str] | None) -> None:
    """From now on open only what *proxy_read_maps* lists with "proxy:"; None: anything.

    It is called when the first such table is to be opened: few processes have one.
    """
    _Approved.text, _Approved.names = proxy_read_maps, None


@contextmanager
def approving(proxy_read_maps: Callable[[], str]) -> Iterator[None]:
    """Do as approve() says, within a with statement."""
    approve(proxy_read_maps)
    try:
        yield
    finally:
        approve(None)


def open_proxied(argument: str, open_map: OpenMap, *, substitution: bool) -> ProxyMap:
    """Return the table that follows "proxy:"; *open_map* opens it, with or without *substitution*.

    Raises ConfigError: it is not approved, or cannot be opened; or the list cannot be understood.
    """
    table = _without_proxy(argument)
    if not _is_approved(table):
        raise ConfigError(
            f'proxymap service is not configured for table "{table}"; to approve this table for '
            f"read-only access, list {_PROXY}{table} in main.cf:proxy_read_maps"
        )
    proxied = _opened.get((table, substitution))
    if proxied is None:
        proxied = _opened[table, substitution] = ProxyMap(open_map(table))
    return proxied


def _is_approved(table: str) -> bool:
    if _Approved.text is None:
        return True
    if _Approved.names is None:
        _Approved.names = frozenset(_listed(_Approved.text()))
    return table in _Approved.names


def _listed(text: str) -> Iterator[str]:
    for word in split_words(text):
        table = (inside_braces(word).split(None, 1) or [""])[0] if word[0] == "{" else word
        if table.startswith(_PROXY):
            yield _without_proxy(table)
        elif table.startswith(_NESTING):
            nested = table.partition(":")[2]
            yield from _listed(inside_braces(nested)) if nested[:1] == "{" else ()


def _without_proxy(table: str) -> str:
    while table.startswith(_PROXY):
        table = table.removeprefix(_PROXY)
    return table
