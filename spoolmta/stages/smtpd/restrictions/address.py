"""What restrictions of senders and of recipients have in common.

Postfix:    smtpd(8), postconf(5) smtpd_sender_restrictions, smtpd_recipient_restrictions
Parameters: non_fqdn_reject_code, unknown_address_reject_code, unknown_address_tempfail_action,
            unknown_local_recipient_reject_code, unknown_virtual_alias_reject_code,
            unknown_virtual_mailbox_reject_code, unknown_relay_recipient_reject_code
"""

from spoolmta.address.parts import split_address
from spoolmta.address.recipients import recipient_problem
from spoolmta.address.resolve import AddressClass, Resolution
from spoolmta.errors import DnsTryAgain, MapUnavailable
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.service.eager import as_task
from spoolmta.stages.smtpd.restrictions.names import MailDomain, look_up_mail_domain
from spoolmta.stages.smtpd.restrictions.request import Request, Subject, with_class_of
from spoolmta.stages.smtpd.restrictions.verdict import DUNNO, Kind, Verdict, fault, reject

_FOREIGN = (AddressClass.DEFAULT, AddressClass.RELAY)


def check_qualified(request: Request, address: str, subject: Subject) -> Verdict:
    """Refuse an address whose domain is missing or has no dot."""
    domain = split_address(address)[1]
    if domain.startswith("[") or "." in domain.removesuffix("."):
        return DUNNO
    if not domain and subject is Subject.RECIPIENT and address.lower() == "postmaster":
        return DUNNO
    code = request.rules.parameters.non_fqdn_reject_code
    return reject(request.refusal(code, "5.5.2", "need fully-qualified address", subject))


async def check_domain(request: Request, resolution: Resolution, subject: Subject) -> Verdict:
    """Refuse an address whose domain is not ours and has no MX and no address record."""
    domain = split_address(resolution.recipient)[1]
    if resolution.address_class not in _FOREIGN or domain.startswith("["):
        return DUNNO
    parameters = request.rules.parameters
    is_sender = subject is Subject.SENDER
    dsn = "4.1.8" if is_sender else "4.1.2"
    try:
        answer = await as_task(look_up_mail_domain(request.rules.resolver, domain))
    except DnsTryAgain:
        reply = request.refusal(450, dsn, "Domain not found", subject)
        if parameters.unknown_address_tempfail_action == "defer_if_permit":
            return Verdict(Kind.DEFER_IF_PERMIT, reply)
        return reject(reply)
    if answer is MailDomain.TAKES_MAIL:
        return DUNNO
    if answer is MailDomain.NULL_MX:
        code, dsn = (550, "5.7.27") if is_sender else (556, "5.1.10")
        text = f"Domain {domain} does not accept mail (nullMX)"
        return reject(request.refusal(code, dsn, text, subject))
    code = parameters.unknown_address_reject_code
    return reject(request.refusal(code, dsn, "Domain not found", subject))


async def check_listed(request: Request, resolution: Resolution, subject: Subject) -> Verdict:
    """Refuse an address of one of our domains that is not in the domain's tables."""
    name = request.name_of(subject)
    try:
        problem = await recipient_problem(name or "", resolution, request.rules.routing)
    except MapUnavailable as error:
        return fault(Reply(451, "4.3.0", f"<{name}>: Temporary lookup failure"), error)
    if problem is None:
        return DUNNO
    code = _unknown_code(request, problem.address_class)
    if problem.dsn.startswith("4"):
        code = 450
    dsn = problem.dsn
    if subject is Subject.SENDER and dsn.endswith(".1.1"):
        is_alias = problem.address_class is AddressClass.VIRTUAL_ALIAS
        dsn = "5.1.7" if is_alias else "5.1.0"
    return reject(request.refusal(code, with_class_of(dsn, code), problem.text, subject))


def _unknown_code(request: Request, address_class: AddressClass) -> int:
    parameters = request.rules.parameters
    match address_class:
        case AddressClass.LOCAL:
            return parameters.unknown_local_recipient_reject_code
        case AddressClass.VIRTUAL_ALIAS:
            return parameters.unknown_virtual_alias_reject_code
        case AddressClass.VIRTUAL_MAILBOX:
            return parameters.unknown_virtual_mailbox_reject_code
        case AddressClass.RELAY | AddressClass.DEFAULT:
            return parameters.unknown_relay_recipient_reject_code
