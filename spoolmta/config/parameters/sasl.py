"""Parameters of authentication.

Postfix: SASL_README, smtpd(8), smtp(8), postconf(5)
"""

from spoolmta.config.parameter import Section, number, seconds, text, yes_no


class ServerSaslParameters(Section, not_yet="authentication is not supported yet"):
    """Who may log in to the SMTP server, and what senders he may use."""

    smtpd_sasl_auth_enable: bool = yes_no("no")  # offer AUTH
    smtpd_sasl_type: str = text(
        "cyrus", empty_allowed=False
    )  # who checks passwords: dovecot or cyrus
    smtpd_sasl_path: str = text(
        "smtpd", empty_allowed=False
    )  # where that is: a socket, or the application's name
    smtpd_sasl_service: str = text("smtp", empty_allowed=False)  # service name that it is told
    smtpd_sasl_local_domain: str = text("")  # realm of names without one
    smtpd_sasl_security_options: str = text(
        "noanonymous"
    )  # kinds of mechanisms that are not offered
    smtpd_sasl_tls_security_options: str = text(
        "$smtpd_sasl_security_options"
    )  # the same in an encrypted session
    smtpd_sasl_mechanism_filter: str = text("!external, static:rest")  # mechanisms that are offered
    smtpd_sasl_exceptions_networks: str = text("")  # clients that are not offered AUTH
    smtpd_sasl_authenticated_header: bool = yes_no("no")  # the login name in Received
    smtpd_sasl_response_limit: int = number("12288", min=12288)  # bytes of one response
    broken_sasl_auth_clients: bool = yes_no("no")  # the offer in the form AUTH=, too
    smtpd_sender_login_maps: str = text("")  # logins that may use a sender address
    cyrus_sasl_config_path: str = text("")  # folder of Cyrus's configuration


class ClientSaslParameters(Section, not_yet="authentication is not supported yet"):
    """How the SMTP client logs in to servers."""

    smtp_sasl_auth_enable: bool = yes_no("no")  # log in where a server offers AUTH
    smtp_sasl_password_maps: str = text("")  # login and password, by server, next hop or sender
    smtp_sasl_password_result_delimiter: str = text(
        ":", empty_allowed=False
    )  # character between login and password
    smtp_sasl_type: str = text("cyrus", empty_allowed=False)  # the implementation
    smtp_sasl_path: str = text("")  # its configuration
    smtp_sasl_security_options: str = text(
        "noplaintext, noanonymous"
    )  # kinds of mechanisms that are not used
    smtp_sasl_tls_security_options: str = text(
        "$smtp_sasl_security_options"
    )  # the same in an encrypted session
    smtp_sasl_tls_verified_security_options: str = text(
        "$smtp_sasl_tls_security_options"
    )  # the same with a server that proved its name
    smtp_sasl_mechanism_filter: str = text("")  # mechanisms that are used
    smtp_sasl_auth_soft_bounce: bool = yes_no("yes")  # a refused login is a temporary error
    smtp_sasl_auth_cache_name: str = text("")  # table that remembers refused logins
    smtp_sasl_auth_cache_time: float = seconds("90d", unit="d")  # how long they are remembered
    smtp_sender_dependent_authentication: bool = yes_no("no")  # look for the sender's login first
    smtp_send_dummy_mail_auth: bool = yes_no("no")  # MAIL with AUTH=<>
    send_cyrus_sasl_authzid: bool = yes_no("no")  # send an authorization identity, too


class LmtpSaslParameters(Section, not_yet="authentication is not supported yet"):
    """The same for the LMTP client."""

    lmtp_sasl_auth_enable: bool = yes_no("no")  # as smtp_sasl_auth_enable
    lmtp_sasl_password_maps: str = text("")  # as smtp_sasl_password_maps
    lmtp_sasl_password_result_delimiter: str = text(
        ":", empty_allowed=False
    )  # as smtp_sasl_password_result_delimiter
    lmtp_sasl_type: str = text("cyrus", empty_allowed=False)  # as smtp_sasl_type
    lmtp_sasl_path: str = text("")  # as smtp_sasl_path
    lmtp_sasl_security_options: str = text(
        "noplaintext, noanonymous"
    )  # as smtp_sasl_security_options
    lmtp_sasl_tls_security_options: str = text(
        "$lmtp_sasl_security_options"
    )  # as smtp_sasl_tls_security_options
    lmtp_sasl_tls_verified_security_options: str = text(
        "$lmtp_sasl_tls_security_options"
    )  # as smtp_sasl_tls_verified_security_options
    lmtp_sasl_mechanism_filter: str = text("")  # as smtp_sasl_mechanism_filter
    lmtp_sasl_auth_soft_bounce: bool = yes_no("yes")  # as smtp_sasl_auth_soft_bounce
    lmtp_sasl_auth_cache_name: str = text("")  # as smtp_sasl_auth_cache_name
    lmtp_sasl_auth_cache_time: float = seconds("90d", unit="d")  # as smtp_sasl_auth_cache_time
    lmtp_sender_dependent_authentication: bool = yes_no(
        "no"
    )  # as smtp_sender_dependent_authentication
    lmtp_send_dummy_mail_auth: bool = yes_no("no")  # as smtp_send_dummy_mail_auth
