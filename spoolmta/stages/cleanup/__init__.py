"""What happens to every message before it is queued; a function, not a process.

run           Cleanup: one message on its way in, called by smtpd and pickup
rules         parameters, tables and names, opened once per process
header_block  where the header block ends, and which of its headers matter
headers       what is dropped, completed and added
checks        header checks: what a table's result does to a message
recipients    rewriting, copies, virtual aliases, duplicates
verdict       what becomes of the message, and the replies that say so
"""
