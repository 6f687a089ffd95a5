"""Lookup tables: "type:name" of main.cf becomes something to ask.

registry     open_map, open_maps, open_match_list; the types
lookup       a table, tables in a row, the keys of addresses, domains and networks in their order
memory       what was found out, remembered while tables stay as they are
keys         quoted and unquoted addresses, extensions, case
match_list   mydestination, mynetworks, relay_domains
syntax       words and {groups} of main.cf
inline       inline, static, internal, fail
text         source files; texthash
watched      files that are read again when they change
file_tables  opening built tables and texthash
table_build  building hash, btree, dbm, sdbm, lmdb and cdb tables
table_file   replacing a table's file as a whole
index        hash, btree, dbm, sdbm: what our postmap and postalias have built
index_build  writing it
held         an index that is asked much, in memory
lmdb_table   lmdb
cdb_table    cdb
pattern      regexp, pcre
posix        expressions of regexp: the C library's
perl         expressions of pcre: PCRE2's
literal      which rules a key need not be shown to
replacement  $1 in the value of a rule
rule_lines   the rules of pattern and cidr tables, and their warnings
cidr         networks
address_range  one network, and a search among many
system       unix:passwd.byname, unix:group.byname, environ
composite    unionmap, pipemap, randmap
proxy        proxy: one opened table for all that name it
debug        debug: a log line for each lookup
recorded     tables that note what they are asked
lookup_server  the connections to a server behind a table
tcp          tcp
socketmap    socketmap
"""

from spoolmta.maps.index import is_outdated
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
