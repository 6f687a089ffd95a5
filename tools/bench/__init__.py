"""The benchmark: spoolmta and Debian's Postfix in turns, same settings, same disk, both durable.

profiles    the list of what is measured
throughput, broadcast, latency, neighbours, depth, footprint, sessions, start, submission,
durability
            the kinds of measurement, one a file
stand       one run's surroundings: a system on its place, and how much is done
systems     the two mail systems under test, each with its own folders and ports
disk        the place: a fresh file system
load        how mail is sent
routes      where it goes
peers       who sends and who receives: Postfix's smtp-source and smtp-sink, or our own
generator   our own sender, a program and a client for the kinds that note moments
sink        our own receiver, the same
cost        what messages cost: CPU by service, bytes written, commits
processors  CPU seconds by service
processes   what the kernel knows of a tree of processes
trace       the judge of durability
figures     what a run gives
measure     pairs of runs in turns
report      the table, the JSON

Run as: python -m tools.bench
"""
