"""Parameters of the commands with which users see and flush the queue."""

from spoolmta.config.parameter import text
from spoolmta.config.parameters.common import CommonParameters


class QueueCommandParameters(CommonParameters):
    """Who may see the queue, who may flush it, and for which destinations."""

    authorized_mailq_users: str = text("static:anyone")  # who may list the queue
    authorized_flush_users: str = text("static:anyone")  # who may ask for delivery now
    fast_flush_domains: str = text("$relay_domains")  # destinations that -s and ETRN may flush
