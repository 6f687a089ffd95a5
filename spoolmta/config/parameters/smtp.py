"""Parameters of the SMTP and LMTP client: smtp_... for the command smtp, lmtp_... for lmtp.

Postfix:    smtp(8), lmtp(8), postconf(5)
"""

from spoolmta.config.parameter import Section, choice, number, seconds, text, yes_no
from spoolmta.config.parameters.common import CommonParameters

_FAMILIES = ("any", "ipv4", "ipv6")
_BAD_FAMILY = "bad {name} value: {value}"
_SUPPORT = ("", "disabled", "enabled", "dnssec")
_BAD_SUPPORT = 'invalid {name}: "{value}"'


class ClientParameters(CommonParameters):
    """What both clients share."""

    ignore_mx_lookup_error: bool = yes_no("no")  # look for an address if the MX lookup fails
    disable_mime_output_conversion: bool = yes_no("no")  # send 8-bit content to 7-bit servers
    fallback_relay: str = text("")  # the former name of smtp_fallback_relay
    known_tcp_ports: str = text(  # ports that need no look-up in services(5)
        "lmtp=24, smtp=25, smtps=submissions=465, submission=587"
    )


class SmtpParameters(ClientParameters):
    """The SMTP client (services with the command smtp: smtp, relay and others)."""

    smtp_helo_name: str = text("$myhostname", empty_allowed=False)  # our name in EHLO
    smtp_tcp_port: str = text("smtp", empty_allowed=False)  # port if the next hop names none
    smtp_always_send_ehlo: bool = yes_no("yes")  # even if the greeting does not say ESMTP
    smtp_never_send_ehlo: bool = yes_no("no")  # HELO only
    smtp_skip_5xx_greeting: bool = yes_no("yes")  # a 5xx greeting: try the next server
    smtp_skip_quit_response: bool = yes_no("yes")  # do not wait for the reply to QUIT
    smtp_line_length_limit: int = number("998")  # bytes; longer lines are folded; 0: no limit
    smtp_discard_ehlo_keywords: str = text("")  # EHLO keywords that count as not offered
    smtp_discard_ehlo_keyword_address_maps: str = text("")  # the same, by server address

    smtp_host_lookup: str = text("dns", empty_allowed=False)  # dns, native, or both in order
    smtp_dns_support_level: str = choice(
        "", _SUPPORT, complaint=_BAD_SUPPORT
    )  # disabled: no DNS; dnssec: verified
    smtp_address_preference: str = choice(
        "any", _FAMILIES, complaint=_BAD_FAMILY
    )  # family that is tried first
    smtp_balance_inet_protocols: bool = yes_no("yes")  # keep some of both families in the limit
    smtp_randomize_addresses: bool = yes_no("yes")  # shuffle servers of equal preference
    smtp_defer_if_no_mx_address_found: bool = yes_no("no")  # no MX host has an address: wait
    smtp_mx_address_limit: int = number("5")  # addresses tried for a message; 0: no limit
    smtp_mx_session_limit: int = number("2")  # sessions past EHLO for a message; 0: no limit
    smtp_fallback_relay: str = text("$fallback_relay")  # where to go if no server can be had
    best_mx_transport: str = text("")  # who gets mail that would loop back; empty: it bounces
    smtp_bind_address: str = text("")  # own IPv4 address to connect from
    smtp_bind_address6: str = text("")  # own IPv6 address to connect from
    smtp_bind_address_enforce: bool = yes_no("no")  # defer if that address cannot be used

    smtp_connect_timeout: float = seconds("30s")  # for one address; 0: the system's limit
    smtp_helo_timeout: float = seconds("300s", min=1)  # greeting and EHLO
    smtp_mail_timeout: float = seconds("300s", min=1)  # MAIL
    smtp_rcpt_timeout: float = seconds("300s", min=1)  # RCPT
    smtp_data_init_timeout: float = seconds("120s", min=1)  # DATA
    smtp_data_xfer_timeout: float = seconds("180s", min=1)  # for the content to move on
    smtp_data_done_timeout: float = seconds("600s", min=1)  # the reply to the end of data
    smtp_rset_timeout: float = seconds("20s", min=1)  # RSET
    smtp_quit_timeout: float = seconds("300s", min=1)  # QUIT, if its reply is waited for

    smtp_connection_cache_on_demand: bool = yes_no("yes")  # keep connections for the next message
    smtp_connection_cache_destinations: str = text("")  # next hops for which they are always kept
    smtp_connection_cache_time_limit: float = seconds("2s", min=1)  # how long an idle one is kept
    smtp_connection_reuse_time_limit: float = seconds("300s", min=1)  # age at which one ends
    smtp_connection_reuse_count_limit: int = number("0")  # messages per connection; 0: no limit
    smtp_generic_maps: str = text("")  # addresses that are replaced in mail that leaves
    smtp_reply_filter: str = text("")  # table that changes replies, line by line


