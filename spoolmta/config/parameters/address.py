"""Parameters of address rewriting and routing.

Postfix: trivial-rewrite(8), cleanup(8), postconf(5)
"""

from spoolmta.config.parameter import number, text, yes_no
from spoolmta.config.parameters.common import CommonParameters


class RewritingParameters(CommonParameters):
    """How an address of any form becomes user@fully.qualified.domain."""

    swap_bangpath: bool = yes_no("yes")  # site!user becomes user@site
    allow_percent_hack: bool = yes_no("yes")  # user%domain becomes user@domain
    append_at_myorigin: bool = yes_no("yes")  # user becomes user@$myorigin
    append_dot_mydomain: bool = yes_no(  # user@host becomes user@host.$mydomain
        "${{$compatibility_level} <level {1} ? {yes} : {no}}"
    )
    remote_header_rewrite_domain: str = text("")  # the domain for headers of foreign mail
    empty_address_recipient: str = text("MAILER-DAEMON")  # who gets mail to an empty address


class RoutingParameters(RewritingParameters):
    """Which class a recipient's domain is in, and where its mail goes next."""

    resolve_dequoted_address: bool = yes_no("yes")  # look for @ % ! in a quoted local part
    resolve_null_domain: bool = yes_no("no")  # user@ is user
    resolve_numeric_domain: bool = yes_no("no")  # user@192.0.2.1 is user@[192.0.2.1]
    allow_min_user: bool = yes_no("no")  # an address may begin with "-"
    double_bounce_sender: str = text("double-bounce", empty_allowed=False)
    owner_request_special: bool = yes_no("yes")  # never split owner-name and name-request
    parent_domain_matches_subdomains: str = text(  # lists in which example.com has subdomains
        "debug_peer_list,fast_flush_domains,mynetworks,permit_mx_backup_networks,"
        "qmqpd_authorized_clients,relay_domains,smtpd_access_maps"
    )

    virtual_alias_domains: str = text("$virtual_alias_maps")  # domains of aliases alone
    virtual_alias_maps: str = text("$virtual_maps")  # any address becomes others
    virtual_maps: str = text("")  # the former name of virtual_alias_maps
    virtual_alias_recursion_limit: int = number("1000", min=1)  # aliases of aliases
    virtual_alias_expansion_limit: int = number("1000", min=1)  # addresses from one
    virtual_alias_address_length_limit: int = number("1000", min=1)  # characters of a result
    propagate_unmatched_extensions: str = text("canonical, virtual")  # maps that keep +extension
    virtual_mailbox_domains: str = text("$virtual_mailbox_maps")  # domains of mailboxes
    virtual_mailbox_maps: str = text("")  # the recipients that they have
    relay_domains: str = text(  # domains that are relayed to for anybody
        "${{$compatibility_level} <level {2} ? {$mydestination} : {}}"
    )
    relay_recipient_maps: str = text("")  # the recipients that they have; empty: all
    alias_maps: str = text("hash:/etc/aliases")  # aliases(5) of local users
    local_recipient_maps: str = text("proxy:unix:passwd.byname $alias_maps")  # empty: all
    canonical_maps: str = text("")  # addresses that are replaced everywhere
    recipient_canonical_maps: str = text("")  # the same, for recipients
    sender_canonical_maps: str = text("")  # the same, for senders

    local_transport: str = text("local:$myhostname", empty_allowed=False)
    virtual_transport: str = text("virtual", empty_allowed=False)
    relay_transport: str = text("relay", empty_allowed=False)
    default_transport: str = text("smtp", empty_allowed=False)
    transport_maps: str = text("")  # domain or address to transport:nexthop
    relocated_maps: str = text("")  # users that have moved
    sender_dependent_relayhost_maps: str = text("")
    sender_dependent_default_transport_maps: str = text("")
    empty_address_relayhost_maps_lookup_key: str = text("<>")
    empty_address_default_transport_maps_lookup_key: str = text("<>")
    show_user_unknown_table_name: bool = yes_no("yes")  # "in local recipient table" and so on
