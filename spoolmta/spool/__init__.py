"""The spool: one SQLite file, and the only code that says SQL.

connection   open spool.db (filesystem: on a local disk); transactions, durable or not; the gate
committer    the spool thread of an event-loop service: group commit
schema       schema.sql applied and verified
statements   the named statements of queries/*.sql
state        the names of the six state tables
queues       how a message enters them, is claimed, moves on and ends
content      what is in a message, piece by piece
maildrop     the ends of a maildrop message that is not passed on
plans        deliveries that are to be made; slices: of messages with very many recipients
deliveries   granted, claimed, reported
outcomes     the latest answers for recipients
completion   what became of a message whose deliveries are answered
notices      reports to senders that are to be written
flushes      requests to try all deferred mail now, as the scheduler takes them
processes    who works on the spool, what the dead leave behind; liveness: who still runs
events       the journal, as it is written
journal      all of it, read; history, days: what has ended, in a file for each day
upkeep       checkpoints, expired history, abandoned content, free pages
backup       a copy while mail flows; restore: the way back
questions    what an operator asks; surgery: what an operator does

A function that takes `tx` first runs in the caller's transaction.
"""
