"""Tables behind a server, or in a database: what they are asked, and who asks.

client_cf      the files that say how a table is asked: ldap_table(5), mysql_table(5), ...
database       opening such a table by its type
query          the query of a key, and what of its answers is the value
server_pool    the servers of a table, and the connections to them
sql            what mysql, pgsql and sqlite share; mysql_options: the option files of MySQL
ldap           ldap_connection
memcache       memcache, with the table behind it
lookup_server  the connections of tcp and socketmap
"""