class LmtpParameters(ClientParameters):
    """The LMTP client (services with the command lmtp)."""

    lmtp_lhlo_name: str = text("$myhostname", empty_allowed=False)  # our name in LHLO
    lmtp_tcp_port: str = text("24", empty_allowed=False)  # port if the next hop names none
    lmtp_assume_final: bool = yes_no("no")  # without DSN, "delivered" instead of "relayed"
    lmtp_skip_5xx_greeting: bool = yes_no("yes")  # as smtp_skip_5xx_greeting
    lmtp_skip_quit_response: bool = yes_no("no")  # as smtp_skip_quit_response
    lmtp_line_length_limit: int = number("998")  # as smtp_line_length_limit
    lmtp_discard_lhlo_keywords: str = text("")  # as smtp_discard_ehlo_keywords
    lmtp_discard_lhlo_keyword_address_maps: str = text("")  # the same, by server address

    lmtp_host_lookup: str = text("dns", empty_allowed=False)  # as smtp_host_lookup
    lmtp_dns_support_level: str = choice(
        "", _SUPPORT, complaint=_BAD_SUPPORT
    )  # as smtp_dns_support_level
    lmtp_address_preference: str = choice(
        "any", _FAMILIES, complaint=_BAD_FAMILY
    )  # as smtp_address_preference
    lmtp_balance_inet_protocols: bool = yes_no("yes")  # as smtp_balance_inet_protocols
    lmtp_randomize_addresses: bool = yes_no("yes")  # as smtp_randomize_addresses
    lmtp_mx_address_limit: int = number("5")  # as smtp_mx_address_limit
    lmtp_mx_session_limit: int = number("2")  # as smtp_mx_session_limit
    lmtp_fallback_relay: str = text("")  # as smtp_fallback_relay
    lmtp_bind_address: str = text("")  # as smtp_bind_address
    lmtp_bind_address6: str = text("")  # as smtp_bind_address6
    lmtp_bind_address_enforce: bool = yes_no("no")  # as smtp_bind_address_enforce

    lmtp_connect_timeout: float = seconds("0s")  # as smtp_connect_timeout
    lmtp_lhlo_timeout: float = seconds("300s", min=1)  # greeting and LHLO
    lmtp_mail_timeout: float = seconds("300s", min=1)  # MAIL
    lmtp_rcpt_timeout: float = seconds("300s", min=1)  # RCPT
    lmtp_data_init_timeout: float = seconds("120s", min=1)  # DATA
    lmtp_data_xfer_timeout: float = seconds("180s", min=1)  # for the content to move on
    lmtp_data_done_timeout: float = seconds("600s", min=1)  # the replies to the end of data
    lmtp_rset_timeout: float = seconds("20s", min=1)  # RSET
    lmtp_quit_timeout: float = seconds("300s", min=1)  # QUIT

    lmtp_connection_cache_on_demand: bool = yes_no("yes")  # as smtp_connection_cache_on_demand
    lmtp_connection_cache_destinations: str = text("")  # as smtp_connection_cache_destinations
    lmtp_connection_cache_time_limit: float = seconds("2s", min=1)  # how long an idle one is kept
    lmtp_connection_reuse_time_limit: float = seconds("300s", min=1)  # age at which one ends
    lmtp_connection_reuse_count_limit: int = number("0")  # messages per connection; 0: no limit
    lmtp_generic_maps: str = text("")  # as smtp_generic_maps
    lmtp_reply_filter: str = text("")  # as smtp_reply_filter


