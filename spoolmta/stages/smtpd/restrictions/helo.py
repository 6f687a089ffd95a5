"""Restrictions of the name that the client gives with HELO or EHLO.

Postfix:    postconf(5) smtpd_helo_restrictions
Parameters: invalid_hostname_reject_code, non_fqdn_reject_code, unknown_hostname_reject_code,
            unknown_helo_hostname_tempfail_action
"""

from spoolmta.address.hostname import is_hostname, literal_address
from spoolmta.errors import DnsTryAgain
from spoolmta.net.network import parse_address
from spoolmta.service.eager import as_task
from spoolmta.stages.smtpd.restrictions.names import has_mail_records
from spoolmta.stages.smtpd.restrictions.request import Request, Subject
from spoolmta.stages.smtpd.restrictions.verdict import DUNNO, Kind, Verdict, reject


async def reject_invalid_helo_hostname(request: Request) -> Verdict:
    """Refuse a name that is neither a host name nor an address."""
    helo = request.helo
    if helo is None:
        return DUNNO
    if helo.startswith("["):
        return _check_literal(request, helo)
    if is_hostname(helo.removesuffix(".")) or parse_address(helo) is not None:
        return DUNNO
    return _invalid(request, "Invalid name")


async def reject_non_fqdn_helo_hostname(request: Request) -> Verdict:
    """Refuse a name without a domain."""
    helo = request.helo
    if helo is None:
        return DUNNO
    if helo.startswith("["):
        return _check_literal(request, helo)
    if "." in helo.removesuffix(".") and is_hostname(helo.removesuffix(".")):
        return DUNNO
    code = request.rules.parameters.non_fqdn_reject_code
    text = "need fully-qualified hostname"
    return reject(request.refusal(code, "5.5.2", text, Subject.HELO))


async def reject_unknown_helo_hostname(request: Request) -> Verdict:
    """Refuse a name without MX and address records."""
    helo = request.helo
    if helo is None:
        return DUNNO
    if helo.startswith("["):
        return _check_literal(request, helo)
    parameters = request.rules.parameters
    text = "Host not found"
    try:
        if await as_task(has_mail_records(request.rules.resolver, helo)):
            return DUNNO
    except DnsTryAgain:
        reply = request.refusal(450, "4.7.1", text, Subject.HELO)
        if parameters.unknown_helo_hostname_tempfail_action == "defer_if_permit":
            return Verdict(Kind.DEFER_IF_PERMIT, reply)
        return reject(reply)
    code = parameters.unknown_hostname_reject_code
    return reject(request.refusal(code, "4.7.1", text, Subject.HELO))


def _check_literal(request: Request, helo: str) -> Verdict:
    return DUNNO if literal_address(helo) is not None else _invalid(request, "invalid ip address")


def _invalid(request: Request, text: str) -> Verdict:
    code = request.rules.parameters.invalid_hostname_reject_code
    return reject(request.refusal(code, "5.5.2", text, Subject.HELO))
