"""postmap -d: taking keys out of a table.

Postfix: postmap(1), memcache_table(5)
"""

from collections.abc import Callable, Sequence

from spoolmta.errors import ConfigError
from spoolmta.maps.files.table_build import SUFFIXES, TableBuilder
from spoolmta.maps.keys import KeyRules
from spoolmta.maps.registry import open_map
from spoolmta.maps.servers.memcache import MemcacheMap

# These types know no such operation; all others that cannot be built may only be read.
_WITHOUT_DELETE = ("static", "environ")

Builder = Callable[[str, str], TableBuilder]


async def delete(spec: str, keys: Sequence[str], rules: KeyRules, builder: Builder) -> int:
    """Remove *keys* from a table; return how many were there.

    *builder* is given type and name of a table in a file.
    Raises ConfigError, MapUnavailable: the table does not let itself be changed, or not now.
    """
    kind, _, name = spec.partition(":")
    if kind in SUFFIXES:
        return builder(kind, name).delete(keys)
    if kind == "memcache":
        return await _delete_cached(name, keys, rules, builder)
    if kind in _WITHOUT_DELETE:
        open_map(spec, rules=rules)
        raise ConfigError(f"table {spec}: delete operation is not supported")
    if kind == "fail":
        raise ConfigError(f"table {spec}: delete error: Application error")
    if kind != "internal":
        raise ConfigError(f"{spec} map requires O_RDONLY access mode")
    return 0


async def _delete_cached(name: str, keys: Sequence[str], rules: KeyRules, builder: Builder) -> int:
    """Remove keys from what a cache keeps, and before from what is behind it, which counts."""
    cache = MemcacheMap(name, lambda spec: open_map(spec, rules=rules), rules)
    taken = [key for key in keys if await cache.takes(key)]
    if not cache.backup:
        return sum([await cache.delete(key) for key in taken])
    deleted = await delete(cache.backup, taken, rules, builder)
    for key in taken:
        await cache.delete(key)
    return deleted
