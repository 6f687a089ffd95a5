"""Restrictions of the client's name and address.

Postfix:    postconf(5) smtpd_client_restrictions
Parameters: unknown_client_reject_code
"""

from spoolmta.errors import MapUnavailable
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.stages.smtpd.peer import NameStatus
from spoolmta.stages.smtpd.restrictions.request import Request, with_class_of
from spoolmta.stages.smtpd.restrictions.verdict import DUNNO, PERMIT, Verdict, fault, reject


async def permit_mynetworks(request: Request) -> Verdict:
    """End the list for clients in mynetworks."""
    try:
        return PERMIT if await request.rules.in_mynetworks(request.peer) else DUNNO
    except MapUnavailable as error:
        name = request.name_of(request.subject)
        return fault(Reply(451, "4.3.0", f"<{name}>: Temporary lookup failure"), error)


async def permit_inet_interfaces(request: Request) -> Verdict:
    """End the list for clients on this machine."""
    return PERMIT if request.rules.is_own_address(request.peer) else DUNNO


async def permit_sasl_authenticated(request: Request) -> Verdict:
    """End the list for clients that have authenticated."""
    return PERMIT if request.peer.sasl_username else DUNNO


async def reject_unknown_client_hostname(request: Request) -> Verdict:
    """Refuse a client whose name does not lead back to its address."""
    status = request.peer.name_status
    return _unknown(request, status, "4.7.25", "cannot find your hostname")


async def reject_unknown_reverse_client_hostname(request: Request) -> Verdict:
    """Refuse a client whose address has no name."""
    status = request.peer.reverse_status
    return _unknown(request, status, "4.7.1", "cannot find your reverse hostname")


def _unknown(request: Request, status: NameStatus, dsn: str, text: str) -> Verdict:
    if status is NameStatus.OK:
        return DUNNO
    code = request.rules.parameters.unknown_client_reject_code
    if status is NameStatus.TEMPORARY:
        code = 450
    text = f"Client host rejected: {text}, [{request.peer.address}]"
    return reject(Reply(code, with_class_of(dsn, code), text))
