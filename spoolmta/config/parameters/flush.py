"""Parameters of fast flush.

Postfix: flush(8), ETRN_README, postconf(5)
"""

from spoolmta.config.parameter import Section, seconds, text
from spoolmta.config.parameters.common import CommonParameters


class FlushRequestParameters(CommonParameters):
    """Who may ask for delivery now, and for which destinations."""

    authorized_flush_users: str = text("static:anyone")  # who may ask for delivery now
    fast_flush_domains: str = text("$relay_domains")  # destinations that -s and ETRN may flush


class FlushParameters(
    Section, without_meaning="which mail waits for a destination is asked of the queue itself"
):
    """How long lists of mail by destination are kept."""

    fast_flush_purge_time: float = seconds(
        "7d", unit="d", min=1
    )  # age at which an empty list is removed
    fast_flush_refresh_time: float = seconds("12h", unit="h", min=1)  # age at which a list is used
