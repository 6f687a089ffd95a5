"""Parameters of notices to senders and to the postmaster, beside those of common.py.

Postfix: bounce(8), bounce(5), postconf(5)
"""

from spoolmta.config.parameter import number, text, yes_no
from spoolmta.config.parameters.address import RewritingParameters


class BounceParameters(RewritingParameters):
    """What a notice looks like and how much of the message it returns."""

    bounce_size_limit: int = number("50000", min=1)  # larger messages: their headers alone
    bounce_template_file: str = text("")  # own wording, see bounce(5)
    confirm_delay_cleared: bool = yes_no("no")  # who was told of a delay is told of its end
    enable_threaded_bounces: bool = yes_no("no")  # References: to the message in question
