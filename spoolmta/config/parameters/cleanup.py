"""Parameters of cleanup, beside those of rewriting and routing.

Postfix: cleanup(8), postconf(5)
"""

from spoolmta.config.parameter import seconds, text, yes_no
from spoolmta.config.parameters.address import RewritingParameters


class CleanupParameters(RewritingParameters):
    """What is added, dropped, checked and copied when a message comes in."""

    always_add_missing_headers: bool = yes_no("no")  # also to mail of foreign clients
    undisclosed_recipients_header: str = text("")  # for mail without To and Cc; empty: none
    message_drop_headers: str = text(
        "bcc, content-length, resent-bcc, return-path"
    )  # headers that no message keeps
    header_checks: str = text("")  # tables whose results decide about headers
    always_bcc: str = text("")  # address that gets a copy of all mail from outside
    sender_bcc_maps: str = text("")  # who gets a copy, by sender
    recipient_bcc_maps: str = text("")  # who gets a copy, by recipient
    internal_mail_filter_classes: str = text("")  # bounce: check the mail we make ourselves, too
    in_flow_delay: float = seconds(
        "1s", max=10
    )  # pause before a message from the network while more comes in than is taken; 0: none
    cleanup_service_name: str = text("cleanup", empty_allowed=False)  # whose -o options count
    receive_override_options: str = text("")  # no_address_mappings, no_header_body_checks, ...
    canonical_classes: str = text(  # what canonical_maps see
        "envelope_sender, envelope_recipient, header_sender, header_recipient",
        empty_allowed=False,
    )
    sender_canonical_classes: str = text(  # what sender_canonical_maps see
        "envelope_sender, header_sender", empty_allowed=False
    )
    recipient_canonical_classes: str = text(  # what recipient_canonical_maps see
        "envelope_recipient, header_recipient", empty_allowed=False
    )
    masquerade_domains: str = text("")  # domains that hide the hosts below them; !name shows
    masquerade_exceptions: str = text("")  # users whose host is not hidden
    masquerade_classes: str = text(  # whose hosts are hidden
        "envelope_sender, header_sender, header_recipient", empty_allowed=False
    )
