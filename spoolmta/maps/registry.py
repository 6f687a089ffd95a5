"""The types of tables, and how "type:name" becomes one of them.

Postfix: DATABASE_README, postconf(1) -m
"""

from collections.abc import Callable
from functools import partial

from spoolmta.errors import ConfigError
from spoolmta.maps.composite import PipeMap, RandomMap, UnionMap
from spoolmta.maps.debug import DebugMap
from spoolmta.maps.files.file_tables import FILE_TABLES, open_file_table
from spoolmta.maps.inline import FailMap, InlineMap, InternalMap, StaticMap
from spoolmta.maps.keys import USUAL, KeyRules
from spoolmta.maps.lookup import Map, Maps
from spoolmta.maps.match_list import MatchList, parse_match_list
from spoolmta.maps.patterns.cidr import CidrMap
from spoolmta.maps.patterns.pattern import PatternMap
from spoolmta.maps.proxy import open_proxied
from spoolmta.maps.servers.database import DATABASES, open_database
from spoolmta.maps.servers.socketmap import SocketMap
from spoolmta.maps.servers.tcp import TcpMap
from spoolmta.maps.syntax import split_words
from spoolmta.maps.system import EnvironMap, UnixMap

_PLAIN: dict[str, Callable[[str], Map]] = {
    "fail": FailMap,
    "internal": InternalMap,
    "randmap": RandomMap,
    "socketmap": SocketMap,
    "tcp": TcpMap,
}
_KEYED: dict[str, Callable[[str, KeyRules], Map]] = {
    "environ": EnvironMap,
    "cidr": lambda argument, rules: CidrMap(argument, files=rules.files),
    "inline": InlineMap,
    "static": StaticMap,
    "unix": UnixMap,
    **{kind: partial(open_file_table, kind) for kind in FILE_TABLES},
}
_OF_MAPS: dict[str, Callable[[str, Callable[[str], Map]], Map]] = {
    "debug": DebugMap,
    "pipemap": PipeMap,
    "unionmap": UnionMap,
}
_PROXY = "proxy"
_PATTERNS = {"pcre": True, "regexp": False}
# Nobody vouches for who answers there.
_UNAUTHENTICATED = ("memcache", "socketmap", "tcp")


def open_map(
    spec: str, *, substitution: bool = True, sensitive: bool = False, rules: KeyRules = USUAL
) -> Map:
    """Return the table "type:name".

    Without *substitution* a pattern's value may not take text from the key ($1): for tables whose
    values name transports. The values of a *sensitive* table name files, commands or users: there
    is no substitution, "proxy:" is passed by, and a server without authentication is refused.
    *rules* are for keys and values as postmap's options want them.

    Raises ConfigError: the type is not known or not allowed, or the table cannot be opened or
    understood.
    """
    kind, colon, argument = spec.partition(":")
    if not colon or not argument:
        raise ConfigError(f'open dictionary: expecting "type:name" form instead of "{spec}"')
    if sensitive and kind in _UNAUTHENTICATED:
        raise ConfigError(
            f"{spec} map is not allowed for security-sensitive data (use a file or a database)"
        )
    if kind in _PLAIN:
        return _PLAIN[kind](argument)
    if kind in _KEYED:
        return _KEYED[kind](argument, rules)
    if kind in _PATTERNS:
        may_substitute = substitution and not sensitive
        return PatternMap(
            argument, perl=_PATTERNS[kind], substitution=may_substitute, files=rules.files
        )

    def open_part(part: str) -> Map:
        return open_map(part, substitution=substitution, sensitive=sensitive, rules=rules)

    if kind == _PROXY and sensitive:
        return open_part(argument)
    if kind == _PROXY:
        return open_proxied(argument, open_part, substitution=substitution)
    if kind in DATABASES:
        return open_database(kind, argument, open_part, rules)
    if kind in _OF_MAPS:
        return _OF_MAPS[kind](argument, open_part)
    raise ConfigError(
        f"unsupported dictionary type: {kind} (supported are {', '.join(map_types())})"
    )


def open_maps(
    specs: str, *, substitution: bool = True, sensitive: bool = False, utf8: bool = True
) -> Maps:
    """Return the tables of a list that blanks or commas separate (see open_map and Maps).

    Raises ConfigError: one of them cannot be opened.
    """
    maps = [
        open_map(spec, substitution=substitution, sensitive=sensitive)
        for spec in split_words(specs)
    ]
    return Maps(maps, specs.strip(), utf8=utf8)


def open_match_list(
    text: str, *, parents: bool = False, exact: bool = False, names_only: bool = False
) -> MatchList:
    """Return a list as in mydestination (*exact*), mynetworks or relay_domains (see MatchList).

    In a list of *names_only*, "[192.0.2.1]" is a word as every other.

    Raises ConfigError: an element cannot be understood, or a file or table cannot be opened.
    """
    return parse_match_list(text, open_map, parents=parents, exact=exact, names_only=names_only)


def map_types() -> list[str]:
    """Return the names of the types that open_map takes, sorted."""
    return sorted((*_PLAIN, *_KEYED, *_OF_MAPS, *_PATTERNS, *DATABASES, _PROXY))
