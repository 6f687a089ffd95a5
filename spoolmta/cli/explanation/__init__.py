"""What would happen to mail for an address: "spoolmta explain", "sendmail -bv".

Nothing is decided here. The functions that mail runs are run, with their tables under watch
(maps/recorded.py), and what they answer is told together with the entry that made them say so.

inquiry     all of it, in the order in which mail would meet it
facts       what is found out
rewriting   sender and recipient rewritten, copies, virtual aliases
aliases     the tree of virtual aliases
admission   what smtpd's restrictions say
watched     those restrictions under watch
membership  the entry that makes a domain a member of a class
route       address class, transport, next hop, limits, and why
servers     the hosts of a next hop
mailbox     virtual and local mailboxes, aliases, .forward files
conclusion  what becomes of it all
story       the facts for a person
report      asks, and prints the answer

Must not: write anything; decide anything a second time
"""
