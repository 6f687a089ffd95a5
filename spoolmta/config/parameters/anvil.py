"""Parameters of counting clients.

Postfix: anvil(8), smtpd(8), postconf(5)
"""

from spoolmta.config.parameter import Section, number, seconds, text


class AnvilParameters(Section, without_meaning="no statistics are written to the log"):
    """The period of the counts, and what is told of them."""

    anvil_rate_time_unit: float = seconds("60s", min=1)  # period that rates are counted in
    anvil_status_update_time: float = seconds("600s", min=1)  # how often maximal counts are logged


class ClientLimitParameters(Section, not_yet="clients are not counted yet"):
    """How often one client may come, and for how much."""

    smtpd_client_connection_count_limit: int = number(
        "50"
    )  # connections of a client at a time; 0: any
    smtpd_client_connection_rate_limit: int = number(
        "0"
    )  # connections of a client in a period; 0: any
    smtpd_client_message_rate_limit: int = number("0")  # messages of a client in a period; 0: any
    smtpd_client_recipient_rate_limit: int = number(
        "0"
    )  # recipients of a client in a period; 0: any
    smtpd_client_new_tls_session_rate_limit: int = number(
        "0"
    )  # TLS handshakes of a client in a period; 0: any
    smtpd_client_auth_rate_limit: int = number("0")  # AUTH commands of a client in a period; 0: any
    smtpd_client_event_limit_exceptions: str = text(
        "${smtpd_client_connection_limit_exceptions:$mynetworks}"
    )  # clients that are not counted
    smtpd_client_ipv4_prefix_length: int = number(
        "32"
    )  # bits of an IPv4 address that make a client
    smtpd_client_ipv6_prefix_length: int = number(
        "84"
    )  # bits of an IPv6 address that make a client
