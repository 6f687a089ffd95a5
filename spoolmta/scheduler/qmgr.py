"""The queue manager: takes reports, updates windows, grants deliveries, ends messages.

Each run is one transaction: the reports of agents are taken and their deliveries answered, what
waits is granted inside the windows, mail for dead destinations is deferred with the reason, and
messages whose last delivery is answered are removed, deferred or handed to the bounce stage.
What it keeps in memory is rebuilt from the rows at a start; what it has learnt of destinations is
written, a dead mark with its cause, a window within seconds.

Postfix:    qmgr(8), SCHEDULER_README
Claims:     report, delivery      Advances to: granted; active -> deferred, gone, or a notice
Parameters: minimal_backoff_time, maximal_backoff_time, maximal_queue_lifetime,
            bounce_queue_lifetime, delay_warning_time, defer_transports,
            transport_retry_time, destination_concurrency_feedback_debug; those of limits.py
Must not:   look anything up in a map; talk to the network
Limits:     one process a spool
"""

from collections.abc import Sequence
from typing import NamedTuple

from spoolmta import maillog
from spoolmta.config import encryption
from spoolmta.config.parameters.qmgr import QueueManagerParameters
from spoolmta.config.program import transports
from spoolmta.message.envelope import Trace
from spoolmta.message.outcome import Outcome, defer
from spoolmta.scheduler.completion import REMOVED, Completion, Lifetimes, decide
from spoolmta.scheduler.destination import Destination
from spoolmta.scheduler.limits import transport_limits
from spoolmta.scheduler.schedule import Changes, Schedule, Suspended
from spoolmta.scheduler.transport import TransportLimits
from spoolmta.service.context import ServiceContext
from spoolmta.service.crash import crash_point
from spoolmta.service.worker import GATHER_TIMES
from spoolmta.spool import completion, deliveries, flushes, queues
from spoolmta.spool.completion import Answered
from spoolmta.spool.connection import Transaction
from spoolmta.spool.deliveries import Reported, SuspendedRecipient, Verdict, Waiting
from spoolmta.spool.outcomes import record_outcomes
from spoolmta.spool.state import State
from spoolmta.spool.surgery import rules

Suspension = tuple[SuspendedRecipient, Outcome]
Done = tuple[Answered, Completion]

_REPORTS = 200
_WAITING = 1000
_RECONCILE_SECONDS = 10.0


class _Work(NamedTuple):
    """What a run finds to do; *is_full*: there may be more behind it."""

    flush: bool
    reported: list[Reported]
    suspended: list[Suspension]
    grants: list[Waiting]
    changes: Changes
    is_full: bool

    @property
    def is_idle(self) -> bool:
        """True if nothing is to be written."""
        return not (
            self.flush or self.reported or self.suspended or self.grants or any(self.changes)
        )


