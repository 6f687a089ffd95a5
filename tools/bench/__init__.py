"""The benchmark: spoolmta and Debian's Postfix in turns, same settings, same disk, both durable.

profiles    what is measured
systems     the two mail systems under test, each with its own folders and ports
peers       who sends and who receives: Postfix's smtp-source and smtp-sink, or our own
generator   our own sender, a program
sink        our own receiver, a program
processors  CPU seconds by service
measure     one run; pairs of runs
report      the table, the JSON

Run as: python -m tools.bench
"""
