"""The clients of databases among lookup tables: where their settings stand, and which they know.

"mysql:/etc/postfix/users.cf" has a file of settings. "mysql:users" has its settings in main.cf, as
users_hosts, users_query and so on.

Postfix:    ldap_table(5), mysql_table(5), pgsql_table(5), sqlite_table(5), memcache_table(5),
            mongodb_table(5)
Reads:      the files that tables name
Limits:     braces are searched down to a hundred levels
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from spoolmta.config.main_cf import parse_main, read_text
from spoolmta.config.words import COMMA_SPACE, inside_braces, split
from spoolmta.errors import ConfigError

_OF_ALL = ("domain", "expansion_limit", "result_format")
_OF_SQL = (
    *_OF_ALL, "query", "table", "select_field", "where_field", "additional_conditions",
)  # fmt: skip
_OF_SERVERS = (*_OF_SQL, "hosts", "user", "password", "dbname", "idle_interval", "retry_interval")

SETTINGS: Mapping[str, frozenset[str]] = {
    "ldap": frozenset((
        *_OF_ALL, "bind", "bind_dn", "bind_pw", "cache", "cache_expiry", "cache_size",
        "chase_referrals", "debuglevel", "dereference", "leaf_result_attribute", "query_filter",
        "recursion_limit", "result_attribute", "result_filter", "sasl_authz_id", "sasl_mechs",
        "sasl_minssf", "sasl_realm", "scope", "search_base", "server_host", "server_port",
        "size_limit", "special_result_attribute", "start_tls", "terminal_result_attribute",
        "timeout", "tls_ca_cert_dir", "tls_ca_cert_file", "tls_cert", "tls_cipher_suite",
        "tls_key", "tls_random_file", "tls_require_cert", "version",
    )),
    "mysql": frozenset((
        *_OF_SERVERS, "charset", "option_file", "option_group", "require_result_set",
        "tls_CAfile", "tls_CApath", "tls_cert_file", "tls_ciphers", "tls_key_file",
        "tls_verify_cert",
    )),
    "pgsql": frozenset((*_OF_SERVERS, "encoding", "select_function")),
    "sqlite": frozenset((*_OF_SQL, "dbpath")),
    "memcache": frozenset((
        "backup", "data_size_limit", "domain", "flags", "key_format", "line_size_limit",
        "max_try", "memcache", "retry_pause", "timeout", "ttl",
    )),
    "mongodb": frozenset((
        *_OF_ALL, "uri", "dbname", "collection", "query_filter", "result_attribute", "projection",
    )),
}  # fmt: skip
"""The settings that a client knows, by the type of its table."""

_PROXY = "proxy"
_DEEPEST = 100


class Client(NamedTuple):
    """A table's type, and the file or the prefix of names in main.cf that has its settings."""

    kind: str
    source: str

    @property
    def has_file(self) -> bool:
        """Whether the settings stand in a file of their own."""
        return "/" in self.source

    @property
    def names(self) -> Iterator[str]:
        """The names in main.cf that have its settings."""
        return (f"{self.source}_{setting}" for setting in SETTINGS[self.kind])


class Found(NamedTuple):
    """The database clients that a value names, and what is wrong with its braces."""

    clients: list[Client]
    faults: list[str]


def find(value: str) -> Found:
    """Return the database clients among the words of *value*, also within braces and proxy:."""
    found = Found([], [])
    values = [(value, 0)]
    for text, depth in values:
        for word in split(text, COMMA_SPACE).words:
            kind, mark, source = word.partition(":")
            while mark and kind == _PROXY:
                kind, mark, source = source.partition(":")
            list_of_words = word if word.startswith("{") else source
            if list_of_words.startswith("{"):
                inside, fault = inside_braces(list_of_words)
                values.extend(((inside, depth + 1),) if depth < _DEEPEST else ())
                found.faults.extend(filter(None, (fault,)))
            elif mark and kind in SETTINGS:
                found.clients.append(Client(kind, source))
    return found


def doubts(client: Client) -> Iterator[str]:
    """Return what is wrong with the file of a *client*: it is missing, or no setting of it."""
    path = Path(client.source)
    file = f"{client.kind}:{path}"
    try:
        settings = parse_main(read_text(path), file)
    except ConfigError as error:
        cause = str(error)
        unreadable = f"open {path}: "
        if cause.startswith(unreadable):
            cause = f'open "{client.kind}" configuration "{path}": {cause[len(unreadable) :]}'
        yield cause
        return
    yield from settings.warnings
    for name, value in settings.values.items():
        if name not in SETTINGS[client.kind]:
            yield f"{file}: unused parameter: {name}={value}"
