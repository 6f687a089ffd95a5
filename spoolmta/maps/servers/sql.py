"""What the tables in SQL databases have in common: the query, and the rows that become a value.

Postfix:  mysql_table(5), pgsql_table(5), sqlite_table(5)
Must not: let a part of a key into a query unquoted
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from spoolmta.errors import MapUnavailable
from spoolmta.maps.keys import KeyRules
from spoolmta.maps.lookup import Map
from spoolmta.maps.servers.client_cf import ClientParameters
from spoolmta.maps.servers.query import Key, Quote, TableQuery, Template
from spoolmta.maps.servers.server_pool import IDLE_INTERVAL_S, RETRY_INTERVAL_S, ServerPool


class SqlSession(Protocol):
    """A connection to an SQL server, used by one thread at a time."""

    def quote(self, text: str, inside: str) -> str:
        """Return a text as it has to stand in a query between these quotation marks.

        Raises QueryRefused: it cannot be said in the connection's character set.
        """
        ...

    def values(self, query: str) -> Sequence[str]:
        """Return the fields of all rows that a query finds, one after the other; "" for NULL.

        Raises ServerLost, QueryRefused: see server_pool.
        """
        ...

    def close(self) -> None:
        """End the connection, also if it is broken."""
        ...


class SqlMap:
    """A table behind a query in SQL."""

    fixed = False

    def __init__(
        self,
        parameters: ClientParameters,
        pool: ServerPool[SqlSession],
        open_map: Callable[[str], Map],
        rules: KeyRules,
        *,
        function: str = "",
    ) -> None:
        """*function* is select_function, for which the type has a parameter.

        Raises ConfigError: a parameter is missing or cannot be understood.
        """
        self.name = parameters.name
        self._pool = pool
        query = parameters.text("query") or _legacy_query(parameters, function)
        self._query = TableQuery(
            parameters,
            {"query": query},
            parameters.required("result_format", "%s"),
            open_map,
            fold_key=rules.fold,
        )
        if "" in self._query.templates[0].inside:
            raise parameters.error(
                "query",
                f"unquoted expansion: {query}",
                "an expansion must stand between quotes, '%s': no key may change the query",
            )

    async def lookup(self, key: str) -> str | None:
        """See Map."""
        parts = await self._query.accept(key)
        if parts is None:
            return None
        question = _Question(self._query.templates[0], parts)
        try:
            values = await self._pool.ask(question)
        except MapUnavailable as error:
            raise MapUnavailable(f"{self.name}: {error}") from error
        return self._query.result(parts, values)


class _Question:
    """What a worker thread asks: the query for one key, in the quoting of its connection."""

    __slots__ = ("_key", "_template")

    def __init__(self, template: Template, key: Key) -> None:
        self._template = template
        self._key = key

    def __call__(self, session: SqlSession) -> Sequence[str]:
        quote: Quote = session.quote
        return session.values(self._template.expand(self._key, self._key, quote))


def _legacy_query(parameters: ClientParameters, function: str) -> str:
    """Return the query that the parameters of Postfix before 2.2 make.

    Raises ConfigError: there are none.
    """
    if function:
        return f"SELECT {function}('%s')"
    if parameters.given("table") is None and parameters.given("select_field") is None:
        raise parameters.error("query", "bad string length 0 < 1: query =", "a query is needed")
    table = parameters.required("table")
    field = parameters.required("select_field")
    where = parameters.required("where_field")
    conditions = parameters.text("additional_conditions")
    return f"SELECT {field} FROM {table} WHERE {where} = '%s' {conditions}"


class SqlHosts(NamedTuple):
    """The servers of a table as "hosts" names them, without "inet:"."""

    names: tuple[str, ...]
    unix: frozenset[str]
    idle_interval: float
    retry_interval: float


def sql_hosts(parameters: ClientParameters) -> SqlHosts:
    """Return the servers of a table; "localhost" if none is named.

    Raises ConfigError: an interval is no number.
    """
    words = parameters.text("hosts").replace(",", " ").split() or ["localhost"]
    names = tuple(dict.fromkeys(word.removeprefix("inet:") for word in words))
    return SqlHosts(
        names,
        frozenset(name for name in names if name.startswith(("unix:", "/"))),
        parameters.number("idle_interval", int(IDLE_INTERVAL_S), minimum=1),
        parameters.number("retry_interval", int(RETRY_INTERVAL_S), minimum=1),
    )