class ServiceRecordParameters(Section, not_yet="SRV records are not looked up yet"):
    """Next hops by SRV record."""

    use_srv_lookup: str = text("")  # services that are looked up so
    allow_srv_lookup_fallback: bool = yes_no("no")  # MX if there is none
    ignore_srv_lookup_error: bool = yes_no("no")  # MX if the lookup fails


class DnsParameters(Section, not_yet="DNSSEC is not supported yet"):
    """Whether the resolver can be trusted."""

    dnssec_probe: str = text("ns:.")  # question that tells it


class ResolverParameters(Section, not_yet="it is not supported yet"):
    """How the resolver is used."""

    dns_ncache_ttl_fix_enable: bool = yes_no("no")  # a sound lifetime of "there is none"
    smtp_dns_resolver_options: str = text("")  # options of the system's resolver
    lmtp_dns_resolver_options: str = text("")  # as smtp_dns_resolver_options


class ClientFilterParameters(Section, not_yet="DNS answers are not filtered yet"):
    """What changes DNS answers."""

    smtp_dns_reply_filter: str = text("")  # table that changes DNS answers
    lmtp_dns_reply_filter: str = text("")  # as smtp_dns_reply_filter


class ClientProxyParameters(Section, not_yet="proxies in front or behind are not supported yet"):
    """Telling the next server whom we speak for."""

    smtp_send_xforward_command: bool = yes_no("no")  # send XFORWARD
    smtp_xforward_timeout: float = seconds("300s", min=1)  # patience with its reply
    lmtp_send_xforward_command: bool = yes_no("no")  # as smtp_send_xforward_command
    lmtp_xforward_timeout: float = seconds("300s", min=1)  # as smtp_xforward_timeout


class ClientHabitParameters(Section, not_yet="it is not supported yet"):
    """More of the dialogue."""

    smtp_cname_overrides_servername: bool = yes_no("no")  # an alias's target is the server's name
    smtp_min_data_rate: int = number("500", min=1)  # bytes a second that a request must carry
    smtp_per_request_deadline: bool = yes_no(
        "${smtp_per_record_deadline?{$smtp_per_record_deadline}:{no}}"
    )  # time limits are for whole requests
    smtp_pix_workaround_delay_time: float = seconds(
        "10s", min=1
    )  # pause before the end of data to such a firewall
    smtp_pix_workaround_maps: str = text("")  # smtp_pix_workarounds by server
    smtp_pix_workaround_threshold_time: float = seconds(
        "500s"
    )  # age of mail at which the workarounds begin
    smtp_pix_workarounds: str = text(
        "disable_esmtp,delay_dotcrlf"
    )  # what is done for servers behind a faulty firewall
    smtp_quote_rfc821_envelope: bool = yes_no("yes")  # quote addresses as RFC 5321 asks for
    lmtp_cname_overrides_servername: bool = yes_no("no")  # as smtp_cname_overrides_servername
    lmtp_defer_if_no_mx_address_found: bool = yes_no("no")  # as smtp_defer_if_no_mx_address_found
    lmtp_min_data_rate: int = number("500", min=1)  # as smtp_min_data_rate
    lmtp_per_request_deadline: bool = yes_no(
        "${lmtp_per_record_deadline?{$lmtp_per_record_deadline}:{no}}"
    )  # as smtp_per_request_deadline
    lmtp_pix_workaround_delay_time: float = seconds(
        "10s", min=1
    )  # as smtp_pix_workaround_delay_time
    lmtp_pix_workaround_maps: str = text("")  # as smtp_pix_workaround_maps
    lmtp_pix_workaround_threshold_time: float = seconds(
        "500s"
    )  # as smtp_pix_workaround_threshold_time
    lmtp_pix_workarounds: str = text("disable_esmtp,delay_dotcrlf")  # as smtp_pix_workarounds
    lmtp_quote_rfc821_envelope: bool = yes_no("yes")  # as smtp_quote_rfc821_envelope
