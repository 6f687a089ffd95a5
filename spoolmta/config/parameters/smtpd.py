"""Parameters of the SMTP server.

Postfix: smtpd(8), postconf(5), SMTPD_ACCESS_README
"""

from spoolmta.config.parameter import Section, choice, number, seconds, text, yes_no
from spoolmta.config.parameters.common import CommonParameters

_TEMPFAIL_ACTIONS = ("defer_if_permit", "defer")
_BAD_ACTION = "bad configuration: {name} = {value}"


class AccessParameters(CommonParameters):
    """Who may do what: restrictions, and the codes of their replies."""

    smtpd_delay_reject: bool = yes_no("yes")  # client, helo, sender lists wait for RCPT
    smtpd_client_restrictions: str = text("")  # at the connection
    smtpd_helo_restrictions: str = text("")  # at HELO, EHLO
    smtpd_sender_restrictions: str = text("")  # at MAIL
    smtpd_relay_restrictions: str = text(  # at RCPT: who may send mail elsewhere through us
        "${{$compatibility_level} <level {1} ? {} :"
        " {permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination}}"
    )
    smtpd_recipient_restrictions: str = text("")  # at RCPT
    smtpd_data_restrictions: str = text("")  # at DATA, BDAT
    smtpd_end_of_data_restrictions: str = text("")  # at the end of the content
    smtpd_etrn_restrictions: str = text("")  # at ETRN
    smtpd_relay_before_recipient_restrictions: bool = yes_no(  # which list comes first
        "${{$compatibility_level} <level {3.6} ? {no} : {yes}}"
    )
    smtpd_restriction_classes: str = text("")  # parameters whose value is a list of restrictions
    smtpd_reject_unlisted_recipient: bool = yes_no("yes")  # refuse unknown recipients
    smtpd_reject_unlisted_sender: bool = yes_no("no")  # refuse unknown senders of our domains
    smtpd_null_access_lookup_key: str = text("<>")  # the null sender's key in access(5)

    reject_code: int = number("554", min=400, max=599)  # "reject"
    defer_code: int = number("450", min=400, max=499)  # "defer"
    access_map_reject_code: int = number("554", min=400, max=599)  # REJECT in access(5)
    access_map_defer_code: int = number("450", min=400, max=499)  # DEFER in access(5)
    relay_domains_reject_code: int = number("554", min=400, max=599)  # reject_unauth_destination
    invalid_hostname_reject_code: int = number(
        "501", min=400, max=599
    )  # reject_invalid_helo_hostname
    non_fqdn_reject_code: int = number("504", min=400, max=599)  # reject_non_fqdn_...
    unknown_hostname_reject_code: int = number(
        "450", min=400, max=599
    )  # reject_unknown_helo_hostname
    unknown_client_reject_code: int = number(
        "450", min=400, max=599
    )  # reject_unknown_client_hostname
    unknown_address_reject_code: int = number("450", min=400, max=599)  # reject_unknown_..._domain
    unknown_local_recipient_reject_code: int = number("550", min=400, max=599)
    unknown_relay_recipient_reject_code: int = number("550", min=400, max=599)
    unknown_virtual_alias_reject_code: int = number("550", min=400, max=599)
    unknown_virtual_mailbox_reject_code: int = number("550", min=400, max=599)
    multi_recipient_bounce_reject_code: int = number("550", min=400, max=599)
    reject_tempfail_action: str = choice(  # what a failed lookup makes of a reject_unknown_...
        "defer_if_permit", _TEMPFAIL_ACTIONS, complaint=_BAD_ACTION
    )
    unknown_helo_hostname_tempfail_action: str = choice(
        "$reject_tempfail_action", _TEMPFAIL_ACTIONS, complaint=_BAD_ACTION
    )
    unknown_address_tempfail_action: str = choice(
        "$reject_tempfail_action", _TEMPFAIL_ACTIONS, complaint=_BAD_ACTION
    )


