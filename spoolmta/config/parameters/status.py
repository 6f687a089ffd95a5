"""Tables that change what delivery agents say of an attempt.

Postfix: local(8), virtual(8), pipe(8), smtp(8), lmtp(8), postconf(5)
"""

from spoolmta.config.parameter import Section, text


class StatusParameters(Section):
    """Status codes of deliveries, and their texts. error(8) and discard(8) have none."""

    default_delivery_status_filter: str = text("")  # table that changes them for all agents
    local_delivery_status_filter: str = text("$default_delivery_status_filter")  # for local(8)
    virtual_delivery_status_filter: str = text("$default_delivery_status_filter")  # for virtual(8)
    pipe_delivery_status_filter: str = text("$default_delivery_status_filter")  # for pipe(8)
    smtp_delivery_status_filter: str = text("$default_delivery_status_filter")  # for smtp(8)
    lmtp_delivery_status_filter: str = text("$default_delivery_status_filter")  # for lmtp(8)
