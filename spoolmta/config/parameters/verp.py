"""Parameters of envelope senders that name the recipient.

Postfix: VERP_README, postconf(5)
"""

from spoolmta.config.parameter import Section, text, yes_no


class VerpParameters(Section, not_yet="VERP is not supported yet"):
    """Who may ask for VERP, and what it looks like."""

    default_verp_delimiters: str = text(
        "+=", empty_allowed=False
    )  # the two characters if XVERP names none
    verp_delimiter_filter: str = text("-=+", empty_allowed=False)  # characters that may be chosen
    disable_verp_bounces: bool = yes_no("no")  # one notice for all recipients
    smtpd_authorized_verp_clients: str = text(
        "$authorized_verp_clients"
    )  # clients that may ask for XVERP
