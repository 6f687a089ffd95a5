"""Parameters of fast flush.

Postfix: flush(8), ETRN_README, postconf(5)
"""

from spoolmta.config.parameter import Section, seconds


class FlushParameters(
    Section, without_meaning="which mail waits for a destination is asked of the queue itself"
):
    """How long lists of mail by destination are kept."""

    fast_flush_purge_time: float = seconds(
        "7d", unit="d", min=1
    )  # age at which an empty list is removed
    fast_flush_refresh_time: float = seconds("12h", unit="h", min=1)  # age at which a list is used
