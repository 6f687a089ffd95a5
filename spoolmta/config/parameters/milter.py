"""Parameters of milters.

Postfix: MILTER_README, cleanup(8), smtpd(8), postconf(5)
"""

from spoolmta.config.parameter import Section, seconds, text


class MilterParameters(Section, not_yet="milters are not supported yet"):
    """Which milters see mail, what they are told, and what their silence means."""

    smtpd_milters: str = text("")  # milters for mail that comes by SMTP
    smtpd_milter_maps: str = text("")  # those milters by client
    non_smtpd_milters: str = text("")  # milters for mail that is handed in on this machine
    milter_default_action: str = text(
        "shutdown", empty_allowed=False
    )  # what is done if a milter does not answer
    milter_protocol: str = text("6", empty_allowed=False)  # version of the protocol
    milter_connect_timeout: float = seconds("30s", min=1)  # patience with the connection
    milter_command_timeout: float = seconds("30s", min=1)  # patience with an answer to a command
    milter_content_timeout: float = seconds("300s", min=1)  # patience with an answer to the content
    milter_header_checks: str = text("")  # tables that decide about headers that a milter adds
    milter_macro_daemon_name: str = text(
        "$myhostname", empty_allowed=False
    )  # value of {daemon_name}
    milter_macro_v: str = text("$mail_name $mail_version", empty_allowed=False)  # value of v
    milter_macro_defaults: str = text("")  # values of macros that have none
    milter_connect_macros: str = text(
        "j {daemon_name} {daemon_addr} v _"
    )  # macros that go with the connection
    milter_helo_macros: str = text(
        "{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}"
    )  # macros that go with HELO and EHLO
    milter_mail_macros: str = text(
        "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}"
    )  # macros that go with MAIL
    milter_rcpt_macros: str = text(
        "i {rcpt_addr} {rcpt_host} {rcpt_mailer}"
    )  # macros that go with RCPT
    milter_data_macros: str = text("i")  # macros that go with DATA
    milter_unknown_command_macros: str = text("")  # macros that go with an unknown command
    milter_end_of_header_macros: str = text("i")  # macros that go with the end of headers
    milter_end_of_data_macros: str = text("i")  # macros that go with the end of the content
