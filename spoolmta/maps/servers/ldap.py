"""ldap: the attributes of the entries that a search in an LDAP directory finds.

Entries may refer to others by DN or URL (special_result_attribute): these are read in turn.

Postfix: ldap_table(5)
RFC:     4514 (DNs), 4515 (filters), 4516 (URLs)
Limits:  a URL's host is not asked; the search goes on at the same server, as in Postfix
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from spoolmta.errors import MapUnavailable
from spoolmta.maps.keys import USUAL, KeyRules
from spoolmta.maps.lookup import Map
from spoolmta.maps.servers.client_cf import ClientParameters
from spoolmta.maps.servers.ldap_connection import SCOPES, Entry, LdapConnection, Search, read_client
from spoolmta.maps.servers.query import Key, TableQuery
from spoolmta.maps.servers.server_pool import QueryRefused, Servers, shared_pool

_ANY_ENTRY = "(objectClass=*)"
_IN_FILTER = re.compile(r"[*()\\\x00]")
_IN_DN = re.compile(r'[,+"\\<>;=#]|^ | $')
_URL = re.compile(r"ldap[si]?://", re.IGNORECASE)
_RETRY_INTERVAL_S = 10.0


@dataclass(frozen=True, slots=True)
class _Attributes:
    """Which attributes are read, in lower case, by what is made of their values."""

    ordinary: frozenset[str]
    special: frozenset[str]
    terminal: frozenset[str]
    leaf: frozenset[str]
    asked: tuple[str, ...]


class LdapMap:
    """ldap:FILE.cf or ldap:NAME."""

    fixed = False

    def __init__(
        self, argument: str, open_map: Callable[[str], Map], rules: KeyRules = USUAL
    ) -> None:
        """Raises ConfigError: a parameter is missing or cannot be understood."""
        parameters = ClientParameters("ldap", argument)
        self.name = parameters.name
        client = read_client(parameters)
        self._pool = shared_pool(
            ("ldap", client),
            lambda: Servers(
                client.servers,
                lambda server: LdapConnection(server, client),
                ordered=True,
                retry_interval=_RETRY_INTERVAL_S,
            ),
        )
        query_filter = parameters.required("query_filter", "(mailacceptinggeneralid=%s)")
        if not query_filter.startswith("("):
            query_filter = f"({query_filter})"
        self._query = TableQuery(
            parameters,
            {"search_base": parameters.text("search_base"), "query_filter": query_filter},
            parameters.required("result_format", parameters.required("result_filter", "%s")),
            open_map,
            fold_key=rules.fold,
        )
        # What is no scope is "sub", as in Postfix.
        self._scope = SCOPES.get(parameters.text("scope").lower(), SCOPES["sub"])
        self._attributes = _read_attributes(parameters)
        self._size_limit = parameters.number(
            "size_limit", max(parameters.number("expansion_limit", 0), 0), minimum=0
        )
        self._recursion_limit = parameters.number("recursion_limit", 1000, minimum=1)

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        parts = await self._query.accept(key)
        if parts is None:
            return None
        search = self._search(parts)
        try:
            values = await self._pool.ask(lambda session: self._values(session, search))
        except MapUnavailable as error:
            raise MapUnavailable(f"{self.name}: {error}") from error
        return self._query.result(parts, values)

    def _search(self, key: Key) -> Search:
        base, query_filter = self._query.templates
        return Search(
            base.expand(key, key, _quoted_for_dn),
            query_filter.expand(key, key, _quoted_for_filter),
            self._scope,
            self._attributes.asked,
            self._size_limit,
            base_must_exist=not base.codes,
        )

    def _values(self, session: LdapConnection, search: Search) -> list[str]:
        """Return all values, those of entries that are referred to where the reference stands."""
        values: list[str] = []
        under_way = [self._found(session, search)]
        while under_way:
            name, value = next(under_way[-1], ("", ""))
            if not name:
                under_way.pop()
            elif name not in self._attributes.special:
                values.append(value)
            elif (nested := self._nested(value)) is not None:
                if len(under_way) >= self._recursion_limit:
                    raise QueryRefused(
                        f"recursion limit exceeded; recursion_limit = {self._recursion_limit}"
                    )
                under_way.append(self._found(session, nested))
        return values

    def _found(self, session: LdapConnection, search: Search) -> Iterator[tuple[str, str]]:
        for entry in session.search(search):
            yield from self._chosen(entry)

    def _chosen(self, entry: Entry) -> Iterator[tuple[str, str]]:
        """Yield names and values of those attributes of an entry that count in it."""
        attributes = self._attributes
        present = {name.lower() for name, values in entry.attributes if values}
        if present & attributes.terminal:
            counting = attributes.terminal
        else:
            counting = attributes.ordinary | attributes.special
            if not present & attributes.special:
                counting |= attributes.leaf
        for name, values in entry.attributes:
            if name.lower() in counting:
                for value in values:
                    text = value.decode("utf-8", "surrogateescape")
                    yield name.lower(), text.partition("\0")[0]

    def _nested(self, reference: str) -> Search | None:
        """Return the search that a DN or an LDAP URL asks for, None if it asks for nothing."""
        if not _URL.match(reference):
            asked = self._attributes.asked
            return Search(reference, _ANY_ENTRY, SCOPES["base"], asked, self._size_limit, False)
        _, _, path = reference.partition("://")[2].partition("/")
        dn, names, scope, query_filter, *_ = [*path.split("?"), "", "", "", ""]
        wanted = {unquote(name).lower() for name in names.split(",") if name}
        asked = tuple(n for n in self._attributes.asked if not wanted or n.lower() in wanted)
        if not asked:
            return None
        return Search(
            unquote(dn),
            unquote(query_filter) or _ANY_ENTRY,
            SCOPES.get(scope.lower(), SCOPES["base"]),
            asked,
            self._size_limit,
            base_must_exist=False,
        )


def _read_attributes(parameters: ClientParameters) -> _Attributes:
    def names(parameter: str, default: str = "") -> Sequence[str]:
        return parameters.text(parameter, default).replace(",", " ").split()

    ordinary = names("result_attribute", "maildrop")
    special = names("special_result_attribute")
    terminal = names("terminal_result_attribute")
    leaf = names("leaf_result_attribute")
    return _Attributes(
        _folded(ordinary),
        _folded(special),
        _folded(terminal),
        _folded(leaf),
        tuple(dict.fromkeys((*ordinary, *special, *terminal, *leaf))),
    )


def _folded(names: Sequence[str]) -> frozenset[str]:
    return frozenset(map(str.lower, names))


def _quoted_for_filter(text: str, _inside: str) -> str:
    return _IN_FILTER.sub(lambda match: f"\\{ord(match[0]):02x}", text)


def _quoted_for_dn(text: str, _inside: str) -> str:
    return _IN_DN.sub(lambda match: f"\\{ord(match[0]):02x}", text)
