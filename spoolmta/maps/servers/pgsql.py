"""pgsql: the answer of a query to a PostgreSQL server.

Postfix: pgsql_table(5)
Limits:  a character that is not in the "encoding" of the connection cannot be asked for
"""

import select
import time
from collections.abc import Callable, Sequence

import psycopg
from psycopg import pq

from spoolmta.errors import ConfigError
from spoolmta.maps.keys import USUAL, KeyRules
from spoolmta.maps.lookup import Map
from spoolmta.maps.servers.client_cf import ClientParameters
from spoolmta.maps.servers.server_pool import (
    ANSWER_LIMIT_S,
    CONNECT_LIMIT_S,
    QueryRefused,
    ServerLost,
    Servers,
    ServerSilent,
    shared_pool,
)
from spoolmta.maps.servers.sql import SqlMap, SqlSession, sql_hosts
from spoolmta.net.endpoint import parse_endpoint

_URIS = ("postgresql://", "postgres://")
_DEFAULT_PORT = "5432"
_SOCKET_NAME = ".s.PGSQL."


class PgsqlMap(SqlMap):
    """pgsql:FILE.cf or pgsql:NAME."""

    def __init__(
        self, argument: str, open_map: Callable[[str], Map], rules: KeyRules = USUAL
    ) -> None:
        """Raises ConfigError: a parameter is missing or cannot be understood."""
        parameters = ClientParameters("pgsql", argument)
        hosts = sql_hosts(parameters)
        account = {
            "user": parameters.text("user"),
            "password": parameters.text("password"),
            "dbname": parameters.text("dbname"),
            "client_encoding": parameters.text("encoding", "UTF8"),
        }
        given = {name: value for name, value in account.items() if value}
        conninfos = {host: _conninfo(host, given, parameters) for host in hosts.names}
        pool = shared_pool(
            ("pgsql", hosts, tuple(conninfos.values())),
            lambda: Servers[SqlSession](
                hosts.names,
                lambda host: _Session(conninfos[host]),
                preferred=hosts.unix,
                idle_interval=hosts.idle_interval,
                retry_interval=hosts.retry_interval,
            ),
        )
        super().__init__(
            parameters, pool, open_map, rules, function=parameters.text("select_function")
        )


class _Session:
    """One connection. Queries go through libpq alone: text in, text out, and a limit in time."""

    def __init__(self, conninfo: str) -> None:
        try:
            self._connection = psycopg.connect(conninfo, autocommit=True)
        except (psycopg.Error, OSError) as error:
            raise ServerLost(_one_line(str(error))) from error
        self._libpq = self._connection.pgconn
        self._libpq.nonblocking = 1

    def quote(self, text: str, inside: str) -> str:
        try:
            quoted = pq.Escaping(self._libpq).escape_string(text.encode()).decode()
        except (psycopg.Error, UnicodeError) as error:
            raise QueryRefused(f"key cannot be quoted: {_one_line(str(error))}") from error
        if inside == "'":
            return quoted
        if inside == "E'":
            # Where the server takes backslashes literally in '...', E'...' still does not.
            return text.replace("\\", "\\\\").replace("'", "''")
        return text.replace(inside, inside * 2)

    def values(self, query: str) -> Sequence[str]:
        deadline = time.monotonic() + ANSWER_LIMIT_S
        try:
            self._libpq.send_query(query.encode("utf-8", "surrogateescape"))
            self._wait(deadline, sending=True)
            result = None
            while (one := self._next_result(deadline)) is not None:
                result = one if result is None or _is_good(result) else result
        except (psycopg.Error, OSError) as error:
            raise ServerLost(_one_line(str(error))) from error
        if self._libpq.status != pq.ConnStatus.OK:
            raise ServerLost(self._error())
        if result is None or not _is_good(result):
            raise QueryRefused(f"query failed: {self._error()}")
        return [
            (result.get_value(row, column) or b"").decode("utf-8", "surrogateescape")
            for row in range(result.ntuples)
            for column in range(result.nfields)
        ]

    def close(self) -> None:
        self._connection.close()

    def _next_result(self, deadline: float) -> "pq.abc.PGresult | None":
        while self._libpq.is_busy():
            self._wait(deadline)
            self._libpq.consume_input()
        return self._libpq.get_result()

    def _wait(self, deadline: float, *, sending: bool = False) -> None:
        """Wait until the server has said something, or, if *sending*, until it has all of it."""
        while not sending or self._libpq.flush():
            socket = self._libpq.socket
            poll = select.poll()
            poll.register(socket, select.POLLIN | (select.POLLOUT if sending else 0))
            ready = poll.poll(max(deadline - time.monotonic(), 0) * 1000)
            if not ready:
                raise ServerSilent(f"no answer within {ANSWER_LIMIT_S:.0f} s")
            if not sending:
                return
            if ready[0][1] & select.POLLIN:
                self._libpq.consume_input()

    def _error(self) -> str:
        return _one_line(self._libpq.get_error_message())


def _conninfo(host: str, account: dict[str, str], parameters: ClientParameters) -> str:
    """Return what libpq is told of a server.

    Raises ConfigError: the host cannot be understood.
    """
    limits = {"connect_timeout": str(int(CONNECT_LIMIT_S))}
    try:
        if host.startswith(_URIS):
            # What the URI says comes first; Postfix takes everything from it.
            said = psycopg.conninfo.conninfo_to_dict(host)
            text = {name: str(value) for name, value in said.items() if value is not None}
            return psycopg.conninfo.make_conninfo(**{**limits, **account, **text})
        return psycopg.conninfo.make_conninfo(**limits, **account, **_address(host))
    except (psycopg.Error, ConfigError) as error:
        raise parameters.error(
            "hosts", _one_line(str(error)), "host, host:port, unix:/DIRECTORY or a URI"
        ) from error


def _address(host: str) -> dict[str, str]:
    path = host.removeprefix("unix:")
    if path.startswith("/"):
        directory, mark, port = path.rpartition("/" + _SOCKET_NAME)
        if mark:
            return {"host": directory, "port": port}
        directory, mark, port = path.rpartition(":")
        return {"host": directory, "port": port} if mark else {"host": path}
    endpoint = parse_endpoint(path, default_service=_DEFAULT_PORT)
    return {"host": endpoint.host, "port": str(endpoint.port)}


def _is_good(result: "pq.abc.PGresult") -> bool:
    return result.status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


def _one_line(text: str) -> str:
    return " ".join(text.split())
