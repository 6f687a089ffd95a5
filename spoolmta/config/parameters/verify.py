"""Parameters of address verification probes.

Postfix: verify(8), ADDRESS_VERIFICATION_README, postconf(5)
"""

from spoolmta.config.parameter import Section, number, seconds, text, yes_no


class VerifyParameters(Section, not_yet="addresses are not verified yet"):
    """How probes are sent, and how long their answers are believed."""

    address_verify_map: str = text(
        "$default_cache_db_type:$data_directory/verify_cache"
    )  # table that keeps the answers; empty: memory alone
    address_verify_sender: str = text(
        "$double_bounce_sender"
    )  # sender of probes; empty: the null sender
    address_verify_sender_ttl: float = seconds("0s")  # how often that sender changes; 0: never
    address_verify_cache_cleanup_interval: float = seconds(
        "12h", unit="h"
    )  # how often stale answers are removed; 0: never
    address_verify_positive_expire_time: float = seconds(
        "31d", unit="d", min=1
    )  # how long a good answer counts
    address_verify_positive_refresh_time: float = seconds(
        "7d", unit="d", min=1
    )  # age at which a good answer is asked for again
    address_verify_negative_cache: bool = yes_no("yes")  # remember bad answers, too
    address_verify_negative_expire_time: float = seconds(
        "3d", unit="d", min=1
    )  # how long a bad answer counts
    address_verify_negative_refresh_time: float = seconds(
        "3h", unit="h", min=1
    )  # age at which a bad answer is asked for again
    address_verify_pending_request_limit: int = number("5000")  # probes that may be under way
    address_verify_poll_count: int = number(
        "${stress?{1}:{3}}", min=1
    )  # how often the SMTP server asks for an answer
    address_verify_poll_delay: float = seconds("3s", min=1)  # pause between these questions
    address_verify_default_transport: str = text(
        "$default_transport", empty_allowed=False
    )  # default_transport of probes
    address_verify_local_transport: str = text(
        "$local_transport", empty_allowed=False
    )  # local_transport of probes
    address_verify_relay_transport: str = text(
        "$relay_transport", empty_allowed=False
    )  # relay_transport of probes
    address_verify_virtual_transport: str = text(
        "$virtual_transport", empty_allowed=False
    )  # virtual_transport of probes
    address_verify_relayhost: str = text("$relayhost")  # relayhost of probes
    address_verify_transport_maps: str = text("$transport_maps")  # transport_maps of probes
    address_verify_sender_dependent_default_transport_maps: str = text(
        "$sender_dependent_default_transport_maps"
    )  # by sender, for probes
    address_verify_sender_dependent_relayhost_maps: str = text(
        "$sender_dependent_relayhost_maps"
    )  # by sender, for probes
    smtp_address_verify_target: str = text(
        "rcpt", empty_allowed=False
    )  # command whose reply answers a probe: rcpt or data
    lmtp_address_verify_target: str = text(
        "rcpt", empty_allowed=False
    )  # as smtp_address_verify_target


class UnverifiedParameters(Section, not_yet="addresses are not verified yet"):
    """What the SMTP server says of addresses that a probe found to be bad, or did not reach."""

    unverified_recipient_reject_code: int = number(
        "450", min=200, max=599
    )  # reject_unverified_recipient: the probe failed
    unverified_recipient_defer_code: int = number(
        "450", min=200, max=499
    )  # the probe has no answer yet
    unverified_recipient_reject_reason: str = text("")  # text in place of what the probe was told
    unverified_recipient_tempfail_action: str = text(
        "$reject_tempfail_action", empty_allowed=False
    )  # what an unanswered probe makes of the recipient
    unverified_sender_reject_code: int = number(
        "450", min=200, max=599
    )  # reject_unverified_sender: the probe failed
    unverified_sender_defer_code: int = number(
        "450", min=200, max=499
    )  # the probe has no answer yet
    unverified_sender_reject_reason: str = text("")  # text in place of what the probe was told
    unverified_sender_tempfail_action: str = text(
        "$reject_tempfail_action", empty_allowed=False
    )  # what an unanswered probe makes of the sender
