"""Addresses: parse, quote, rewrite, resolve.

parts           local part and domain, user and extension
quoting         internal and external form
tokens          atoms, quoted strings, comments, operators
rewrite         any form becomes user@fully.qualified.domain
hostname        what may stand behind the @
routing         parameters, tables and lists that decisions are made from; address classes
resolve         an address becomes transport, next hop and class
"""
