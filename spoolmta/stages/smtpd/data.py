"""DATA and BDAT: the content of a mail, and the reply that takes it over.

250 to the end of the content is a promise: it is given after the commit that puts the message into
the spool for good, and not before.

Postfix:    smtpd(8), BDAT_README, postconf(5) smtpd_forbid_bare_newline
RFC:        5321 4.1.1.4, 4.2.5, 3030
Parameters: message_size_limit, smtpd_data_restrictions, smtpd_end_of_data_restrictions,
            smtpd_forbid_bare_newline, smtpd_forbid_bare_newline_reject_code, myhostname
"""

import re

from spoolmta.errors import SpoolFailed
from spoolmta.message.envelope import Notify, Recipient
from spoolmta.protocols.smtp_data import ChunkDecoder
from spoolmta.protocols.smtp_server import Chunks, out_of_order
from spoolmta.protocols.smtp_syntax import Reply, parse_reply
from spoolmta.stages.cleanup.verdict import Verdict
from spoolmta.stages.smtpd.intake import NOT_NOW, TOO_LARGE, Intake
from spoolmta.stages.smtpd.session import Session
from spoolmta.stages.smtpd.transaction import Chunk, Transaction

END_OF_MESSAGE = "END-OF-MESSAGE"

_GO_AHEAD = Reply(354, "", "End data with <CR><LF>.<CR><LF>")
_DATA_SYNTAX = Reply(501, "5.5.4", "Syntax: DATA")
_BDAT_SYNTAX = Reply(521, "5.5.4", "Syntax: BDAT count [LAST]")
_NOT_IMPLEMENTED = Reply(521, "5.5.1", "Error: command not implemented")
_NULL_CHUNK = Reply(551, "5.7.1", "Null BDAT request")
_CHUNK_TOO_LARGE = Reply(552, "5.3.4", "Chunk exceeds message size limit")
_LARGEST_CHUNK_DIGITS = 18
_DIGITS = re.compile(rb"[0-9]+")


async def data(session: Session, argument: bytes) -> Reply:
    """Let the client send the content."""
    if argument:
        return _DATA_SYNTAX
    asked = session.server.lists.at_data
    refusal = await session.ask("DATA", asked) if asked else None
    if refusal is not None:
        return refusal
    await session.begin_intake()
    session.input.begin_data()
    return _GO_AHEAD


async def bdat(session: Session, argument: bytes) -> Reply | None:
    """Let a chunk come; the reply follows its end, even if it is refused."""
    if "CHUNKING" in session.discarded_keywords:
        session.is_over = True
        return _NOT_IMPLEMENTED
    parsed = _parse_chunk(argument)
    if parsed is None:
        # Where the chunk ends is not known, so nothing that follows can be understood.
        session.is_over = True
        line = f"BDAT {argument.decode('ascii', 'backslashreplace')}".rstrip()
        _warn(session, f"malformed BDAT command syntax from {session.peer.shown}: {line}")
        return _BDAT_SYNTAX
    size, is_last = parsed
    transaction = session.transaction
    refusal = await _refuse_chunk(session, size, is_last=is_last)
    transaction.chunk = Chunk(size, is_last, refusal)
    if refusal is not None:
        session.input.begin_chunk(size, ChunkDecoder())
    else:
        await session.begin_intake()
        transaction.decoder = transaction.decoder or ChunkDecoder()
        session.input.begin_chunk(size, transaction.decoder)
    return None


async def take_content(session: Session) -> None:
    """Take what has come of the content, and answer if that was the end of it."""
    content = session.input.next_content()
    chunk, intake = session.transaction.chunk, session.transaction.intake
    try:
        if intake is not None and (chunk is None or chunk.refusal is None):
            await intake.take(content)
        if session.input.in_content:
            return
        if chunk is None:
            assert intake is not None
            await _finish(session, intake, "data", "")
        else:
            await _end_chunk(session, chunk, intake)
    except SpoolFailed as error:
        # What became of the commit is not known: the client asks again, a new process answers.
        session.answer("data" if chunk is None else "bdat", NOT_NOW)
        session.is_over = True
        session.server.fail(error)


def _parse_chunk(argument: bytes) -> tuple[int, bool] | None:
    words = [word for word in argument.replace(b"\t", b" ").split(b" ") if word]
    if not words or len(words) > 2 or (len(words) == 2 and words[1].upper() != b"LAST"):
        return None
    digits = words[0]
    if len(digits) > _LARGEST_CHUNK_DIGITS or _DIGITS.fullmatch(digits) is None:
        return None
    return int(digits), len(words) == 2


