"""Mail for the users of this machine: local(8).

agent          one delivery: expand, deliver each destination, forward the rest
expansion      aliases, lists and .forward files: from a name to its destinations
recipient      a name at one step of its expansion; what it comes down to
aliases        alias tables, their owners, and the owners of lists
destination    the values of aliases(5): address, |command, /file, :include:
forward_files  where a user's .forward is looked for
lists          :include: and .forward files, read as the user whose they are
transports     mailboxes that another transport delivers to
mailbox        which command or mailbox is a user's
handover       a message handed to the process that becomes the user
forwarding     the new message that takes mail to other addresses
roots_mail     what is done as root
summary        what all answers say of one recipient
user           accounts of this machine
"""

from spoolmta.agents.local.agent import open_agent, prepare

__all__ = ["open_agent", "prepare"]
