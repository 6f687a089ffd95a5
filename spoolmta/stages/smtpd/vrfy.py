"""VRFY: whether a recipient would be taken. The answer is never better than "we would try".

Postfix:    smtpd(8), postconf(5) disable_vrfy_command
RFC:        5321 3.5.3, 7.3
Parameters: disable_vrfy_command, smtputf8_enable
"""

from spoolmta.protocols.smtp_syntax import Reply, parse_mailbox
from spoolmta.stages.smtpd.mail import log_illegal_address
from spoolmta.stages.smtpd.rcpt import BAD_ADDRESS, check_recipient
from spoolmta.stages.smtpd.session import Session

_DISABLED = Reply(502, "5.5.1", "VRFY command is disabled")
_KEYWORD = b" SMTPUTF8"


async def vrfy(session: Session, argument: bytes) -> Reply:
    """Judge an address as RCPT would."""
    parameters = session.server.parameters
    if parameters.disable_vrfy_command:
        return _DISABLED
    if not argument:
        keyword = " [SMTPUTF8]" if parameters.smtputf8_enable else ""
        return Reply(501, "5.5.4", f"Syntax: VRFY address{keyword}")
    if parameters.smtputf8_enable and argument.upper().endswith(_KEYWORD):
        argument = argument[: -len(_KEYWORD)].rstrip(b" \t")
    address = parse_mailbox(argument)
    if not address:
        log_illegal_address(session, "VRFY", argument)
        return BAD_ADDRESS
    refusal = await check_recipient(session, "VRFY", address, argument)
    return refusal or Reply(252, "2.0.0", argument.decode("utf-8", "surrogateescape"))
