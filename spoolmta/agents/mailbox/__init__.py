"""Mailboxes: what local and virtual share.

maildir     one file a message; a delivery repeated after a crash is the same file
batch       maildir deliveries that share the wait for the disk
mbox        one file a mailbox, and plain files
locking     dot locks and kernel locks
text        what a mailbox gets: LF line ends, the envelope's headers first
staging     content in an anonymous file, for the process that delivers it
work        a delivery as data, done by the process that is the recipient
trouble     errors of the operating system as status codes
"""
