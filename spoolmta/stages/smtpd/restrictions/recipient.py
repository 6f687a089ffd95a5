"""Restrictions of the recipient address.

Postfix:    postconf(5) smtpd_recipient_restrictions
Parameters: non_fqdn_reject_code, unknown_address_reject_code, unknown_address_tempfail_action,
            unknown_..._recipient_reject_code, multi_recipient_bounce_reject_code
"""

from spoolmta.stages.smtpd.restrictions.address import check_domain, check_listed, check_qualified
from spoolmta.stages.smtpd.restrictions.request import Request, Subject
from spoolmta.stages.smtpd.restrictions.verdict import DUNNO, Verdict, reject


async def reject_non_fqdn_recipient(request: Request) -> Verdict:
    """Refuse a recipient without a domain, or whose domain has no dot."""
    if request.recipient is None:
        return DUNNO
    return check_qualified(request, request.recipient, Subject.RECIPIENT)


async def reject_unknown_recipient_domain(request: Request) -> Verdict:
    """Refuse a recipient whose domain is not ours and cannot get mail."""
    if request.resolution is None:
        return DUNNO
    return await check_domain(request, request.resolution, Subject.RECIPIENT)


async def reject_unlisted_recipient(request: Request) -> Verdict:
    """Refuse a recipient of one of our domains that is not in its tables."""
    if request.resolution is None:
        return DUNNO
    return await check_listed(request, request.resolution, Subject.RECIPIENT)


async def reject_multi_recipient_bounce(request: Request) -> Verdict:
    """Refuse a bounce with several recipients, which no mail system sends."""
    if request.sender != "" or request.recipient_count < 2:
        return DUNNO
    code = request.rules.parameters.multi_recipient_bounce_reject_code
    return reject(request.refusal(code, "5.5.3", "Multi-recipient bounce"))
