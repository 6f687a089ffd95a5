"""HELO and EHLO.

Postfix:    smtpd(8), postconf(5) smtpd_discard_ehlo_keywords
RFC:        5321 4.1.1.1, 1870 (SIZE), 2920, 1985 (ETRN), 2034, 6152, 3461, 6531, 3030
Parameters: myhostname, message_size_limit, disable_vrfy_command, smtputf8_enable,
            smtpd_discard_ehlo_keywords, smtpd_discard_ehlo_keyword_address_maps
"""

from spoolmta.maps.syntax import split_words
from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.stages.smtpd.session import Session

KEYWORDS = (
    "PIPELINING",
    "SIZE",
    "VRFY",
    "ETRN",
    "ENHANCEDSTATUSCODES",
    "8BITMIME",
    "DSN",
    "SMTPUTF8",
    "CHUNKING",
)

_SILENT = "SILENT-DISCARD"
# What a host name never has and what would be trouble in a header or in the log.
_NEUTER = str.maketrans(dict.fromkeys(' <>()\\";@', "?") | dict.fromkeys([*range(32), 127], "?"))


async def helo(session: Session, argument: bytes) -> Reply:
    """Greet a client that speaks plain SMTP."""
    if not argument:
        return Reply(501, "", "Syntax: HELO hostname")
    refusal = await _greet(session, "HELO", argument, extended=False)
    return refusal or Reply(250, "", session.server.parameters.myhostname)


async def ehlo(session: Session, argument: bytes) -> Reply:
    """Greet a client, and say what extensions there are."""
    if not argument:
        return Reply(501, "", "Syntax: EHLO hostname")
    refusal = await _greet(session, "EHLO", argument, extended=True)
    if refusal is not None:
        return refusal
    await _discard_keywords(session)
    return Reply(250, "", "\n".join((session.server.parameters.myhostname, *_offers(session))))


async def _greet(session: Session, stage: str, argument: bytes, *, extended: bool) -> Reply | None:
    session.end_mail()
    session.end_part()
    name = argument.decode("utf-8", "surrogateescape").translate(_NEUTER)
    asked = session.server.lists.at_hello
    if asked:
        request = session.request(stage)
        request.helo = name
        refusal = await session.decide(request, asked)
        if refusal is not None:
            return refusal
    session.greet(name, extended=extended)
    return None


async def _discard_keywords(session: Session) -> None:
    """Find out what this client is not to be offered."""
    server = session.server
    text = server.parameters.smtpd_discard_ehlo_keywords
    if server.discard_maps:
        text = await server.discard_maps.lookup(session.peer.address) or text
    if not text:
        return
    words = [word.upper() for word in split_words(text)]
    session.discarded_keywords = frozenset(words)
    shown = [word for word in KEYWORDS if word in words]
    if shown and _SILENT not in words:
        server.context.log.info(f"discarding EHLO keywords: {' '.join(shown)}")


def _offers(session: Session) -> list[str]:
    parameters = session.server.parameters
    limit = parameters.message_size_limit
    absent = set(session.discarded_keywords)
    if parameters.disable_vrfy_command:
        absent.add("VRFY")
    if not parameters.smtputf8_enable:
        absent.add("SMTPUTF8")
    return [
        f"SIZE {limit}" if word == "SIZE" and limit else word
        for word in KEYWORDS
        if word not in absent
    ]
