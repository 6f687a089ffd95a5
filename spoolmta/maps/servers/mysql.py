"""mysql: the answer of a query to a MySQL or MariaDB server.

Postfix: mysql_table(5)
Limits:  the key is quoted for the character set of the connection; one that is no text in it is
         no key of the table
"""

import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.constants import CR, ER, SERVER_STATUS
from pymysql.converters import escape_string

from spoolmta.errors import ConfigError
from spoolmta.maps.keys import USUAL, KeyRules
from spoolmta.maps.lookup import Map
from spoolmta.maps.servers.client_cf import ClientParameters
from spoolmta.maps.servers.mysql_options import read_options
from spoolmta.maps.servers.server_pool import (
    ANSWER_LIMIT_S,
    CONNECT_LIMIT_S,
    QueryRefused,
    ServerLost,
    Servers,
    ServerSilent,
    connect_stream,
    shared_pool,
)
from spoolmta.maps.servers.sql import SqlMap, SqlSession, sql_hosts
from spoolmta.net.endpoint import parse_endpoint

_DEFAULT_SOCKET = "/run/mysqld/mysqld.sock"
_DEFAULT_PORT = "3306"
_NO_BACKSLASH_ESCAPES = SERVER_STATUS.SERVER_STATUS_NO_BACKSLASH_ESCAPES
# The connection is no more: the server went away, was shut down, or ended it.
_LOST = frozenset(
    {CR.CR_SERVER_GONE_ERROR, CR.CR_SERVER_LOST, CR.CR_SERVER_LOST_EXTENDED}
    | {ER.SERVER_SHUTDOWN, ER.NET_READ_INTERRUPTED, 1927, 4031}
)


@dataclass(frozen=True, slots=True)
class _Account:
    """What is the same for all servers of a table."""

    user: str
    password: str
    database: str
    charset: str
    socket: str
    port: str
    require_result_set: bool
    tls: tuple[tuple[str, str], ...]
    verify: bool


class MysqlMap(SqlMap):
    """mysql:FILE.cf or mysql:NAME."""

    def __init__(
        self, argument: str, open_map: Callable[[str], Map], rules: KeyRules = USUAL
    ) -> None:
        """Raises ConfigError: a parameter is missing or cannot be understood."""
        parameters = ClientParameters("mysql", argument)
        hosts = sql_hosts(parameters)
        account = _account(parameters)
        for host in hosts.names:
            _address(host, account)
        context = _tls_context(parameters, account)
        pool = shared_pool(
            ("mysql", hosts, account),
            lambda: Servers[SqlSession](
                hosts.names,
                lambda host: _Session(host, account, context),
                preferred=hosts.unix,
                idle_interval=hosts.idle_interval,
                retry_interval=hosts.retry_interval,
            ),
        )
        super().__init__(parameters, pool, open_map, rules)


class _Session:
    """One connection."""

    def __init__(self, host: str, account: _Account, context: ssl.SSLContext | None) -> None:
        self._require_result_set = account.require_result_set
        address = _address(host, account)
        is_local = "unix_socket" in address
        self._connection: Any = pymysql.connect(
            **address,
            user=account.user,
            password=account.password.encode("utf-8", "surrogateescape"),
            database=account.database or None,
            charset=account.charset,
            autocommit=True,
            conv={},
            read_timeout=ANSWER_LIMIT_S,
            write_timeout=ANSWER_LIMIT_S,
            ssl=None if is_local else context,
            ssl_disabled=is_local,
            defer_connect=True,
        )
        try:
            stream = connect_stream(
                address.get("unix_socket") or (address["host"], address["port"]), CONNECT_LIMIT_S
            )
        except OSError as error:
            raise ServerLost(f"cannot connect: {error}") from error
        try:
            self._connection.connect(stream)
        except (pymysql.MySQLError, OSError, UnicodeError) as error:
            stream.close()
            raise ServerLost(_text_of(error)) from error

    def quote(self, text: str, inside: str) -> str:
        try:
            # The server reads the bytes of the key in its own character set: so must the quoting.
            text = text.encode().decode(self._connection.encoding)
        except UnicodeError as error:
            raise QueryRefused(
                f"key is no text in charset {self._connection.charset}: {text!r}"
            ) from error
        mark = inside[-1]
        if mark == "`" or self._connection.server_status & _NO_BACKSLASH_ESCAPES:
            return text.replace(mark, mark * 2)
        if mark == '"':
            # With ANSI_QUOTES a backslash does not escape the mark.
            return '""'.join(map(escape_string, text.split('"')))
        return escape_string(text)

    def values(self, query: str) -> Sequence[str]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(query)
                return self._fields(cursor)
        except pymysql.InterfaceError as error:
            raise ServerLost(_text_of(error)) from error
        except pymysql.MySQLError as error:
            if "timed out" in str(error):
                raise ServerSilent(_text_of(error)) from error
            if error.args and error.args[0] in _LOST:
                raise ServerLost(_text_of(error)) from error
            raise QueryRefused(f"query failed: {_text_of(error)}") from error
        except OSError as error:
            raise ServerLost(str(error)) from error
        except UnicodeError as error:
            raise QueryRefused(f"query failed: {error}") from error

    def close(self) -> None:
        try:
            self._connection.close()
        except (pymysql.MySQLError, OSError):
            # It was closed already.
            return

    def _fields(self, cursor: Any) -> list[str]:
        """Return the fields of the one result set; a stored procedure may give several or none."""
        sets = 0
        fields: list[str] = []
        while True:
            if cursor.description is not None:
                sets += 1
                fields += [self._text(field) for row in cursor.fetchall() for field in row]
            if not cursor.nextset():
                break
        if sets > 1:
            raise QueryRefused("query failed: multiple result sets returning data")
        if not sets and self._require_result_set:
            raise QueryRefused(
                "query failed: no result set; if that is meant, say require_result_set = no"
            )
        return fields

    def _text(self, field: str | bytes | None) -> str:
        if field is None:
            return ""
        content = field.encode(self._connection.encoding) if isinstance(field, str) else field
        return content.decode("utf-8", "surrogateescape").partition("\0")[0]


