"""Who may send mail elsewhere through us: the guard against being an open relay.

Mail is ours if its domain is local, a virtual alias or mailbox domain, or in relay_domains, and
the local part names no further hop.

Postfix:    postconf(5) smtpd_relay_restrictions, permit_auth_destination
Parameters: relay_domains_reject_code, allow_untrusted_routing
"""

from spoolmta.address.resolve import AddressClass
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.stages.smtpd.restrictions.request import Request, with_class_of
from spoolmta.stages.smtpd.restrictions.verdict import DUNNO, PERMIT, Verdict, reject

# Restrictions of which one must stand in the relay or recipient list; all of them can refuse.
GUARDS = (
    "reject_unauth_destination",
    "defer_unauth_destination",
    "reject",
    "defer",
    "defer_if_permit",
)


async def permit_auth_destination(request: Request) -> Verdict:
    """End the list for mail that is ours."""
    return PERMIT if _is_ours(request) else DUNNO


async def reject_unauth_destination(request: Request) -> Verdict:
    """Refuse mail that is not ours."""
    if request.resolution is None or _is_ours(request):
        return DUNNO
    return _denied(request, request.rules.parameters.relay_domains_reject_code)


async def defer_unauth_destination(request: Request) -> Verdict:
    """Refuse mail that is not ours, for now."""
    if request.resolution is None or _is_ours(request):
        return DUNNO
    return _denied(request, 454)


def _is_ours(request: Request) -> bool:
    resolution = request.resolution
    if resolution is None or resolution.address_class is AddressClass.DEFAULT:
        return False
    return not resolution.routed or request.rules.routing.parameters.allow_untrusted_routing


def _denied(request: Request, code: int) -> Verdict:
    text = f"<{request.recipient}>: Relay access denied"
    return reject(Reply(code, with_class_of("5.7.1", code), text))
