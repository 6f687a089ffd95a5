"""RSET, NOOP, HELP and QUIT: verbs that say nothing of a mail.

Postfix: smtpd(8)
RFC:     5321 4.1.1.5, 4.1.1.8 to 4.1.1.10
"""

from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.stages.smtpd.session import Session

OK = Reply(250, "2.0.0", "Ok")
_BYE = Reply(221, "2.0.0", "Bye")
_RSET_SYNTAX = Reply(501, "5.5.4", "Syntax: RSET")
_HELP = "Commands: BDAT DATA EHLO ETRN HELO HELP MAIL NOOP QUIT RCPT RSET VRFY"


async def rset(session: Session, argument: bytes) -> Reply:
    """Forget the mail."""
    if argument:
        return _RSET_SYNTAX
    session.end_mail()
    session.end_part()
    return OK


async def noop(session: Session, argument: bytes) -> Reply:  # noqa: ARG001
    """Do nothing."""
    return OK


async def help_(session: Session, argument: bytes) -> Reply:  # noqa: ARG001
    """Name the verbs."""
    return Reply(214, "2.0.0", _HELP)


async def quit_(session: Session, argument: bytes) -> Reply:  # noqa: ARG001
    """End the session."""
    session.is_over = True
    return _BYE
