"""Parameters of content filters.

Postfix: FILTER_README, SMTPD_PROXY_README, postconf(5)
"""

from spoolmta.config.parameter import Section, seconds, text


class ContentFilterParameters(Section, not_yet="content filters are not supported yet"):
    """Where mail goes to be looked at, before or after it is queued."""

    content_filter: str = text("")  # transport and next hop of all mail that comes in
    default_filter_nexthop: str = text("")  # next hop where content_filter names none
    smtpd_proxy_filter: str = text("")  # host and port of the SMTP proxy in front of the queue
    smtpd_proxy_ehlo: str = text("$myhostname")  # our name in EHLO to it
    smtpd_proxy_options: str = text("")  # speed_adjust: take the whole message first
    smtpd_proxy_timeout: float = seconds("100s", min=1)  # patience with it
