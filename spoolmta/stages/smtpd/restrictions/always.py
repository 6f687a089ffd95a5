"""Restrictions that need no look at the request: permit, reject, defer and their kin.

Postfix:    postconf(5) smtpd_client_restrictions "generic restrictions"
Parameters: reject_code, defer_code
"""

import asyncio

from spoolmta.stages.smtpd.restrictions.request import Request
from spoolmta.stages.smtpd.restrictions.verdict import DUNNO, PERMIT, Kind, Verdict
from spoolmta.stages.smtpd.restrictions.verdict import reject as rejection


async def permit(request: Request) -> Verdict:  # noqa: ARG001
    """End the list."""
    return PERMIT


async def reject(request: Request) -> Verdict:
    """Refuse."""
    code = request.rules.parameters.reject_code
    return rejection(request.refusal(code, "5.7.1", "Access denied"))


async def defer(request: Request) -> Verdict:
    """Refuse for now."""
    code = request.rules.parameters.defer_code
    return rejection(request.refusal(code, "4.3.2", "Try again later"))


async def defer_if_permit(request: Request) -> Verdict:
    """Refuse for now what would be permitted."""
    reply = request.refusal(450, "4.7.0", "defer_if_permit requested")
    return Verdict(Kind.DEFER_IF_PERMIT, reply)


async def defer_if_reject(request: Request) -> Verdict:
    """Refuse for now what would be refused for good."""
    reply = request.refusal(450, "4.7.0", "defer_if_reject requested")
    return Verdict(Kind.DEFER_IF_REJECT, reply)


async def sleep(request: Request, seconds: float) -> Verdict:  # noqa: ARG001
    """Let the client wait."""
    await asyncio.sleep(seconds)
    return DUNNO


async def reject_unauth_pipelining(request: Request) -> Verdict:
    """Refuse a client that did not wait its turn."""
    if not request.improper_pipelining:
        return DUNNO
    return rejection(request.refusal(503, "5.5.0", "Improper use of SMTP command pipelining"))
