"""Parameters of the guard in front of the SMTP server.

Postfix: postscreen(8), dnsblog(8), POSTSCREEN_README, postconf(5)
"""

from spoolmta.config.parameter import Section, number, seconds, text, yes_no


class PostscreenParameters(Section, not_yet="postscreen is not supported yet"):
    """Which clients are let through to an SMTP server, and how long that counts."""

    postscreen_access_list: str = text(
        "permit_mynetworks"
    )  # clients that pass, or are turned away, at once
    postscreen_allowlist_interfaces: str = text(
        "${postscreen_whitelist_interfaces?{$postscreen_whitelist_interfaces}:{static:all}}"
    )  # own addresses where clients may get onto the list
    postscreen_denylist_action: str = text(
        "${postscreen_blacklist_action?{$postscreen_blacklist_action}:{ignore}}",
        empty_allowed=False,
    )  # what is done with clients that the access list rejects
    postscreen_cache_map: str = text(
        "$default_cache_db_type:$data_directory/postscreen_cache"
    )  # table that remembers clients; empty: memory alone
    postscreen_cache_cleanup_interval: float = seconds(
        "12h", unit="h"
    )  # how often that table is cleaned; 0: never
    postscreen_cache_retention_time: float = seconds(
        "7d", unit="d", min=1
    )  # how long a client stays there after its last visit
    postscreen_client_connection_count_limit: int = number(
        "$smtpd_client_connection_count_limit"
    )  # connections of a client at a time; 0: any
    postscreen_pre_queue_limit: int = number(
        "$default_process_limit", min=10
    )  # connections before all tests are done
    postscreen_post_queue_limit: int = number(
        "$default_process_limit", min=5
    )  # connections that wait for an SMTP server
    postscreen_upstream_proxy_protocol: str = text(
        ""
    )  # haproxy: the client's address comes from a proxy
    postscreen_upstream_proxy_timeout: float = seconds("5s", min=1)  # patience with that proxy
    postscreen_watchdog_timeout: float = seconds("10s", min=10)  # longest silence of the process


class GreetingTestParameters(Section, not_yet="postscreen is not supported yet"):
    """Tests before the greeting: who talks too soon, and who is on DNS lists."""

    postscreen_greet_action: str = text(
        "ignore", empty_allowed=False
    )  # what is done with a client that talks too soon
    postscreen_greet_banner: str = text(
        "$smtpd_banner"
    )  # first part of the greeting, which a good client waits through
    postscreen_greet_wait: float = seconds("${stress?{2}:{6}}s", min=1)  # how long it has to wait
    postscreen_greet_ttl: float = seconds("1d", unit="d", min=1)  # how long having waited counts
    postscreen_dnsbl_action: str = text(
        "ignore", empty_allowed=False
    )  # what is done with a client on too many lists
    postscreen_dnsbl_sites: str = text("")  # DNS lists, with filters and weights
    postscreen_dnsbl_threshold: int = number(
        "1", min=1
    )  # sum of weights at which a client is stopped
    postscreen_dnsbl_allowlist_threshold: int = number(
        "${postscreen_dnsbl_whitelist_threshold?{$postscreen_dnsbl_whitelist_threshold}:{0}}"
    )  # sum at which other tests are left out; 0: never
    postscreen_dnsbl_reply_map: str = text("")  # names of lists to show in place of secret ones
    postscreen_dnsbl_timeout: float = seconds("10s", min=1)  # patience with lists
    postscreen_dnsbl_min_ttl: float = seconds("60s", min=1)  # shortest time that an answer counts
    postscreen_dnsbl_max_ttl: float = seconds(
        "${postscreen_dnsbl_ttl?{$postscreen_dnsbl_ttl}:{1}}h", unit="h", min=1
    )  # longest time that an answer counts
    dnsblog_reply_delay: float = seconds("0s")  # artificial delay of answers, for tests


class DialogueTestParameters(Section, not_yet="postscreen is not supported yet"):
    """Tests in the dialogue, and the SMTP engine that carries them out."""

    postscreen_bare_newline_action: str = text(
        "ignore", empty_allowed=False
    )  # what is done with a client that ends lines in LF alone
    postscreen_bare_newline_enable: bool = yes_no("no")  # look for such lines
    postscreen_bare_newline_ttl: float = seconds(
        "30d", unit="d", min=1
    )  # how long a passed test counts
    postscreen_non_smtp_command_action: str = text(
        "drop", empty_allowed=False
    )  # what is done with a client that speaks no SMTP
    postscreen_non_smtp_command_enable: bool = yes_no("no")  # look for such commands
    postscreen_non_smtp_command_ttl: float = seconds(
        "30d", unit="d", min=1
    )  # how long a passed test counts
    postscreen_pipelining_action: str = text(
        "enforce", empty_allowed=False
    )  # what is done with a client that does not wait its turn
    postscreen_pipelining_enable: bool = yes_no("no")  # look for such clients
    postscreen_pipelining_ttl: float = seconds(
        "30d", unit="d", min=1
    )  # how long a passed test counts
    postscreen_command_count_limit: int = number("20", min=1)  # commands of one session
    postscreen_command_filter: str = text("")  # table that changes commands
    postscreen_command_time_limit: float = seconds(
        "${stress?{10}:{300}}s", min=1
    )  # patience with one command
    postscreen_disable_vrfy_command: bool = yes_no("$disable_vrfy_command")  # refuse VRFY
    postscreen_discard_ehlo_keyword_address_maps: str = text(
        "$smtpd_discard_ehlo_keyword_address_maps"
    )  # by client, what EHLO does not offer
    postscreen_discard_ehlo_keywords: str = text(
        "$smtpd_discard_ehlo_keywords"
    )  # what EHLO does not offer
    postscreen_expansion_filter: str = text(
        "$smtpd_expansion_filter", empty_allowed=False
    )  # characters that $names bring into footers
    postscreen_forbidden_commands: str = text("$smtpd_forbidden_commands")  # verbs that are no SMTP
    postscreen_helo_required: bool = yes_no("$smtpd_helo_required")  # MAIL needs HELO or EHLO first
    postscreen_reject_footer: str = text("$smtpd_reject_footer")  # text below refusals
    postscreen_reject_footer_maps: str = text("$smtpd_reject_footer_maps")  # that text by refusal
    postscreen_tls_security_level: str = text(
        "$smtpd_tls_security_level"
    )  # whether STARTTLS is offered
    postscreen_use_tls: bool = yes_no(
        "$smtpd_use_tls"
    )  # the former form of postscreen_tls_security_level
    postscreen_enforce_tls: bool = yes_no(
        "$smtpd_enforce_tls"
    )  # the former form of postscreen_tls_security_level
