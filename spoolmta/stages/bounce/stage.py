"""The notices of a message become reports in maildrop, and the message ends, in one commit.

Postfix:    bounce(8)
RFC:        3461, 3464, 5321 6.1
Claims:     notice      Advances to: gone, deferred; reports: maildrop
Parameters: config/parameters/bounce.py, and those of recipients, report and templates
Must not:   report a failure to the null sender; hold a large message in memory
Limits:     a notice about a message whose content cannot be read returns nothing of it
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from spoolmta import maillog
from spoolmta.address.rewrite import rewrite
from spoolmta.address.routing import local_rules
from spoolmta.config.parameters.bounce import BounceParameters
from spoolmta.errors import ClaimLost, Corrupt
from spoolmta.message.envelope import Envelope, Recipient, Trace
from spoolmta.message.trace_headers import message_id as new_message_id
from spoolmta.service.context import ServiceContext
from spoolmta.service.crash import crash_point
from spoolmta.service.worker import GATHER_TIMES
from spoolmta.spool import content, notices, queues
from spoolmta.spool.notices import Kind, Notice, RecordedOutcome
from spoolmta.spool.queues import NewMessage, QueuedMessage
from spoolmta.spool.surgery import returns
from spoolmta.stages.bounce import operator_lines, templates
from spoolmta.stages.bounce.recipients import (
    Letter,
    Postmaster,
    as_probe,
    concerned_by,
    ends,
    letters,
)
from spoolmta.stages.bounce.report import (
    Frame,
    Original,
    Report,
    Reporter,
    Returned,
    Wording,
    frame,
    header_of,
)

_BATCH = 50
# Reports that are larger are uploaded piece by piece before the commit.
_IN_MEMORY_BYTES = 4 * content.PIECE_BYTES
# A longer header is cut: nobody reads it, and it must not fill the memory.
_HEADER_BYTES = 4 * content.PIECE_BYTES


@dataclass(frozen=True, slots=True)
class _Case:
    """One message with notices; *header* is its header block, None if it cannot be read.

    *returned*: an operator said that it goes back.
    """

    notice: Notice
    message: QueuedMessage
    outcomes: Sequence[RecordedOutcome]
    header: bytes | None
    returned: returns.Returned | None


def open_stage(context: ServiceContext) -> "BounceStage":
    """Return the stage.

    Raises ConfigError: the templates cannot be used.
    """
    return BounceStage(context, context.section(BounceParameters))


class BounceStage:
    """Answers notices."""

    name = "bounce"
    may_have_more = True
    gather_times = GATHER_TIMES

    def __init__(self, context: ServiceContext, parameters: BounceParameters) -> None:
        """Use `open_stage`."""
        self._context = context
        self._parameters = parameters
        self._queue_log = context.log_as("qmgr")
        self._rules = local_rules(parameters)
        self._templates = templates.load(parameters.bounce_template_file)
        self._postmaster = Postmaster(
            frozenset(parameters.notify_classes.replace(",", " ").split()),
            rewrite(parameters.bounce_notice_recipient, self._rules),
            rewrite(parameters.double_bounce_notice_recipient, self._rules),
            rewrite(parameters.delay_notice_recipient, self._rules),
            rewrite(parameters.double_bounce_sender, self._rules),
        )
        # Every template is expanded once, so that a bad $name is found at the start.
        for template in self._templates.values():
            templates.words(template, self._value)

    async def run_once(self) -> int:
        """Answer one batch of notices; return how many messages they were of."""
        context = self._context
        with context.spool.transaction() as tx:
            claimed = notices.claim(tx, context.process_id, _BATCH)
        if not claimed:
            return 0
        crash_point("bounce.after_claim")
        messages = {
            message.message_id: message
            for message in queues.load(context.spool, [one.message_id for one in claimed])
        }
        returned = returns.by_operators(context.spool, list(messages))
        for notice in claimed:
            message = messages.get(notice.message_id)
            if message is not None:
                outcomes = notices.outcomes(context.spool, notice.message_id)
                header = self._header(message)
                said = returned.get(notice.message_id)
                self._answer(_Case(notice, message, outcomes, header, said))
        context.poke("pickup")
        return len(claimed)

    def next_due(self) -> float | None:
        """Notices come with a poke."""
        return None

    def _answer(self, case: _Case) -> None:
        context = self._context
        recipients = case.message.numbered
        told: list[RecordedOutcome] = []
        reports: list[NewMessage] = []
        written: list[tuple[Letter, str]] = []
        for kind in case.notice.kinds:
            if ends(kind):
                told += concerned_by(kind, recipients, case.outcomes)
            for letter in self._letters(kind, case):
                report = self._report(letter, case)
                reports.append(report)
                written.append((letter, report.queue_id))
        crash_point("bounce.before_commit")
        try:
            with context.spool.transaction() as tx:
                notices.finish(
                    tx,
                    context.process_id,
                    case.notice,
                    told,
                    reports,
                    tell_end_of_delay=self._parameters.confirm_delay_cleared,
                )
        except ClaimLost:
            context.log.warning(f"{case.message.queue_id}: notice no longer ours; dropped")
            self._abandon(reports)
            return
        self._log(case, written)

    def _letters(self, kind: Kind, case: _Case) -> tuple[Letter, ...]:
        envelope = case.message.envelope
        found = letters(
            kind, envelope.sender, case.message.numbered, case.outcomes, self._postmaster
        )
        if envelope.trace is not Trace.VERIFY or kind is not Kind.TRACE:
            return found
        # The message was made for this: its text, which goes back, is what would happen to it.
        return tuple(
            replace(letter, concerned=tuple(map(as_probe, letter.concerned)), headers_only=False)
            for letter in found
        )

    def _abandon(self, reports: Sequence[NewMessage]) -> None:
        with self._context.spool.transaction() as tx:
            for report in reports:
                content.abandon(tx, report.message_id)

    def _report(self, letter: Letter, case: _Case) -> NewMessage:
        context = self._context
        message = case.message
        message_id = context.ids.next()
        queue_id = context.queue_id(message_id)
        now = context.clock.now()
        returned = self._returned(letter, case)
        parameters = self._parameters
        report = Report(
            letter,
            self._original(case),
            self._reporter(letter.kind),
            self._wording(letter),
            new_message_id(
                queue_id, now, parameters.myhostname, long_queue_ids=context.long_queue_ids
            ),
            now,
            returned,
            parameters.enable_threaded_bounces,
        )
        around = frame(report)
        envelope = Envelope(
            sender=letter.sender,
            recipients=(Recipient(letter.recipient),),
            origin="bounce",
            encoding="8bit",
            smtputf8=message.envelope.smtputf8,
        )
        first, others, uploaded, size = self._store(
            message_id, self._pieces(around, case, returned)
        )
        return NewMessage(message_id, queue_id, envelope, size, (first, *others), now, uploaded)

    def _pieces(self, around: Frame, case: _Case, returned: Returned) -> Iterator[bytes]:
        """Yield a report: what stands before the message is in the first piece, the rest last."""
        if returned is not Returned.MESSAGE:
            yield around.head + (case.header or b"") + around.tail
            return
        pending = around.head
        for piece in content.read(self._context.spool, case.message.message_id):
            if len(pending) + len(piece) > content.PIECE_BYTES:
                yield pending
                pending = b""
            pending += piece
        yield pending + around.tail

    def _store(
        self, message_id: int, pieces: Iterator[bytes]
    ) -> tuple[bytes, list[bytes], int, int]:
        """Return (first piece, other pieces at hand, number of uploaded ones, bytes of all)."""
        first = next(pieces)
        others: list[bytes] = []
        size = len(first)
        uploaded = 0
        for piece in pieces:
            others.append(piece)
            size += len(piece)
            if size > _IN_MEMORY_BYTES:
                for data in others:
                    uploaded += 1
                    with self._context.spool.transaction() as tx:
                        content.upload(tx, message_id, uploaded, data, self._context.process_id)
                others = []
        return first, others, uploaded, size

    def _header(self, message: QueuedMessage) -> bytes | None:
        """Return the header block of a message, None if its content cannot be read."""
        block = b""
        try:
            for piece in content.read(self._context.spool, message.message_id):
                block += piece
                if b"\r\n\r\n" in block or len(block) > _HEADER_BYTES:
                    break
        except Corrupt as error:
            self._context.log.warning(f"{message.queue_id}: {error}")
            return None
        return header_of(block)

    def _returned(self, letter: Letter, case: _Case) -> Returned:
        """RET=FULL is a wish, bounce_size_limit is not."""
        message = case.message
        if case.header is None:
            return Returned.NOTHING
        is_wanted = not letter.headers_only and message.envelope.ret != "HDRS"
        if is_wanted and message.size <= self._parameters.bounce_size_limit:
            return Returned.MESSAGE
        return Returned.HEADERS

    def _original(self, case: _Case) -> Original:
        message = case.message
        parameters = self._parameters
        sender = message.envelope.sender
        return Original(
            message.queue_id,
            message.envelope,
            sender or rewrite(parameters.empty_address_recipient, self._rules),
            message.arrived_at,
            message.created_at + parameters.maximal_queue_lifetime,
            case.header or b"",
        )

    def _reporter(self, kind: Kind) -> Reporter:
        parameters = self._parameters
        name, address = templates.sender(self._templates[kind])
        address = rewrite(address, self._rules)
        if parameters.header_from_format == "obsolete":
            text = f"{address} ({name})" if name else address
        else:
            text = f"{name} <{address}>" if name else address
        return Reporter(parameters.myhostname, parameters.mail_name, text)

    def _wording(self, letter: Letter) -> Wording:
        template = self._templates[letter.kind]
        if letter.to_postmaster:
            return Wording(template.postmaster_subject, (), "utf-8")
        lines = tuple(templates.words(template, self._value))
        return Wording(template.subject, lines, templates.charset(template))

    def _value(self, name: str) -> str:
        context = self._context
        return context.configuration.value(name, context.service.overrides)

    def _log(self, case: _Case, written: list[tuple[Letter, str]]) -> None:
        queue_id = case.message.queue_id
        if case.returned is not None:
            operator_lines.log(self._context, case.message, case.outcomes, case.returned)
        for letter, report_id in written:
            maillog.bounce_notification(self._context.log, queue_id, letter.title, report_id)
        sender = case.message.envelope.sender.lower()
        if sender and sender == self._postmaster.double_bounce_sender.lower():
            self._context.log.warning(
                f"{queue_id}: undeliverable postmaster notification discarded"
            )
        if case.notice.retry_at is None:
            maillog.removed(self._queue_log, queue_id)
