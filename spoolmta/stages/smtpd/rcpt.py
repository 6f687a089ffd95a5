"""RCPT: who is to get the mail. Here it is decided whether we take it.

Postfix:    smtpd(8), SMTPD_ACCESS_README
RFC:        5321 4.1.1.3, 4.5.1 (postmaster), 3461
Parameters: smtpd_recipient_limit, smtpd_recipient_overshoot_limit, strict_smtputf8
"""

from spoolmta import maillog
from spoolmta.address.resolve import resolve
from spoolmta.address.rewrite import rewrite
from spoolmta.errors import MapUnavailable
from spoolmta.message.envelope import Recipient
from spoolmta.protocols.smtp_syntax import Refused, Reply, parse_path, parse_rcpt_options
from spoolmta.stages.smtpd.mail import (
    NO_DSN,
    NOT_ASCII,
    log_illegal_address,
    parse_address,
)
from spoolmta.stages.smtpd.restrictions.request import Subject
from spoolmta.stages.smtpd.session import Session

OK = Reply(250, "2.1.5", "Ok")
TOO_MANY = Reply(452, "4.5.3", "Error: too many recipients")
BAD_ADDRESS = Reply(501, "5.1.3", "Bad recipient address syntax")
_SYNTAX = Reply(501, "5.5.4", "Syntax: RCPT TO:<address>")


async def rcpt(session: Session, argument: bytes) -> Reply:
    """Take a recipient, or say why not."""
    parsed = parse_path(argument, b"TO:")
    if parsed is None:
        return _SYNTAX
    path, words = parsed
    utf8 = session.transaction.options.smtputf8
    address = parse_address(session, path, utf8=utf8)
    if not address:
        log_illegal_address(session, "RCPT", path)
        return BAD_ADDRESS
    try:
        options = parse_rcpt_options(words)
    except Refused as refused:
        return refused.reply
    if words and "DSN" in session.discarded_keywords:
        return NO_DSN
    transaction, parameters = session.transaction, session.server.parameters
    if parameters.strict_smtputf8 and not transaction.options.smtputf8 and not address.isascii():
        return NOT_ASCII
    if len(transaction.recipients) >= parameters.smtpd_recipient_limit:
        transaction.refused_recipients += 1
        return TOO_MANY
    refusal = await check_recipient(session, "RCPT", address, path)
    if refusal is not None:
        return refusal
    if not transaction.recipients:
        await _begin_message(session)
    transaction.recipients.append(Recipient(address, orcpt=options.orcpt, notify=options.notify))
    return OK


async def check_recipient(session: Session, verb: str, address: str, path: bytes) -> Reply | None:
    """Return the reply that refuses a recipient, None if the site takes it. *verb* asks."""
    request = session.request(verb)
    request.recipient = address
    request.subject = Subject.RECIPIENT
    server = session.server
    try:
        request.resolution = await resolve(
            rewrite(address, server.routing.rules),
            sender=request.sender or "",
            routing=server.routing,
        )
    except MapUnavailable as error:
        return session.unavailable(request, error)
    if request.resolution.malformed:
        log_illegal_address(session, verb, path)
        return BAD_ADDRESS
    # RFC 5321 4.5.1: whatever else is refused, this name must reach a human.
    if address.lower() == "postmaster":
        return None
    request.recipient_count += 1
    return await session.decide(request, server.lists.at_rcpt)


def is_excused(session: Session, reply: Reply) -> bool:
    """Return whether a reply refuses a recipient over the limit, which is no error yet."""
    limit = session.server.parameters.smtpd_recipient_overshoot_limit
    return reply is TOO_MANY and session.transaction.refused_recipients <= limit


async def _begin_message(session: Session) -> None:
    """Give the mail its ids: it has a recipient, and its turn has come."""
    transaction, context = session.transaction, session.server.context
    inflow = session.server.inflow
    if inflow.is_ahead:
        await inflow.pause()
    transaction.message_id = context.ids.next()
    transaction.queue_id = context.queue_id(transaction.message_id)
    transaction.arrived_at = context.clock.now()
    inflow.begin(transaction.message_id)
    maillog.client(context.log, transaction.queue_id, session.peer)
