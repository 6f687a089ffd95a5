"""The types of tables that are databases. Each is imported when a configuration names it.

Postfix:  DATABASE_README
Must not: connect to anything
"""

from collections.abc import Callable
from importlib import import_module

from spoolmta.errors import ConfigError
from spoolmta.maps.keys import KeyRules
from spoolmta.maps.lookup import Map
from spoolmta.maps.servers.client_cf import client_file
from spoolmta.maps.watched import WatchedMap

OpenMap = Callable[[str], Map]

# The class of each type, and the extra of the package that its driver comes with.
_TYPES = {
    "ldap": ("spoolmta.maps.servers.ldap", "LdapMap", "ldap"),
    "memcache": ("spoolmta.maps.servers.memcache", "MemcacheMap", ""),
    "mysql": ("spoolmta.maps.servers.mysql", "MysqlMap", "mysql"),
    "pgsql": ("spoolmta.maps.servers.pgsql", "PgsqlMap", "pgsql"),
    "sqlite": ("spoolmta.maps.servers.sqlite", "SqliteMap", ""),
}
DATABASES = tuple(_TYPES)


def open_database(kind: str, argument: str, open_map: OpenMap, rules: KeyRules) -> Map:
    """Return the table "kind:argument", one of DATABASES; a change of its file is noticed.

    Raises ConfigError: its driver is not installed, or a parameter cannot be understood.
    """
    module, name, extra = _TYPES[kind]
    try:
        table = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f'{kind}:{argument}: the Python package "{error.name}" is not installed'
            f' (install it with: pip install "spoolmta[{extra}]")'
        ) from error
    file = client_file(argument)
    if file is None:
        opened: Map = table(argument, open_map, rules)
        return opened
    name = f"{kind}:{argument}"
    return WatchedMap(name, [file], lambda: table(argument, open_map, rules), fixed=False)
