"""Wire protocols without wires: bytes become events, values become bytes.

smtp_syntax   commands, paths, ESMTP parameters, replies, xtext: both directions
smtp_data     message content as it comes in: its end, dots, line ends, chunks
smtp_content  message content as it goes out: dots, line lengths, the end of data
smtp_server   the server's side of a session: which verb when, what comes next in the input
smtp_client   the client's side of one transaction, SMTP and LMTP
submission    how a local user hands in a message at public/submit: both directions
showq         the queue listing of public/showq: both directions

Must not: open a socket, the spool or the configuration
"""
