"""The spool: one SQLite file, and the only code that says SQL.

connection   open spool.db; transactions, durable or not; the write gate
committer    the spool thread of an event-loop service: group commit
schema       schema.sql applied and verified
statements   the named statements of queries/*.sql
queues       the six state tables: enqueue, claim, load, advance, hold, remove
content      what is in a message, piece by piece
maildrop     the ends of a maildrop message that is not passed on
deliveries   plan, grant, claim, report
completion   what became of a message whose deliveries are answered
notices      reports to senders that are to be written
processes    who works on the spool; what the dead leave behind
upkeep       checkpoints, expired history, abandoned content
events       the journal
inspect      questions (mailq, show, trace, status)
admin        what an operator does (hold, release, requeue, delete, flush)
question     an operator's own SELECT, read-only and bounded

A function that takes `tx` first runs in the caller's transaction.
"""
