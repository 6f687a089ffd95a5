"""Parameters of the SMTP server.

Postfix: smtpd(8), postconf(5), SMTPD_ACCESS_README
"""

from spoolmta.config.parameter import choice, number, seconds, text, yes_no
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
