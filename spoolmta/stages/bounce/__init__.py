"""Notices: senders and the postmaster are told what became of mail.

stage       the notices of a message become reports in maildrop, and the message ends
recipients  who is told of what
report      a report as RFC 3464 wants it
templates   the wording; bounce_template_file

Postfix: bounce(8), bounce(5)
"""

from spoolmta.stages.bounce.stage import open_stage

__all__ = ["open_stage"]
