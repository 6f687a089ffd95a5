"""The types of tables, and how "type:name" becomes one of them.

Postfix: DATABASE_README, postconf(1) -m
"""

from collections.abc import Callable

from spoolmta.errors import ConfigError
from spoolmta.maps.inline import FailMap, InlineMap, StaticMap
from spoolmta.maps.lookup import Map, Maps
from spoolmta.maps.match_list import MatchList, parse_match_list
from spoolmta.maps.syntax import split_words

_TYPES: dict[str, Callable[[str], Map]] = {
    "fail": FailMap,
    "inline": InlineMap,
    "static": StaticMap,
}


def open_map(spec: str) -> Map:
    """Return the table "type:name".

    Raises ConfigError: the type is not known, or the table cannot be opened or understood.
    """
    kind, colon, argument = spec.partition(":")
    if not colon or not argument:
        raise ConfigError(f'table "{spec}": expected "type:name"')
    opener = _TYPES.get(kind)
    if opener is None:
        raise ConfigError(
            f'table "{spec}": unsupported type "{kind}"; supported: {", ".join(map_types())}'
        )
    return opener(argument)


def open_maps(specs: str) -> Maps:
    """Return the tables of a list that blanks or commas separate.

    Raises ConfigError: one of them cannot be opened.
    """
    return Maps([open_map(spec) for spec in split_words(specs)], specs.strip())


def open_match_list(text: str, *, parents: bool = False, exact: bool = False) -> MatchList:
    """Return a list as in mydestination (*exact*), mynetworks or relay_domains (see MatchList).

    Raises ConfigError: an element cannot be understood, or a file or table cannot be opened.
    """
    return parse_match_list(text, open_map, parents=parents, exact=exact)


def map_types() -> list[str]:
    """Return the names of the types that open_map takes, sorted."""
    return sorted(_TYPES)
