"""Tables in files that a tool has built, and the building of them.

file_tables    opening built tables and texthash
index          hash, btree, dbm, sdbm: what our postmap and postalias have built; index_build
lmdb_table     lmdb
cdb_table      cdb
texthash       a source file without building
held           built tables held in memory by a process that asks them much
table_build    building one from its source; table_file: replacing the file as a whole
"""
