"""Restrictions of the sender address.

Postfix:    postconf(5) smtpd_sender_restrictions
Parameters: non_fqdn_reject_code, unknown_address_reject_code, unknown_address_tempfail_action,
            unknown_..._recipient_reject_code
"""

from spoolmta.stages.smtpd.restrictions.address import check_domain, check_listed, check_qualified
from spoolmta.stages.smtpd.restrictions.request import Request, Subject
from spoolmta.stages.smtpd.restrictions.verdict import DUNNO, Verdict


async def reject_non_fqdn_sender(request: Request) -> Verdict:
    """Refuse a sender without a domain, or whose domain has no dot."""
    if not request.sender:
        return DUNNO
    return check_qualified(request, request.sender, Subject.SENDER)


async def reject_unknown_sender_domain(request: Request) -> Verdict:
    """Refuse a sender whose domain is not ours and cannot get mail."""
    if not request.sender:
        return DUNNO
    return await check_domain(request, await request.sender_resolution(), Subject.SENDER)


async def reject_unlisted_sender(request: Request) -> Verdict:
    """Refuse a sender of one of our domains that is not in its tables."""
    if not request.sender:
        return DUNNO
    return await check_listed(request, await request.sender_resolution(), Subject.SENDER)