class SmtpdParameters(AccessParameters):
    """The dialogue: what is offered, what is demanded, and how much of it."""

    smtpd_history_flush_threshold: int = number(
        "100", min=1
    )  # lines of dialogue that are kept for a transcript, between messages
    smtpd_banner: str = text(
        "$myhostname ESMTP $mail_name", empty_allowed=False
    )  # text of the 220 greeting
    smtpd_timeout: float = seconds("${stress?{10}:{300}}s", min=1)  # patience with a client
    smtpd_peername_lookup: bool = yes_no("yes")  # look up the client's name
    smtpd_discard_ehlo_keywords: str = text("")  # what EHLO does not offer
    smtpd_discard_ehlo_keyword_address_maps: str = text("")  # the same, by client address
    smtpd_helo_required: bool = yes_no("no")  # MAIL needs HELO or EHLO first
    disable_vrfy_command: bool = yes_no("no")  # refuse VRFY
    strict_rfc821_envelopes: bool = yes_no("no")  # addresses must be in <>
    smtpd_noop_commands: str = text("")  # verbs that are answered like NOOP
    smtpd_forbidden_commands: str = text(  # first words that end a session
        "CONNECT GET POST regexp:{{/^[^A-Z]/ Bogus}}"
    )
    smtpd_forbid_unauth_pipelining: bool = yes_no("yes")  # hang up on who does not wait his turn
    smtpd_forbid_bare_newline: str = choice(  # "reject" refuses what ends lines in LF alone;
        "normalize",  # whatever is chosen, the end of data is CRLF.CRLF
        ("normalize", "yes", "reject", "note", "no"),
        complaint="bad parameter value: '{name} = {value}'",
    )
    smtpd_forbid_bare_newline_reject_code: int = number("550", min=500, max=599)

    smtpd_recipient_limit: int = number("1000", min=1)  # recipients of one message
    smtpd_recipient_overshoot_limit: int = number("1000", min=1)  # refusals that are no error yet
    smtpd_soft_error_limit: int = number("10", min=1)  # errors after which replies are slowed down
    smtpd_hard_error_limit: int = number("${stress?{1}:{20}}", min=1)  # errors that end a session
    smtpd_junk_command_limit: int = number("${stress?{1}:{100}}", min=1)  # commands without mail
    smtpd_error_sleep_time: float = seconds("1s")  # by how much replies are slowed down
    local_header_rewrite_clients: str = text(  # whose headers are completed as local mail's
        "permit_inet_interfaces"
    )


class PolicyParameters(Section, not_yet="policy services and DNS lists are not supported yet"):
    """Policy servers, and DNS lists that restrictions name."""

    smtpd_policy_service_default_action: str = text(
        "451 4.3.5 Server configuration problem", empty_allowed=False
    )  # what happens if a server does not answer
    smtpd_policy_service_max_idle: float = seconds(
        "300s", min=1
    )  # idle time after which a connection is closed
    smtpd_policy_service_max_ttl: float = seconds("1000s", min=1)  # age at which one is closed
    smtpd_policy_service_policy_context: str = text("")  # what a server is told to know us by
    smtpd_policy_service_request_limit: int = number("0")  # questions in one connection; 0: any
    smtpd_policy_service_retry_delay: float = seconds("1s", min=1)  # pause before it is asked again
    smtpd_policy_service_timeout: float = seconds("100s", min=1)  # patience with an answer
    smtpd_policy_service_try_limit: int = number("2", min=1)  # how often it is asked
    default_rbl_reply: str = text(
        "$rbl_code Service unavailable; $rbl_class [$rbl_what] blocked using "
        "$rbl_domain${rbl_reason?; $rbl_reason}",
        empty_allowed=False,
    )  # text of a refusal because of a DNS list
    rbl_reply_maps: str = text("")  # that text by list
    maps_rbl_domains: str = text("")  # lists of reject_maps_rbl
    maps_rbl_reject_code: int = number("554")  # reject_rbl_client and the like


class ProxyProtocolParameters(Section, not_yet="proxies in front or behind are not supported yet"):
    """Who may say that it speaks for another client."""

    smtpd_authorized_xclient_hosts: str = text("")  # clients that may send XCLIENT
    smtpd_authorized_xforward_hosts: str = text("")  # clients that may send XFORWARD
    smtpd_upstream_proxy_protocol: str = text(
        ""
    )  # haproxy: the client's address comes from a proxy
    smtpd_upstream_proxy_timeout: float = seconds("5s", min=1)  # patience with that proxy


class ServerFilterParameters(Section, not_yet="replies are not filtered or extended yet"):
    """What changes commands and replies."""

    smtpd_command_filter: str = text("")  # table that changes commands
    smtpd_dns_reply_filter: str = text("")  # table that changes DNS answers
    smtpd_reject_filter_maps: str = text("")  # tables that change refusals
    smtpd_reject_footer: str = text("")  # text below refusals
    smtpd_reject_footer_maps: str = text("")  # that text by refusal
    smtpd_expansion_filter: str = text(
        ""
        "\\t\\40!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`abcdefghijklmnopqrstuvwxyz{|}~",
        empty_allowed=False,
    )  # characters that $names bring into replies


class ServerHabitParameters(Section, not_yet="it is not supported yet"):
    """More of the dialogue."""

    permit_mx_backup_networks: str = text("")  # networks of the primary MX for permit_mx_backup
    plaintext_reject_code: int = number("450")  # reject_plaintext_session
    smtpd_client_port_logging: bool = yes_no("no")  # the client's port in the log
    smtpd_delay_open_until_valid_rcpt: bool = yes_no("yes")  # no queue file before a good recipient
    smtpd_forbid_bare_newline_exclusions: str = text(
        "$mynetworks"
    )  # clients that may end lines in LF alone
    smtpd_hide_client_session: bool = yes_no("no")  # no client in Received
    smtpd_log_access_permit_actions: str = text("")  # log who was let in, by list
    smtpd_min_data_rate: int = number("500", min=1)  # bytes a second that a request must bring
    smtpd_per_request_deadline: bool = yes_no(
        "${smtpd_per_record_deadline?{$smtpd_per_record_deadline}:{${stress?{yes}:{no}}}}"
    )  # time limits are for whole requests
    tcp_windowsize: int = number("0")  # window of TCP; 0: the system's
