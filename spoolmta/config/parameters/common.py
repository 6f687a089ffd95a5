"""Parameters that several owners use, with Postfix's defaults.

Postfix:    postconf(5)
"""

from spoolmta.config.parameter import LARGEST_SIZE, choice, number, seconds, text, yes_no
from spoolmta.config.parameters.log import LogParameters

LONGEST_LIFETIME = 100 * 86400


class CommonParameters(LogParameters):
    """What every service may ask for. Other sections inherit it."""

    # Who we are
    mydomain: str = text("", empty_allowed=False)  # internet domain; computed from myhostname
    myorigin: str = text("$myhostname", empty_allowed=False)  # domain of mail posted here
    mail_name: str = text("Postfix", empty_allowed=False)  # name in banner, Received and notices
    mail_version: str = text("3.11.6", empty_allowed=False)  # release whose behaviour is ours
    compatibility_level: str = text("0")  # release whose defaults are wanted: 2, 3.6, ...
    multi_instance_name: str = text("")  # name of this instance among several
    service_name: str = text("")  # name in master.cf of the running service; set by master
    stress: str = text("")  # "yes" while a public service is out of processes; set by master
    soft_bounce: bool = yes_no("no")  # turn every 5xx into 4xx, every bounce into a deferral

    # Destination classes and routing
    mydestination: str = text(
        "$myhostname, localhost.$mydomain, localhost"
    )  # domains delivered by local_transport
    inet_interfaces: str = text("all")  # addresses we receive mail on
    inet_protocols: str = text("all")  # ipv4, ipv6, or all
    proxy_interfaces: str = text("")  # addresses we receive mail on through a proxy or NAT
    mynetworks: str = text("")  # clients that may relay; computed from mynetworks_style
    mynetworks_style: str = choice(
        "${{$compatibility_level} <level {2} ? {subnet} : {host}}",
        ("class", "subnet", "host"),
        complaint='unknown mynetworks mask style value "{value}" in "{value}"',
    )  # what mynetworks holds if it is not set
    relay_domains: str = text(
        "${{$compatibility_level} <level {2} ? {$mydestination} : {}}"
    )  # remote domains we relay to for anybody
    relay_recipient_maps: str = text("")  # known recipients in relay_domains; empty: any
    relay_transport: str = text("relay", empty_allowed=False)  # transport for relay_domains
    local_transport: str = text("local:$myhostname", empty_allowed=False)  # for mydestination
    local_recipient_maps: str = text(
        "proxy:unix:passwd.byname $alias_maps"
    )  # known local recipients; empty: any
    default_transport: str = text("smtp", empty_allowed=False)  # transport for all other domains
    relayhost: str = text("")  # next hop for all other domains; empty: their MX
    transport_maps: str = text("")  # transport and next hop by address or domain
    sender_dependent_default_transport_maps: str = text("")  # default_transport by sender
    sender_dependent_relayhost_maps: str = text("")  # relayhost by sender
    empty_address_default_transport_maps_lookup_key: str = text(
        "<>", empty_allowed=False
    )  # key of the null sender
    empty_address_relayhost_maps_lookup_key: str = text(
        "<>", empty_allowed=False
    )  # key of the null sender
    relocated_maps: str = text("")  # addresses that have moved, with the new ones
    virtual_alias_maps: str = text("$virtual_maps")  # other addresses for an address, any class
    virtual_maps: str = text("")  # old name of virtual_alias_maps
    virtual_alias_domains: str = text("$virtual_alias_maps")  # domains with aliases alone
    virtual_mailbox_domains: str = text("$virtual_mailbox_maps")  # domains of virtual_transport
    virtual_mailbox_maps: str = text("")  # mailbox path by address
    virtual_mailbox_base: str = text("")  # folder that mailbox paths are below
    virtual_transport: str = text("virtual", empty_allowed=False)  # for virtual_mailbox_domains
    parent_domain_matches_subdomains: str = text(
        "debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,"
        "qmqpd_authorized_clients,relay_domains,smtpd_access_maps"
    )  # features where example.com also means its subdomains
    alias_maps: str = text("$default_database_type:/etc/aliases")  # aliases(5) of local delivery
    alias_database: str = text(
        "$default_database_type:/etc/aliases"
    )  # the tables that newaliases builds
    canonical_maps: str = text("")  # rewriting of all addresses, in envelope and headers
    sender_canonical_maps: str = text("")  # rewriting of sender addresses
    recipient_canonical_maps: str = text("")  # rewriting of recipient addresses
    default_database_type: str = text("hash", empty_allowed=False)  # map type of postmap

    # Addresses
    recipient_delimiter: str = text("")  # characters between user and address extension
    append_at_myorigin: bool = yes_no("yes")  # complete "user" to user@$myorigin
    append_dot_mydomain: bool = yes_no(
        "${{$compatibility_level} <level {1} ? {yes} : {no}}"
    )  # complete user@host to user@host.$mydomain
    swap_bangpath: bool = yes_no("yes")  # rewrite site!user to user@site
    allow_percent_hack: bool = yes_no("yes")  # rewrite user%domain to user@domain
    allow_min_user: bool = yes_no("no")  # take recipients that start with "-"
    allow_untrusted_routing: bool = yes_no("no")  # relay user@elsewhere@ours for strangers
    resolve_dequoted_address: bool = yes_no("yes")  # find @ inside quotes too
    resolve_null_domain: bool = yes_no("no")  # take "user@" as local
    resolve_numeric_domain: bool = yes_no("no")  # take user@1.2.3.4 as user@[1.2.3.4]
    propagate_unmatched_extensions: str = text("canonical, virtual")  # maps that keep +extension
    owner_request_special: bool = yes_no("yes")  # leave owner-x and x-request whole
    double_bounce_sender: str = text("double-bounce", empty_allowed=False)  # sender of probes
    empty_address_recipient: str = text(
        "MAILER-DAEMON", empty_allowed=False
    )  # who gets mail for the null address
    duplicate_filter_limit: int = number("1000")  # recipients remembered; 0: all
    enable_original_recipient: bool = yes_no("yes")  # keep and show X-Original-To
    smtputf8_enable: bool = yes_no(
        "${{$compatibility_level} <level {1} ? {no} : {yes}}"
    )  # internationalised addresses
    strict_smtputf8: bool = yes_no("no")  # refuse UTF-8 where the client did not announce it

    # Limits
    message_size_limit: int = number("10240000", max=LARGEST_SIZE)  # bytes; 0: no limit
    mailbox_size_limit: int = number("51200000", max=LARGEST_SIZE)  # bytes of a local mailbox
    line_length_limit: int = number("2048", min=512)  # bytes; longer lines are cut in two
    header_size_limit: int = number("102400", min=1)  # bytes of one header; the rest is dropped
    header_address_token_limit: int = number("10240", min=1)  # tokens of one address header
    hopcount_limit: int = number("50", min=1)  # Received headers; at this many mail loops
    queue_minfree: int = number("0", max=LARGEST_SIZE)  # free bytes that must stay on the disk
    default_process_limit: int = number("100", min=1)  # maxproc where master.cf has "-"
    max_idle: float = seconds("100s", min=1)  # idle time after which a process retires
    ipc_timeout: float = seconds("3600s", min=1)  # waiting for another process of ours
    command_time_limit: float = seconds("1000s", min=1)  # longest run of an external command
    service_throttle_time: float = seconds("60s", min=1)  # pause after a service failed to start

    # Queue times
    maximal_queue_lifetime: float = seconds(
        "5d", unit="d", max=LONGEST_LIFETIME
    )  # then mail is returned
    delay_warning_time: float = seconds("0h", unit="h")  # when the sender is warned; 0: never

    # Notices
    notify_classes: str = text("resource, software")  # trouble that postmaster is told
    bounce_notice_recipient: str = text("postmaster", empty_allowed=False)  # copies of bounces
    double_bounce_notice_recipient: str = text(
        "postmaster", empty_allowed=False, name="2bounce_notice_recipient"
    )  # bounces that could not be delivered
    error_notice_recipient: str = text("postmaster", empty_allowed=False)  # transcripts
    header_from_format: str = choice("standard", ("standard", "obsolete"))  # form of our From:
    delay_notice_recipient: str = text(
        "postmaster", empty_allowed=False
    )  # copies of delay warnings

    # Folders, accounts, processes
    queue_directory: str = text("/var/spool/postfix", empty_allowed=False)  # spool.db is in it
    process_id_directory: str = text("pid", empty_allowed=False)  # master.pid is in it
    mail_spool_directory: str = text("/var/mail", empty_allowed=False)  # mailboxes of users
    mail_owner: str = text("postfix", empty_allowed=False)  # account that owns the spool
    default_privs: str = text("nobody", empty_allowed=False)  # account for root's commands
    export_environment: str = text("TZ MAIL_CONFIG LANG")  # environment of external commands
    enable_long_queue_ids: bool = yes_no("no")  # queue ids in the vowel-free long form

    # DNS
    disable_dns_lookups: bool = yes_no("no")  # use the system's resolver alone
    dns_nameservers: str = text("")  # address:port list; empty: resolv.conf (spoolmta only)
