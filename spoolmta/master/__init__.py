"""The master: binds, starts, throttles, reaps and reloads services; it never opens the spool.

supervisor   the life of the master, from the lock to the last service's end
programs     which code runs for a master.cf command
sockets      the listening sockets of services
children     the processes of one service: how many, when to start the next, when to give up
"""
