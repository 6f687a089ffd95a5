"""What an operator does to queued mail: in one transaction, written down, and taken back.

selection      which messages are meant: the selector of every command
operations     a row for each command, and each message as it was found
admin          hold, release, requeue, delete, flush
edits          another way, recipient, sender or turn; returns, expiry: back to the sender
ways           where single recipients' mail is to go
flushing       delivery now, of all deferred mail, of a site's, of one message
trash, undo    deleted mail that rests; what was done taken back
rule, rules    a standing rule, and its rows; bindings: what rules do to queued mail
"""
