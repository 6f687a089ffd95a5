"""Parameters of the QMQP server.

Postfix: qmqpd(8), postconf(5)
"""

from spoolmta.config.parameter import Section, seconds, text, yes_no


class QmqpParameters(Section, not_yet="QMQP is not supported yet"):
    """Who may hand in mail by QMQP."""

    qmqpd_authorized_clients: str = text("")  # clients that may
    qmqpd_client_port_logging: bool = yes_no("no")  # the client's port in the log
    qmqpd_error_delay: float = seconds("1s")  # pause before a bad answer
    qmqpd_timeout: float = seconds("300s", min=1)  # patience with a client
