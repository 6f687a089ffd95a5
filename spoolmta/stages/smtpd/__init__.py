"""smtpd: takes mail from the network, checks it, cleans it up and puts it into the spool.

service       the process: listening, number of sessions, time limits, draining
connection    one connection: bytes in, replies out, one handler at a time
session       one client: what was said so far, and what is kept count of
verbs         which verbs there are, and what happens to every command line
chat          the replies, batch by batch
transcript    what was said, and what went wrong, for the postmaster
server        what all sessions share: parameters, lists, tables, log, spool
transaction   one mail on its way in: envelope, content, what access actions want
peer          the client's name
hello mail rcpt data vrfy etrn control
              what the verbs do
intake        content through cleanup into the spool
storage       whether the disk has room
restrictions  who may do what
"""