async def _refuse_chunk(session: Session, size: int, *, is_last: bool) -> Reply | None:
    transaction = session.transaction
    if transaction.chunks is Chunks.FAILED:
        return Reply(551, "5.0.0", f"Discarded {size} bytes after earlier error")
    refusal = out_of_order(b"BDAT", session.progress)
    if refusal is None and transaction.chunks is Chunks.NONE:
        refusal = await session.ask("BDAT", session.server.lists.at_data)
    if refusal is not None:
        return refusal
    if not size and not is_last:
        _warn(session, f"null BDAT request from {session.peer.shown}")
        return _NULL_CHUNK
    limit = session.server.parameters.message_size_limit
    taken = 0 if transaction.intake is None else transaction.intake.size
    if limit and size > limit - taken:
        _warn(session, f"BDAT request from {session.peer.shown} exceeds message size limit")
        return _CHUNK_TOO_LARGE
    return None


async def _end_chunk(session: Session, chunk: Chunk, intake: Intake | None) -> None:
    transaction = session.transaction
    transaction.chunk = None
    refusal = chunk.refusal
    if refusal is None and intake is not None:
        refusal = intake.failure or _refuse_bare_newline(session, "BDAT content")
    if refusal is None and intake is not None and transaction.decoder is not None:
        transaction.chunks = Chunks.TAKEN
        if chunk.is_last:
            await intake.take(transaction.decoder.finish())
            await _finish(session, intake, "bdat", f"{intake.size} bytes ")
        else:
            session.answer("bdat", Reply(250, "2.0.0", f"Ok: {chunk.size} bytes"))
        return
    if chunk.is_last:
        session.end_mail()
    else:
        transaction.chunks = Chunks.FAILED
        if intake is not None:
            intake.fail(refusal or NOT_NOW)
    session.answer("bdat", refusal or NOT_NOW)


async def _finish(session: Session, intake: Intake, verb: str, counted: str) -> None:
    """End the mail: take it over, or say why not."""
    session.last_command = END_OF_MESSAGE
    reply = await _take_over(session, intake, counted)
    session.end_mail()
    session.answer(verb, reply)
    if reply.is_success:
        session.error_count = session.junk_count = 0
        if session.chat.transcript is not None:
            session.chat.transcript.forgive()
    session.end_part()


async def _take_over(session: Session, intake: Intake, counted: str) -> Reply:
    refusal = intake.failure or _refuse_bare_newline(session, END_OF_MESSAGE)
    asked = session.server.lists.at_end_of_data
    if refusal is None and asked:
        refusal = await session.ask(END_OF_MESSAGE, asked)
    if refusal is not None:
        if refusal is TOO_LARGE:
            _warn(session, "queue file size limit exceeded")
        return refusal
    transaction, wishes = session.transaction, session.transaction.wishes
    result = await intake.cleanup.finish(_recipients(transaction))
    if result.verdict in (Verdict.REJECT, Verdict.DEFER):
        return _parse(result.reply)
    queued = Reply(250, "2.0.0", f"Ok: {counted}queued as {transaction.queue_id}")
    hold_reason = result.reason if result.verdict is Verdict.HOLD else None
    is_discarded = result.verdict is Verdict.DISCARD
    prepended = b""
    if wishes is not None:
        is_discarded = is_discarded or wishes.is_discarded
        hold_reason = hold_reason if wishes.hold_reason is None else wishes.hold_reason
        lines = "".join(f"{line}\r\n" for line in wishes.prepended)
        prepended = lines.encode("utf-8", "surrogateescape")
    if is_discarded:
        return queued
    refusal = await intake.enqueue(result, prepended, hold_reason, session.server.hand_on)
    if refusal is not None:
        _warn(session, f"message not queued: {refusal.line}")
        return refusal
    return queued


def _refuse_bare_newline(session: Session, stage: str) -> Reply | None:
    if not session.input.bare_newline:
        return None
    return session.refuse_bare_newline(stage)


def _recipients(transaction: Transaction) -> list[Recipient]:
    wishes = transaction.wishes
    if wishes is None:
        return transaction.recipients
    if wishes.redirect:
        return [Recipient(wishes.redirect)]
    copies = [Recipient(address, notify=Notify.NEVER) for address in wishes.copies]
    return transaction.recipients + copies


def _parse(line: str) -> Reply:
    parsed = parse_reply(line.encode("utf-8", "surrogateescape") + b"\r\n")
    assert parsed is not None
    return parsed[0]


def _warn(session: Session, text: str) -> None:
    session.server.context.log.warning(f"{session.transaction.queue_id or 'NOQUEUE'}: {text}")