class QueueManager:
    """The scheduler as a stage."""

    name = "qmgr"
    gather_times = GATHER_TIMES

    def __init__(self, context: ServiceContext, parameters: QueueManagerParameters) -> None:
        """Use `open_stage`."""
        self._context = context
        self._lifetimes = Lifetimes(
            parameters.minimal_backoff_time,
            parameters.maximal_backoff_time,
            parameters.maximal_queue_lifetime,
            parameters.bounce_queue_lifetime,
            parameters.delay_warning_time,
        )
        configuration = context.configuration
        is_traced = parameters.destination_concurrency_feedback_debug
        self._schedule = Schedule(
            self._traced_limits if is_traced else self._limits,
            heard=self._trace if is_traced else None,
            served=transports(
                service
                for service in configuration.services
                if not encryption.refusal(configuration, service)
            ),
            dead_seconds=parameters.minimal_backoff_time,
            retry_seconds=parameters.transport_retry_time,
            put_off=frozenset(parameters.defer_transports.replace(",", " ").split()),
            slowness=lambda destination: rules.slowness(context.spool, destination),
        )
        self._last_delivery = 0
        self.may_have_more = False
        self._next_reconcile = 0.0
        self._recall()

    async def run_once(self) -> int:
        """Take what agents reported and what is newly planned; return how many rows moved."""
        now = self._context.clock.now()
        # Reading, too: each transaction begins by reading what other processes changed.
        with self._context.spool.transaction() as tx:
            work = self._look(now)
            if work.is_idle:
                return 0
            deliveries.store_destinations(tx, work.changes.stored)
            deliveries.forget_destinations(tx, work.changes.forgotten)
            done = self._complete(tx, self._answer(tx, work.reported, work.suspended), now)
            granted = deliveries.grant(tx, work.grants) if work.grants else set()
            if work.flush:
                flushes.take(tx)
            crash_point("complete.before_remove")
        crash_point("grant.after_grant")
        if len(granted) < len(work.grants):
            # An operator withdrew some meanwhile.
            self._schedule.withdraw({w.delivery_id for w in work.grants} - granted, now)
        self._tell(work.grants, work.suspended, done)
        self.may_have_more = work.is_full or len(granted) < len(work.grants)
        return len(work.reported) + len(work.suspended) + len(work.grants) + int(work.flush)

    def _limits(self, transport: str) -> TransportLimits:
        context = self._context
        return transport_limits(context.configuration, transport, context.log.warning)

    def _traced_limits(self, transport: str) -> TransportLimits:
        limits = self._limits(transport)
        window, at = limits.window, limits.window.initial
        for name, feedback in (("positive", window.positive), ("negative", window.negative)):
            step = feedback.at(at)
            maillog.feedback(self._context.log, transport, name, int(feedback.shared), at, step)
        return limits

    def _trace(self, destination: Destination, verdict: Verdict) -> None:
        """Log what an answer does to a window."""
        if verdict is not Verdict.CRASHED:
            maillog.window(
                self._context.log,
                destination.name,
                maillog.Window(
                    verdict is Verdict.DONE,
                    destination.step,
                    destination.limits.limit,
                    0 if destination.is_dead else destination.window,
                    destination.success,
                    destination.failure,
                    destination.failed_cohorts,
                ),
            )

    def next_due(self) -> float | None:
        """Return when something may go that may not go now."""
        return self._schedule.next_due()

    def _look(self, now: float) -> "_Work":
        """Return what there is to do; the schedule changes as if it were done."""
        spool, schedule = self._context.spool, self._schedule
        flush = flushes.asked(spool)
        schedule.revive(now, everything=flush)
        reported = deliveries.reports(spool, _REPORTS)
        for report in reported:
            schedule.hear(report.delivery_id, report.feedback, now)
        again = (r.delivery for r in reported if r.feedback.verdict is Verdict.CRASHED)
        schedule.admit((waiting for waiting in again if waiting is not None), now)
        everything = self._reconcile(now)
        planned = deliveries.waiting(spool, self._last_delivery, _WAITING)
        if planned:
            self._last_delivery = planned[-1].delivery_id
        schedule.admit(planned, now)
        suspended = self._load_suspended(schedule.take_suspended(), now)
        grants = schedule.grants(now)
        is_full = len(reported) == _REPORTS or len(planned) == _WAITING
        changes = schedule.changes(everything=everything)
        return _Work(flush, reported, suspended, grants, changes, is_full)

    def _load_suspended(self, suspended: Sequence[Suspended], now: float) -> list[Suspension]:
        """Return the outcome of each recipient whose destination is not tried now."""
        if not suspended:
            return []
        reasons = {s.waiting.delivery_id: (s.dsn, s.reason) for s in suspended}
        return [
            (recipient, _suspension(recipient, *reasons[recipient.delivery_id], now))
            for recipient in deliveries.load_suspended(self._context.spool, list(reasons))
        ]

    def _reconcile(self, now: float) -> bool:
        """Give back the places of deliveries that an operator withdrew; wake agents again.

        Return whether it was time for that.
        """
        if now < self._next_reconcile:
            return False
        self._next_reconcile = now + _RECONCILE_SECONDS
        under_way = self._schedule.under_way
        self._schedule.forget_slowness(now)
        if under_way:
            existing = deliveries.existing(self._context.spool, list(under_way))
            self._schedule.withdraw(under_way - existing, now)
        for transport in self._schedule.busy_transports:
            self._context.poke(transport)  # a poke may have met an agent that was just ending
        return True

    def _recall(self) -> None:
        """Rebuild what is in memory from the rows, at a start."""
        spool = self._context.spool
        for state in deliveries.stored_destinations(spool):
            self._schedule.recall(state)
        for waiting in deliveries.under_way(spool):
            self._schedule.recall_under_way(waiting)

    def _answer(
        self, tx: Transaction, reported: Sequence[Reported], suspended: Sequence[Suspension]
    ) -> list[Answered]:
        """End deliveries; return the messages that have none left."""
        if reported:
            deliveries.forget_reports(tx, [report.delivery_id for report in reported])
        ended = {
            report.delivery_id: report.delivery.message_id
            for report in reported
            if report.delivery is not None and report.feedback.verdict is not Verdict.CRASHED
        }
        for recipient, outcome in suspended:
            ended[recipient.delivery_id] = recipient.message_id
            addresses = {recipient.number: recipient.address}
            record_outcomes(tx, recipient.message_id, (outcome,), addresses)
        if not ended:
            return []
        deliveries.answer(tx, list(ended))
        return completion.answered(tx, list(dict.fromkeys(ended.values())))

    def _complete(self, tx: Transaction, messages: Sequence[Answered], now: float) -> list[Done]:
        """End, defer or hand on each message as decided; all that simply end go together."""
        done = [(message, decide(message, now, self._lifetimes)) for message in messages]
        gone = [message.message_id for message, end in done if end == REMOVED]
        if gone:
            queues.remove(tx, State.ACTIVE, gone)
        for message, end in done:
            if end.expired:
                completion.expire(tx, message.message_id)
            for kind in end.notices:
                completion.ask_for_notice(tx, message.message_id, kind, end.retry_at)
            if end.retry_at is not None and not end.notices:
                queues.postpone(tx, message.message_id, end.retry_at)
        return done

    def _tell(
        self, grants: Sequence[Waiting], suspended: Sequence[Suspension], done: Sequence[Done]
    ) -> None:
        log = self._context.log
        for recipient, outcome in suspended:
            maillog.delivery(
                log,
                recipient.queue_id,
                recipient.address,
                recipient.original,
                outcome,
                probe=recipient.trace is Trace.VERIFY,
            )
        for message, end in done:
            if end.expired:
                maillog.expired(log, message.queue_id, message.sender)
            if end == REMOVED:
                maillog.removed(log, message.queue_id)
        for transport in {waiting.transport for waiting in grants}:
            self._context.poke(transport)
        if any(end.notices for _, end in done):
            self._context.poke("bounce")


def open_stage(context: ServiceContext) -> QueueManager:
    """Return the queue manager of the context's spool."""
    return QueueManager(context, context.section(QueueManagerParameters))


def _suspension(recipient: SuspendedRecipient, dsn: str, reason: str, now: float) -> Outcome:
    before = max(0.0, recipient.planned_at - recipient.arrived_at)
    delays = (before, max(0.0, now - recipient.planned_at), 0.0, 0.0)
    return defer(recipient.number, dsn, reason, delays=delays)
