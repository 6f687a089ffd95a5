"""Parameters of the commands with which users see and flush the queue."""

from spoolmta.config.parameter import text
from spoolmta.config.parameters.flush import FlushRequestParameters


class QueueCommandParameters(FlushRequestParameters):
    """Who may see the queue, who may flush it, and for which destinations."""

    authorized_mailq_users: str = text("static:anyone")  # who may list the queue
