"""MAIL: a mail begins.

Postfix:    smtpd(8)
RFC:        5321 4.1.1.2, 1870, 3461, 6152, 6531
Parameters: message_size_limit, queue_minfree, smtputf8_enable, strict_smtputf8,
            strict_rfc821_envelopes, allow_min_user, resolve_numeric_domain
"""

from spoolmta import maillog
from spoolmta.address.hostname import is_ascii_in_dns
from spoolmta.address.parts import domain_of
from spoolmta.protocols.smtp_syntax import (
    MailOptions,
    Refused,
    Reply,
    parse_mail_options,
    parse_mailbox,
    parse_path,
)
from spoolmta.stages.smtpd.session import Session
from spoolmta.stages.smtpd.transaction import Transaction

_OK = Reply(250, "2.1.0", "Ok")
_SYNTAX = Reply(501, "5.5.4", "Syntax: MAIL FROM:<address>")
_BAD_ADDRESS = Reply(501, "5.1.7", "Bad sender address syntax")
_TOO_LARGE = Reply(552, "5.3.4", "Message size exceeds fixed limit")
_NO_ROOM = Reply(452, "4.3.1", "Insufficient system storage")
NO_DSN = Reply(501, "5.7.1", "DSN support is disabled")
NOT_ASCII = Reply(553, "5.6.7", "Must declare SMTPUTF8 to send unicode address")


async def mail(session: Session, argument: bytes) -> Reply:
    """Take the sender."""
    parsed = parse_path(argument, b"FROM:")
    if parsed is None:
        return _SYNTAX
    path, words = parsed
    utf8 = any(word.upper() == b"SMTPUTF8" for word in words)
    sender = parse_address(session, path, utf8=utf8)
    if sender is None:
        log_illegal_address(session, "MAIL", path)
        return _BAD_ADDRESS
    try:
        options = parse_mail_options(words)
    except Refused as refused:
        return refused.reply
    refusal = _check_options(session, sender, options)
    if refusal is not None:
        return refusal
    session.transaction = Transaction(sender=sender, options=options)
    refusal = _check_size(session, options)
    asked = session.server.lists.at_mail
    if refusal is None and asked:
        refusal = await session.ask("MAIL", asked)
    if refusal is not None:
        session.end_mail()
        return refusal
    return _OK


def parse_address(session: Session, path: bytes, *, utf8: bool) -> str | None:
    """Return the address of a path; None if it is none, or not written as the site demands.

    Its domain may be beyond ASCII if the client has said SMTPUTF8 (*utf8*), or if names are
    compared as if it were not: ss for ß.
    """
    parameters = session.server.routing.parameters
    if session.server.parameters.strict_rfc821_envelopes and not path.startswith(b"<"):
        return None
    address = parse_mailbox(path, numeric_domain=parameters.resolve_numeric_domain)
    if address and address.startswith("-") and not parameters.allow_min_user:
        return None
    if address and not address.isascii() and not (utf8 and parameters.smtputf8_enable):
        domain = domain_of(address)
        is_plain = parameters.smtputf8_enable and is_ascii_in_dns(domain)
        return address if domain.isascii() or is_plain else None
    return address


def log_illegal_address(session: Session, verb: str, path: bytes) -> None:
    """Log that a command had no address in it."""
    text = path.decode("utf-8", "surrogateescape")
    maillog.illegal_address(session.server.context.log, session.peer, verb, text)


def _check_options(session: Session, sender: str, options: MailOptions) -> Reply | None:
    parameters = session.server.parameters
    if options.smtputf8 and not parameters.smtputf8_enable:
        return Reply(555, "5.5.4", "Unsupported option: SMTPUTF8")
    if (options.ret or options.envid) and "DSN" in session.discarded_keywords:
        return NO_DSN
    if parameters.strict_smtputf8 and not options.smtputf8 and not sender.isascii():
        return NOT_ASCII
    return None


def _check_size(session: Session, options: MailOptions) -> Reply | None:
    limit = session.server.parameters.message_size_limit
    if limit and options.size > limit:
        session.log_decision("reject", session.request("MAIL"), _TOO_LARGE.line)
        return _TOO_LARGE
    storage = session.server.storage
    if not storage.has_room():
        request = session.request("MAIL")
        request.sender = None
        session.log_decision("reject", request, _NO_ROOM.line)
        session.server.context.log.warning(
            f"not enough free space in mail queue: {storage.free_bytes} bytes"
            " < 1.5*message size limit"
        )
        return _NO_ROOM
    return None
