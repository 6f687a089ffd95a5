"""ETRN: a client asks for the mail that waits for its domain. The flush service does the work.

Postfix:    smtpd(8), flush(8), ETRN_README, postconf(5) smtpd_etrn_restrictions
RFC:        1985
Parameters: smtpd_etrn_restrictions, fast_flush_domains
"""

import asyncio

from spoolmta import maillog
from spoolmta.address.hostname import is_hostname, literal_address
from spoolmta.errors import RemoteProtocolError
from spoolmta.protocols import flush
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.stages.smtpd.session import Session

_SYNTAX = Reply(500, "", "Syntax: ETRN domain")
_BAD_PARAMETER = Reply(501, "", "Error: invalid parameter syntax")
_QUEUING = Reply(250, "", "Queuing started")
_UNABLE = Reply(458, "", "Unable to queue messages")
_PATIENCE_SECONDS = 10.0


async def etrn(session: Session, argument: bytes) -> Reply:
    """Have the mail of a domain tried now, if the client and the domain are fit for that."""
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
    status = flush.NOT_ELIGIBLE
    if await server.flush_domains.matches(domain):
        # Commands begin outside of any task; a time limit needs one.
        status = await asyncio.create_task(_ask(session, domain))
    if status == flush.OK:
        return _QUEUING
    if status == flush.NOT_ELIGIBLE:
        maillog.reject_etrn(server.context.log, session.peer, domain)
        return Reply(459, "", f"<{domain}>: service unavailable")
    return _UNABLE


async def _ask(session: Session, domain: str) -> str:
    """Return what the flush service answers; FAILED if it does not."""
    server = session.server
    path = f"{server.parameters.queue_directory}/{flush.SOCKET}"
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            reader, writer = await asyncio.open_unix_connection(path)
            try:
                writer.write(flush.format_request(flush.Request(flush.SITE, domain)))
                return flush.parse_answer(await reader.read())
            finally:
                writer.close()
    except (OSError, TimeoutError, RemoteProtocolError) as error:
        server.context.log.warning(f"ETRN {domain}: {flush.SOCKET}: {error}")
        return flush.FAILED
