"""Parameters of mail that is handed in on this machine.

Postfix: pickup(8), sendmail(1), postdrop(1), postconf(5)
"""

from spoolmta.config.parameter import Section, choice, number, text
from spoolmta.config.parameters.common import CommonParameters


class SubmissionParameters(CommonParameters):
    """Who may hand in mail, and what sendmail(1) makes of what it reads."""

    authorized_submit_users: str = text("static:anyone")  # users who may hand in mail
    extract_recipient_limit: int = number("10240", min=1)  # recipients that sendmail -t takes
    sendmail_fix_line_endings: str = choice(
        "always", ("always", "strict", "never"), complaint="invalid {name} value: {value}"
    )  # when CRLF of the input is one line end


class LoginSenderParameters(Section, not_yet="it is not supported yet"):
    """Which senders a user of this machine may use."""

    local_login_sender_maps: str = text("static:*")  # senders by login
    empty_address_local_login_sender_maps_lookup_key: str = text(
        "<>", empty_allowed=False
    )  # key of the null sender
