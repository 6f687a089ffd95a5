"""Mail for the users of this machine: local(8).

agent        one delivery: expand, deliver each destination, forward the rest
expansion    aliases, lists and .forward files: from a name to its destinations
destination  the values of aliases(5): address, |command, /file, :include:
lists        :include: and .forward files, read as the user whose they are
mailbox      which command or mailbox is a user's
forwarding   the new message that takes mail to other addresses
user         accounts of this machine
"""

from spoolmta.agents.local.agent import open_agent, prepare

__all__ = ["open_agent", "prepare"]
