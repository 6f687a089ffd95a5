"""ETRN: a client asks for the mail that waits for its domain.

Mail is not kept by destination for this purpose (fast flush), so no domain is eligible.

Postfix:    smtpd(8), ETRN_README, postconf(5) smtpd_etrn_restrictions
RFC:        1985
Parameters: smtpd_etrn_restrictions
"""

from spoolmta import maillog
from spoolmta.address.hostname import is_hostname, literal_address
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.stages.smtpd.session import Session

_SYNTAX = Reply(500, "", "Syntax: ETRN domain")
_BAD_PARAMETER = Reply(501, "", "Error: invalid parameter syntax")


async def etrn(session: Session, argument: bytes) -> Reply:
    """Refuse, once the client has been found fit to ask."""
    if not argument or b" " in argument:
        return _SYNTAX
    domain = argument.decode("utf-8", "surrogateescape")
    # RFC 1985: "@" asks for subdomains too, "#" names a queue.
    domain = domain[1:] if domain[0] in "@#" else domain
    if not is_hostname(domain) and literal_address(domain) is None:
        return _BAD_PARAMETER
    server = session.server
    request = session.request("ETRN")
    request.etrn_domain = domain
    refusal = await session.decide(request, server.lists.at_etrn)
    if refusal is not None:
        return refusal
    maillog.reject_etrn(server.context.log, session.peer, domain)
    return Reply(459, "", f"<{domain}>: service unavailable")
