"""Lookup tables: "type:name" of main.cf becomes something to ask.

registry    open_map, open_maps, open_match_list; the types
lookup      a table, tables in a row, the keys of an address in their order
keys        quoted and unquoted addresses, extensions, case
match_list  mydestination, mynetworks, relay_domains
syntax      words and {groups} of main.cf
inline      inline, static, fail
"""

from spoolmta.maps.keys import Delimiter
from spoolmta.maps.lookup import Hit, Map, Maps, lookup_address
from spoolmta.maps.match_list import MatchList
from spoolmta.maps.registry import map_types, open_map, open_maps, open_match_list

__all__ = [
    "Delimiter",
    "Hit",
    "Map",
    "Maps",
    "MatchList",
    "lookup_address",
    "map_types",
    "open_map",
    "open_maps",
    "open_match_list",
]
