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
    """A verb: its handler, and what else there is to it.

    *label* and *name* are the verb in the log, as a stage and as a counted command. A *junk* verb
    does nothing for the mail; many of them without a mail are errors. An *ordered* verb has its
    place in the order of commands; BDAT sees to that itself, because its chunk comes anyway. An
    *open* verb may be said in plain text where mail may not.
    """

    label: str
    name: str
    handle: Handler
    junk: bool = False
    ordered: bool = False
    open: bool = False


VERBS = {
    verb.label.encode(): verb
    for verb in (
        Verb("HELO", "helo", hello.helo, junk=True, open=True),
        Verb("EHLO", "ehlo", hello.ehlo, junk=True, open=True),
        Verb("MAIL", "mail", mail.mail, ordered=True),
        Verb("RCPT", "rcpt", rcpt.rcpt, ordered=True),
        Verb("DATA", "data", data.data, ordered=True),
        Verb("BDAT", "bdat", data.bdat),
        Verb("RSET", "rset", control.rset, junk=True),
        Verb("NOOP", "noop", control.noop, junk=True, open=True),
        Verb("VRFY", "vrfy", vrfy.vrfy, junk=True),
        Verb("ETRN", "etrn", etrn.etrn, junk=True, ordered=True),
        Verb("HELP", "help", control.help_),
        Verb("QUIT", "quit", control.quit_, open=True),
    )
}

UNKNOWN = "unknown"
_BAD_UTF8 = Reply(500, "5.5.2", "Error: bad UTF-8 syntax")
_BAD_SYNTAX = Reply(500, "5.5.2", "Error: bad syntax")
_NOT_RECOGNIZED = Reply(500, "5.5.2", "Error: command not recognized")
_FORBIDDEN = Reply(221, "2.7.0", "Error: I can break rules, too. Goodbye.")
_NOT_SYNCHRONIZED = Reply(554, "5.5.0", "Error: SMTP protocol synchronization")
_NOT_ENCRYPTED = Reply(530, "5.7.0", "Must issue a STARTTLS command first")
_LOOKUP_FAILED = Reply(451, "4.3.0", "Temporary lookup failure")
_HEADER_LINE = re.compile(rb"[!-9;-~]+[ \t]*:")
LAST_REPLIES = (421, 521)
_GO_AHEAD, _TEMPORARY = 354, 400


async def run_line(session: Session, line: bytes) -> None:
    """Act on a command line and answer it."""
    incoming, parameters = session.input, session.server.parameters
    transcript = session.chat.transcript
    if transcript is not None:
        transcript.entries.append(line)
    if incoming.bare_newline and _hang_up_bare_newline(session):
        return
    command = parse_command(line)
    verb = VERBS.get(command.verb)
    session.last_command = "UNKNOWN" if verb is None else verb.label
    if not line.isascii() and not _is_text(session, line):
        await _answer(session, None, _BAD_UTF8)
    elif verb is None:
        await _run_unknown(session, command, line)
    elif not incoming.is_empty and is_out_of_turn(session, command.verb):
        session.count(verb.name)
        hang_up_unsynchronized(session, verb.label)
    else:
        reply = await _run(session, verb, command)
        if reply is None:
            session.count(verb.name)
        elif session.error_count >= parameters.smtpd_soft_error_limit:
            await _answer(session, verb.name, reply)
        else:
            _answer_now(session, verb.name, reply)
        if verb.junk:
            _count_junk(session)
    if session.error_count >= parameters.smtpd_hard_error_limit:
        end_because_of_errors(session)


def is_out_of_turn(session: Session, verb: bytes) -> bool:
    """Return whether what came behind a command should have waited for its reply.

    If that is no reason to hang up, it is kept in mind for reject_unauth_pipelining.
    """
    if not must_end_batch(verb, extended=session.is_extended):
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
    if session.chat.transcript is not None:
        session.chat.transcript.blame_command(_NOT_SYNCHRONIZED)
    session.is_over = True


def end_because_of_errors(session: Session) -> None:
    """End the session of a client that makes nothing but errors."""
    if session.is_over:
        return
    maillog.too_many_errors(session.server.context.log, session.peer, session.last_command)
    host = session.server.parameters.myhostname
    session.chat.send(Reply(421, "4.7.0", f"{host} Error: too many errors"))
    session.break_off("too many errors")
    session.is_over = True


async def _run(session: Session, verb: Verb, command: Command) -> Reply | None:
    """Return the reply to a command; None if it comes after the content that follows."""
    if session.is_denied and verb.label != "QUIT":
        return Reply(503, "5.7.0", f"Error: access denied for {session.peer.shown}")
    if session.server.demands_encryption and not verb.open:
        # Nobody can, as there is no TLS. A chunk that comes anyway is not to be taken for commands.
        session.is_over = verb.label == "BDAT"
        return _NOT_ENCRYPTED
    if verb.ordered:
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
        await _answer(session, None, _BAD_SYNTAX)
        return
    if command.verb in server.noop_commands:
        session.chat.send(control.OK)
        return
    word = command.verb.decode("utf-8", "surrogateescape")
    if _HEADER_LINE.match(line.lstrip(b" \t")) or await server.forbidden_commands.matches(word):
        text = line.decode("utf-8", "backslashreplace")
        maillog.non_smtp_command(server.context.log, session.peer, text)
        session.count(UNKNOWN)
        session.chat.send(_FORBIDDEN)
        session.is_over = True
        return
    await _answer(session, UNKNOWN, _NOT_RECOGNIZED)


async def _answer(session: Session, name: str | None, reply: Reply) -> None:
    """Send the reply to a command; who errs much has to wait for it."""
    if session.error_count >= session.server.parameters.smtpd_soft_error_limit:
        await asyncio.sleep(session.server.parameters.smtpd_error_sleep_time)
    _answer_now(session, name, reply)


def _answer_now(session: Session, name: str | None, reply: Reply) -> None:
    """Send the reply to the command *name*, and count it.

    None: what came cannot be called a command.
    """
    session.chat.send(reply)
    is_good = reply.code < _TEMPORARY
    if not is_good:
        if session.chat.transcript is not None:
            session.chat.transcript.blame_command(reply)
        is_good = rcpt.is_excused(session, reply)
        session.error_count += not is_good
        session.is_over = session.is_over or reply.code in LAST_REPLIES
    if name is not None:
        session.count(name, succeeded=is_good and reply.code != _GO_AHEAD)


def _count_junk(session: Session) -> None:
    if session.junk_count > session.server.parameters.smtpd_junk_command_limit:
        session.error_count += 1
    session.junk_count += 1


def _log_pipelining(session: Session, after: str) -> None:
    maillog.improper_pipelining(
        session.server.context.log, session.peer, after, session.input.waiting
    )


def _hang_up_bare_newline(session: Session) -> bool:
    """End the session because of a line that ended in LF alone, if the site wants that."""
    refusal = session.refuse_bare_newline(session.last_command)
    if refusal is None:
        return False
    session.chat.send(refusal)
    session.is_over = True
    return True


def _is_text(session: Session, line: bytes) -> bool:
    """Return whether a line that is not ASCII is UTF-8, or need not be."""
    if not session.server.parameters.smtputf8_enable:
        return True
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
