"""The life of a process that serves: what every service has in common.

context      what a service is handed: configuration, log, clock, spool, ids, sockets
process      from the fork to the end: drop privileges, register, serve, drain, retire
worker       the loop of a poll-loop stage: run once, wait for a poke or the next due time
eager        runs a coroutine at once, and goes on with it when what it waits for is there
poke         wake-ups by empty datagrams; a lost one costs latency, never mail
postmaster   letters to the postmaster about sessions that went wrong
privileges   becoming the user of a service, for good
crash        named points at which a test ends the process
"""
