"""What an operator asks of the spool. Every read is bounded, and changes nothing.

inspect        states, one message, its history; listing: as mailq shows the queue
shape          how mail is spread over domains and ages; gauges: figures for a live screen
circumstances  what holds one message; prospect: what waits for a domain; outlook: what goes next
past, as_of    the journal backwards; the queue as it was
incident       what came in by one login, client or sender
audit          the account of every recipient
question       an operator's own SELECT
"""
