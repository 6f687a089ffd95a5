"""The queue manager: takes reports, updates windows, grants deliveries, ends messages.

Each run is one transaction: the reports of agents are taken and their deliveries answered, what
waits is granted inside the windows, mail for dead destinations is deferred with the reason, and
messages whose last delivery is answered are removed, deferred or handed to the bounce stage.
What it keeps in memory (windows, todo lists) is rebuilt from the rows at a start.

Postfix:    qmgr(8), SCHEDULER_README
Claims:     report, delivery      Advances to: granted; active -> deferred, gone, or a notice
Parameters: minimal_backoff_time, maximal_backoff_time, maximal_queue_lifetime,
            bounce_queue_lifetime, initial_destination_concurrency,
            transport_destination_concurrency_limit,
            transport_destination_concurrency_failed_cohort_limit
Must not:   look anything up in a map; talk to the network
Limits:     one process a spool
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from spoolmta import maillog
from spoolmta.config import encryption
from spoolmta.config.parameters.qmgr import QueueManagerParameters
from spoolmta.config.program import transports
from spoolmta.message.outcome import Outcome, defer
from spoolmta.scheduler.completion import REMOVED, Completion, Lifetimes, decide
from spoolmta.scheduler.dead import DeadDestinations
from spoolmta.scheduler.destination import Destination, WindowLimits
from spoolmta.scheduler.transport import Transport
from spoolmta.service.context import ServiceContext
from spoolmta.service.crash import crash_point
from spoolmta.service.worker import GATHER_TIMES
from spoolmta.spool import completion, deliveries, queues
from spoolmta.spool.completion import Answered
from spoolmta.spool.connection import Transaction
from spoolmta.spool.deliveries import (
    DeadDestination,
    Feedback,
    Reported,
    SuspendedRecipient,
    Verdict,
    Waiting,
)
from spoolmta.spool.queues import State

Suspension = tuple[SuspendedRecipient, Outcome]
Done = tuple[Answered, Completion]

_REPORTS = 200
_WAITING = 1000
_RECONCILE_SECONDS = 10.0
_TRANSPORT_RETRY_SECONDS = 60.0
_NO_TRANSPORT = ("4.3.0", "mail transport unavailable")


class _Work(NamedTuple):
    """What a run finds to do; *is_full*: there may be more behind it."""

    flush: bool
    marked: list[Destination]
    reported: list[Reported]
    suspended: list[Suspension]
    grants: list[Waiting]
    is_full: bool


class QueueManager:
    """The scheduler as a stage."""

    name = "qmgr"
    gather_times = GATHER_TIMES

    def __init__(self, context: ServiceContext, parameters: QueueManagerParameters) -> None:
        """Use `open_stage`."""
        self._context = context
        self._parameters = parameters
        self._lifetimes = Lifetimes(
            parameters.minimal_backoff_time,
            parameters.maximal_backoff_time,
            parameters.maximal_queue_lifetime,
            parameters.bounce_queue_lifetime,
        )
        self._transports: dict[str, Transport] = {}
        self._in_flight: dict[int, Destination] = {}
        self._last_delivery = 0
        self.may_have_more = False
        self._next_reconcile = 0.0
        self._dead = DeadDestinations()
        self._served = transports(
            service
            for service in context.configuration.services
            if not encryption.refusal(context.configuration, service)
        )
        self._recall()

    async def run_once(self) -> int:
        """Take what agents reported and what is newly planned; return how many rows moved."""
        now = self._context.clock.now()
        # Reading, too: each transaction begins by reading what other processes changed.
        with self._context.spool.transaction() as tx:
            work = self._look(now)
            if not (work.flush or work.marked or work.reported or work.suspended or work.grants):
                return 0
            for destination in work.marked:
                _write_mark(tx, destination)
            done = self._complete(tx, self._answer(tx, work.reported, work.suspended), now)
            granted = deliveries.grant(tx, work.grants) if work.grants else set()
            if work.flush:
                deliveries.take_flush(tx)
            crash_point("complete.before_remove")
        crash_point("grant.after_grant")
        self._settle_grants(work.grants, granted)
        self._tell(work.grants, work.suspended, done)
        self.may_have_more = work.is_full or len(granted) < len(work.grants)
        return len(work.reported) + len(work.suspended) + len(work.grants) + int(work.flush)

    def _look(self, now: float) -> "_Work":
        """Return what there is to do; windows and todo lists change as if it were done."""
        spool = self._context.spool
        flush = deliveries.flush_asked(spool)
        marked = self._revive(now, everything=flush)
        reported = deliveries.reports(spool, _REPORTS)
        marked += self._take(reported, now)
        self._reconcile(now)
        planned = deliveries.waiting(spool, self._last_delivery, _WAITING)
        self._admit(planned, now)
        suspended = self._suspended()
        grants = [w for transport in self._transports.values() for w in transport.grants()]
        is_full = len(reported) == _REPORTS or len(planned) == _WAITING
        return _Work(flush, marked, reported, suspended, grants, is_full)

    def next_due(self) -> float | None:
        """Return when the first dead destination may be tried again."""
        return self._dead.next_revival()

    # ---- what agents said

    def _take(self, reported: Sequence[Reported], now: float) -> list[Destination]:
        """Update windows; return the destinations whose dead mark changed."""
        marked = []
        for report in reported:
            delivery = report.delivery
            if delivery is not None and report.feedback.verdict is Verdict.CRASHED:
                self._dead.stall(self._transport(delivery.transport).add(delivery))
            # One that was reported before this queue manager started is in no window.
            destination = self._in_flight.pop(report.delivery_id, None)
            if destination is None:
                continue
            was_dead = destination.is_dead
            self._hear(destination, report.feedback, now)
            if destination.is_dead is not was_dead:
                marked.append(destination)
            destination.busy -= 1
            self._transport(destination.transport).look_again(destination)
        return marked

    def _hear(self, destination: Destination, feedback: Feedback, now: float) -> None:
        """Widen or narrow the window of a destination by what an agent says of it."""
        if feedback.verdict is Verdict.DONE:
            if destination.is_dead:
                self._dead.remove(destination)
            destination.succeeded()
        elif feedback.verdict is Verdict.FAILED:
            until = now + self._parameters.minimal_backoff_time
            reason = f"delivery temporarily suspended: {feedback.reason}"
            if destination.failed(until, feedback.dsn, reason):
                self._dead.add(destination)

    def _suspended(self) -> list[Suspension]:
        """Take everything that waits for dead destinations."""
        waiting = self._dead.take_stalled()
        if not waiting:
            return []
        now = self._context.clock.now()
        return [
            (recipient, _suspension(recipient, waiting[recipient.delivery_id], now))
            for recipient in deliveries.load_suspended(self._context.spool, list(waiting))
        ]

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
            deliveries.record_outcomes(tx, recipient.message_id, (outcome,), addresses)
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

    # ---- what may go now

    def _admit(self, planned: Iterable[Waiting], now: float) -> None:
        for waiting in planned:
            self._last_delivery = waiting.delivery_id
            destination = self._transport(waiting.transport).add(waiting)
            if waiting.transport not in self._served:
                destination.suspend(now + _TRANSPORT_RETRY_SECONDS, *_NO_TRANSPORT)
                self._dead.add(destination)
            self._dead.stall(destination)

    def _settle_grants(self, grants: Sequence[Waiting], granted: set[int]) -> None:
        for waiting in grants:
            transport = self._transport(waiting.transport)
            destination = transport.destination(waiting.destination)
            if waiting.delivery_id in granted:
                self._in_flight[waiting.delivery_id] = destination
            else:
                destination.busy -= 1  # an operator withdrew it meanwhile
                transport.look_again(destination)

    def _revive(self, now: float, *, everything: bool) -> list[Destination]:
        """Let destinations be tried whose time has come, or all; return which."""
        revived = self._dead.take_all() if everything else self._dead.take_due(now)
        for destination in revived:
            destination.revive()
            self._transport(destination.transport).look_again(destination)
        return revived

    def _reconcile(self, now: float) -> None:
        """Give back the places of deliveries that an operator withdrew; wake agents again."""
        if now < self._next_reconcile:
            return
        self._next_reconcile = now + _RECONCILE_SECONDS
        if not self._in_flight:
            return
        existing = deliveries.existing(self._context.spool, list(self._in_flight))
        for delivery_id in self._in_flight.keys() - existing:
            destination = self._in_flight.pop(delivery_id)
            destination.busy -= 1
            self._transport(destination.transport).look_again(destination)
        for transport in {destination.transport for destination in self._in_flight.values()}:
            self._context.poke(transport)  # a poke may have met an agent that was just ending

    def _recall(self) -> None:
        """Rebuild what is in memory from the rows, at a start."""
        spool = self._context.spool
        for waiting in deliveries.under_way(spool):
            destination = self._transport(waiting.transport).destination(waiting.destination)
            destination.busy += 1
            self._in_flight[waiting.delivery_id] = destination
        for dead in deliveries.dead_destinations(spool):
            destination = self._transport(dead.transport).destination(dead.destination)
            destination.suspend(dead.until, dead.dsn, dead.reason)
            self._dead.add(destination)

    def _transport(self, name: str) -> Transport:
        found = self._transports.get(name)
        if found is None:
            found = self._transports[name] = Transport(name, self._limits(name))
        return found

    def _limits(self, transport: str) -> WindowLimits:
        number = self._context.configuration.transport_number
        return WindowLimits(
            initial=number(
                transport, "_initial_destination_concurrency", "$initial_destination_concurrency"
            ),
            limit=number(
                transport,
                "_destination_concurrency_limit",
                "$default_destination_concurrency_limit",
            ),
            failed_cohorts=number(
                transport,
                "_destination_concurrency_failed_cohort_limit",
                "$default_destination_concurrency_failed_cohort_limit",
            ),
        )

    # ---- who is told

    def _tell(
        self, grants: Sequence[Waiting], suspended: Sequence[Suspension], done: Sequence[Done]
    ) -> None:
        log = self._context.log
        for recipient, outcome in suspended:
            maillog.delivery(
                log, recipient.queue_id, recipient.address, recipient.original, outcome
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


def _suspension(recipient: SuspendedRecipient, destination: Destination, now: float) -> Outcome:
    before = max(0.0, recipient.planned_at - recipient.arrived_at)
    delays = (before, max(0.0, now - recipient.planned_at), 0.0, 0.0)
    return defer(recipient.number, destination.dsn, destination.reason, delays=delays)


def _write_mark(tx: Transaction, destination: Destination) -> None:
    if not destination.is_dead:
        deliveries.mark_alive(tx, destination.transport, destination.name)
        return
    deliveries.mark_dead(
        tx,
        DeadDestination(
            destination.transport,
            destination.name,
            destination.dead_until,
            destination.dsn,
            destination.reason,
        ),
    )
