"""Addresses: parse, quote, rewrite, map, resolve.

parts           local part and domain, user and extension
quoting         internal and external form
tokens          atoms, quoted strings, comments, operators
address_list    the addresses of a header or a table's value
rewrite         any form becomes user@fully.qualified.domain
hostname        what may stand behind the @
routing         parameters, tables and lists that decisions are made from; address classes
resolve         an address becomes transport, next hop and class
recipients      whether a recipient exists
mapping         an address becomes those that a table names
canonical       one address in place of another
virtual_alias   several addresses in place of one
"""
