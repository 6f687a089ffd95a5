"""The clients of databases among lookup tables: where their settings stand, and which they know.

"mysql:/etc/postfix/users.cf" has a file of settings. "mysql:users" has its settings in main.cf, as
users_hosts, users_query and so on.

Postfix:    ldap_table(5), mysql_table(5), pgsql_table(5), sqlite_table(5), memcache_table(5),
            mongodb_table(5)
Reads:      the files that tables name
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from spoolmta.config.main_cf import parse_main, read_text
from spoolmta.config.master_cf import words_of
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

_PROXY = "proxy:"
_OF_SEVERAL = ("unionmap:", "pipemap:", "randmap:")


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


def clients(value: str) -> Iterator[Client]:
    """Return the database clients among the words of *value*, also within braces and proxy:."""
    for braced in words_of(value.replace(",", " ")):
        word = braced
        while word.startswith((_PROXY, *_OF_SEVERAL)):
            word = word.partition(":")[2]
        if word.startswith("{"):
            yield from clients(word[1:].removesuffix("}"))
            continue
        kind, mark, source = word.partition(":")
        if mark and kind in SETTINGS:
            yield Client(kind, source)


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