def _account(parameters: ClientParameters) -> _Account:
    options = read_options(
        parameters.text("option_file"), parameters.text("option_group", "client")
    )
    names = {
        "cafile": ("tls_CAfile", "ssl-ca"),
        "capath": ("tls_CApath", "ssl-capath"),
        "cert": ("tls_cert_file", "ssl-cert"),
        "ciphers": ("tls_ciphers", "ssl-cipher"),
        "key": ("tls_key_file", "ssl-key"),
    }
    tls = {
        name: parameters.text(parameter) or options.get(option, "")
        for name, (parameter, option) in names.items()
    }
    charset = parameters.text("charset", options.get("default-character-set", "utf8mb4"))
    try:
        pymysql.charset.charset_by_name(charset).encoding.encode()
    except (AttributeError, KeyError):
        raise parameters.error(
            "charset", f"unknown charset: {charset}", "one of MySQL's, such as utf8mb4"
        ) from None
    return _Account(
        user=parameters.text("user") or options.get("user", ""),
        password=parameters.text("password") or options.get("password", ""),
        database=parameters.text("dbname") or options.get("database", ""),
        charset=charset,
        socket=options.get("socket", _DEFAULT_SOCKET),
        port=options.get("port", _DEFAULT_PORT),
        require_result_set=parameters.yes_no("require_result_set", default=True),
        tls=tuple((name, value) for name, value in tls.items() if value),
        verify=parameters.yes_no("tls_verify_cert", default=False),
    )


def _address(host: str, account: _Account) -> dict[str, Any]:
    """Return how the driver is told of a server: "localhost" is the default socket, as in C.

    Raises ConfigError: the host cannot be understood.
    """
    if host.startswith("unix:"):
        return {"unix_socket": host.removeprefix("unix:")}
    endpoint = parse_endpoint(host, default_service=account.port)
    if endpoint.host == "localhost":
        return {"unix_socket": account.socket}
    return {"host": endpoint.host, "port": endpoint.port}


def _tls_context(parameters: ClientParameters, account: _Account) -> ssl.SSLContext | None:
    """Return what TLS is to be; None where nothing is said of it: then it is used if it is offered.

    Raises ConfigError: a file cannot be read.
    """
    if not account.tls and not account.verify:
        return None
    tls = dict(account.tls)
    try:
        context = ssl.create_default_context(cafile=tls.get("cafile"), capath=tls.get("capath"))
        context.check_hostname = account.verify
        trusts = "cafile" in tls or "capath" in tls or account.verify
        context.verify_mode = ssl.CERT_REQUIRED if trusts else ssl.CERT_NONE
        if "cert" in tls:
            context.load_cert_chain(tls["cert"], tls.get("key"))
        if "ciphers" in tls:
            context.set_ciphers(tls["ciphers"])
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{parameters.name}: TLS files cannot be used: {error}") from error
    return context


def _text_of(error: Exception) -> str:
    """Return a driver's error as people say it: its text without its number in a tuple."""
    return str(error.args[1]) if len(error.args) > 1 else str(error)
