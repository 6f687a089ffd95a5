"""The SMTP and LMTP client: smtp(8), relay and lmtp(8) in one.

agent      what the service starts; one delivery from the next hop to the report
attempt    the walk over servers, what became of whom
departure  generic addresses in what servers see
hosts      which servers, in which order
session    one conversation: greeting, EHLO, one transaction after the other
reuse      sessions kept open for the next delivery
flags      flags=DORX of the line in master.cf
transcript what was said in a session, for the postmaster
trouble    what a failure means for a recipient, a message, a destination; its words
server     a server and its names in logs
settings   the parameters, smtp_... or lmtp_...
downgrade  8-bit content for servers that take 7-bit only
"""
