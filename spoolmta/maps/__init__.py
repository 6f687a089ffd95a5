"""Lookup tables: "type:name" of main.cf becomes something to ask.

registry     open_map, open_maps, open_match_list; the types
lookup       a table, tables in a row, the keys of addresses, domains and networks in their order
memory       what was found out, remembered while tables stay as they are
keys         quoted and unquoted addresses, extensions, case
match_list   mydestination, mynetworks, relay_domains
syntax       words and {groups} of main.cf
text         source files
watched      files that are read again when they change

The types:

files        hash, btree, dbm, sdbm, lmdb, cdb, texthash
patterns     regexp, pcre, cidr
servers      ldap, mysql, pgsql, sqlite, memcache, tcp, socketmap
inline       inline, static, internal, fail; file_values: values that are files
system       unix:passwd.byname, unix:group.byname, environ
composite    unionmap, pipemap, randmap
proxy        proxy: one opened table for all that name it
debug        debug: a log line for each lookup
recorded     tables that note what they are asked
"""

from spoolmta.maps.files.index import is_outdated
from spoolmta.maps.keys import Delimiter, split_extension
from spoolmta.maps.lookup import Hit, Map, Maps, lookup_address
from spoolmta.maps.match_list import MatchList
from spoolmta.maps.registry import map_types, open_map, open_maps, open_match_list

__all__ = [
    "Delimiter",
    "Hit",
    "Map",
    "Maps",
    "MatchList",
    "is_outdated",
    "lookup_address",
    "map_types",
    "open_map",
    "open_maps",
    "open_match_list",
    "split_extension",
]
