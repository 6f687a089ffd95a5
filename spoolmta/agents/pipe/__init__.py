"""pipe: mail is handed to a command.

agent       a delivery: the message made ready, the command run as its user, what it said
attributes  user=, flags=, argv= and so on of a service in master.cf
arguments   the command's arguments, with what ${recipient} and so on stand for

Postfix: pipe(8)
"""

from spoolmta.agents.pipe.agent import open_agent, prepare

__all__ = ["open_agent", "prepare"]
