"""The verbs: which there are, and what happens to every command line.

Postfix:    smtpd(8), postconf(5) smtpd_forbid_unauth_pipelining, smtpd_forbidden_commands
Parameters: smtpd_hard_error_limit, smtpd_soft_error_limit, smtpd_junk_command_limit,
            smtpd_error_sleep_time, smtpd_noop_commands, smtpd_forbidden_commands,
            smtpd_forbid_unauth_pipelining, smtputf8_enable, myhostname
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from spoolmta import maillog
from spoolmta.errors import MapUnavailable
from spoolmta.protocols.smtp_server import must_end_batch, out_of_order
from spoolmta.protocols.smtp_syntax import Command, Reply, parse_command
from spoolmta.stages.smtpd import control, data, etrn, hello, mail, rcpt, vrfy
from spoolmta.stages.smtpd.session import Session

Handler = Callable[[Session, bytes], Awaitable[Reply | None]]


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: its name in the log, its handler, and what else there is to it.

    A *junk* verb does nothing for the mail; many of them without a mail are errors.
    """

    name: str
    handle: Handler
    junk: bool = False


VERBS = {
    b"HELO": Verb("helo", hello.helo, junk=True),
    b"EHLO": Verb("ehlo", hello.ehlo, junk=True),
    b"MAIL": Verb("mail", mail.mail),
    b"RCPT": Verb("rcpt", rcpt.rcpt),
    b"DATA": Verb("data", data.data),
    b"BDAT": Verb("bdat", data.bdat),
    b"RSET": Verb("rset", control.rset, junk=True),
    b"NOOP": Verb("noop", control.noop, junk=True),
    b"VRFY": Verb("vrfy", vrfy.vrfy, junk=True),
    b"ETRN": Verb("etrn", etrn.etrn, junk=True),
    b"HELP": Verb("help", control.help_),
    b"QUIT": Verb("quit", control.quit_),
}

UNKNOWN = "unknown"
_BAD_UTF8 = Reply(500, "5.5.2", "Error: bad UTF-8 syntax")
_BAD_SYNTAX = Reply(500, "5.5.2", "Error: bad syntax")
_NOT_RECOGNIZED = Reply(500, "5.5.2", "Error: command not recognized")
_FORBIDDEN = Reply(221, "2.7.0", "Error: I can break rules, too. Goodbye.")
_NOT_SYNCHRONIZED = Reply(554, "5.5.0", "Error: SMTP protocol synchronization")
_LOOKUP_FAILED = Reply(451, "4.3.0", "Temporary lookup failure")
_HEADER_LINE = re.compile(rb"[!-9;-~]+[ \t]*:")
LAST_REPLIES = (421, 521)
_GO_AHEAD = 354


async def run_line(session: Session, line: bytes) -> None:
    """Act on a command line and answer it."""
    server = session.server
    if session.input.bare_newline:
        refusal = session.refuse_bare_newline(session.last_command)
        if refusal is not None:
            session.is_over = True
            session.chat.send(refusal)
            return
    command = parse_command(line)
    verb = VERBS.get(command.verb)
    session.last_command = "UNKNOWN" if verb is None else command.verb.decode("ascii")
    if not line.isascii() and server.parameters.smtputf8_enable and not _is_utf8(line):
        await _answer(session, "", _BAD_UTF8)
    elif verb is None:
        await _run_unknown(session, command, line)
    elif session.is_denied and command.verb != b"QUIT":
        session.count(verb.name)
        text = f"Error: access denied for {session.peer.shown}"
        await _answer(session, verb.name, Reply(503, "5.7.0", text))
    elif is_out_of_turn(session, command.verb):
        session.count(verb.name)
        hang_up_unsynchronized(session, session.last_command)
    else:
        session.count(verb.name)
        reply = await _run(session, verb, command)
        if reply is not None:
            await _answer(session, verb.name, reply)
        if verb.junk:
            _count_junk(session)
    end_if_too_many_errors(session)


def is_out_of_turn(session: Session, verb: bytes) -> bool:
    """Return whether more has come behind a command that the client must wait after.

    If that is no reason to hang up, it is kept in mind for reject_unauth_pipelining.
    """
    if session.input.is_empty or not must_end_batch(verb, extended=session.is_extended):
        return False
    if session.server.parameters.smtpd_forbid_unauth_pipelining:
        return True
    if not session.improper_pipelining:
        session.improper_pipelining = True
        _log_pipelining(session, verb.decode("ascii"))
    return False


def hang_up_unsynchronized(session: Session, after: str) -> None:
    """End the session of a client that does not wait for replies."""
    _log_pipelining(session, after)
    session.chat.send(_NOT_SYNCHRONIZED)
    session.is_over = True


def end_if_too_many_errors(session: Session) -> None:
    """End the session of a client that makes nothing but errors."""
    parameters = session.server.parameters
    if session.is_over or session.error_count < parameters.smtpd_hard_error_limit:
        return
    maillog.too_many_errors(session.server.context.log, session.peer, session.last_command)
    session.chat.send(Reply(421, "4.7.0", f"{parameters.myhostname} Error: too many errors"))
    session.is_over = True


async def _run(session: Session, verb: Verb, command: Command) -> Reply | None:
    if verb.handle is not data.bdat:
        refusal = out_of_order(command.verb, session.progress)
        if refusal is not None:
            return refusal
    try:
        return await verb.handle(session, command.argument)
    except MapUnavailable as error:
        session.server.context.log.warning(str(error))
        return _LOOKUP_FAILED


async def _run_unknown(session: Session, command: Command, line: bytes) -> None:
    server = session.server
    if not command.verb:
        await _answer(session, "", _BAD_SYNTAX)
        return
    if command.verb in server.noop_commands:
        session.chat.send(control.OK)
        return
    session.count(UNKNOWN)
    word = command.verb.decode("utf-8", "surrogateescape")
    if _HEADER_LINE.match(line.lstrip(b" \t")) or await server.forbidden_commands.matches(word):
        text = line.decode("utf-8", "backslashreplace")
        maillog.non_smtp_command(server.context.log, session.peer, text)
        session.chat.send(_FORBIDDEN)
        session.is_over = True
        return
    await _answer(session, UNKNOWN, _NOT_RECOGNIZED)


async def _answer(session: Session, name: str, reply: Reply) -> None:
    """Send a reply; who has made many errors has to wait for it."""
    parameters = session.server.parameters
    if session.error_count >= parameters.smtpd_soft_error_limit:
        await asyncio.sleep(parameters.smtpd_error_sleep_time)
    if reply.code == _GO_AHEAD:
        session.chat.send(reply)
    else:
        session.answer(name, reply, is_error=reply.is_error and not rcpt.is_excused(session, reply))
    if reply.code in LAST_REPLIES:
        session.is_over = True


def _count_junk(session: Session) -> None:
    if session.junk_count > session.server.parameters.smtpd_junk_command_limit:
        session.error_count += 1
    session.junk_count += 1


def _log_pipelining(session: Session, after: str) -> None:
    maillog.improper_pipelining(
        session.server.context.log, session.peer, after, session.input.waiting
    )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
