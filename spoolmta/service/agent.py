"""The loop around a delivery agent: claim what is granted, deliver, report.

One exchange with the spool ends the finished attempts and claims new ones in one commit, so that
the work per delivery shrinks as the load grows. Deliveries of a process run side by side, up to
its session limit. An agent that fails in an unforeseen way defers its delivery and is heard of in
the log.

Reads:      granted, delivery, message, content      Writes: attempt, report, outcome
Parameters: max_idle
Must not:   know how any agent delivers
"""

import asyncio
import traceback
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from spoolmta import maillog
from spoolmta.config.parameters.common import CommonParameters
from spoolmta.errors import Corrupt, SpoolBusy, SpoolFull, TemporaryError
from spoolmta.message.envelope import Trace
from spoolmta.message.outcome import Answer, Delivery, Outcome, Passed, bounce, defer
from spoolmta.service.context import ServiceContext
from spoolmta.service.crash import crash_point
from spoolmta.service.destinations import Destinations
from spoolmta.service.status_filter import StatusFilter, open_status_filter
from spoolmta.service.worker import GATHER_SECONDS, GATHER_TIMES, POLL_SECONDS, RETRY_SECONDS
from spoolmta.spool import content, deliveries
from spoolmta.spool.connection import Reader, Transaction
from spoolmta.spool.content import Content
from spoolmta.spool.deliveries import Claim, Feedback, Finished, Report, Settled, Verdict

__all__ = ["Agent", "Feedback", "Report", "Verdict", "serve_agent"]

# Content up to this size comes along with the claim.
_SMALL_BYTES = 64 * 1024
# Claimed at most in one exchange, so that sibling processes get their share.
_CLAIM_LIMIT = 32
# A recipient that is passed on from transport to transport more often goes in circles.
_MOST_PASSES = 5

Claimed = tuple[Delivery, bytes | None]


class Agent(Protocol):
    """What an agent module's open_agent returns."""

    async def deliver(self, delivery: Delivery, content: Content) -> Report:
        """Try one delivery; return an outcome for each of its recipients."""
        ...

    async def probe(self, delivery: Delivery, content: Content) -> Report:
        """Say what would become of a delivery for each of its recipients; nothing is delivered."""
        ...

    async def close(self) -> None:
        """End what is kept open between deliveries."""
        ...


class AgentLoop:
    """The deliveries of one process."""

    def __init__(self, context: ServiceContext, agent: Agent) -> None:
        """*agent* delivers what this loop claims for the service's transport."""
        self._context = context
        self.agent = agent
        self._transport = context.service.name
        self._queue_log = context.log_as("qmgr")
        self._destinations = Destinations(context.configuration)
        self._status_filter = open_status_filter(context)
        self._running: set[asyncio.Task[None]] = set()
        self._finished: list[Finished] = []
        self._more_granted = True
        # No more until nothing is under way: one delivery has this process alone, or is to.
        self._pausing = False

    async def run_once(self) -> int:
        """Report what is finished, claim and begin what is granted; return how many of both."""
        finished, self._finished = self._finished, []
        free = 0
        if not finished and not self._running:
            self._pausing = False
        if self._more_granted and not self._pausing and not self._context.draining.is_set():
            free = min(self._context.session_limit - len(self._running), _CLAIM_LIMIT)
        if not finished and free <= 0:
            return 0
        limit = free
        if finished:
            # Before the queue manager can say of the message that it is removed.
            self._context.flush_logs()
        try:
            settled, claim, claimed = await self._context.committer.submit(
                lambda tx: self._exchange(tx, finished, limit)
            )
        except (SpoolFull, SpoolBusy) as error:
            # What was delivered must not be forgotten: keep it until there is room.
            self._finished = [*finished, *self._finished]
            self._context.log.warning(f"{error}; trying again")
            await asyncio.sleep(RETRY_SECONDS)
            return 0
        if claimed is None:
            claimed = await self._context.committer.run(lambda spool: _load(spool, claim))
        if free > 0:
            self._pausing = claim.pause
            self._more_granted = claim.pause or len(claimed) == free
        if finished:
            crash_point("report.after_report")
            self._context.poke("qmgr")
            self._tell(settled)
            if any(report.messages for _, report in finished):
                self._context.poke("pickup")
        if claimed:
            crash_point("deliver.after_claim")
        for delivery, small in claimed:
            self._begin(delivery, small)
        return len(finished) + len(claimed)

    async def serve(self) -> None:
        """Deliver until asked to drain, or until idle for max_idle."""
        context = self._context
        max_idle = context.section(CommonParameters).max_idle
        idle_since = context.clock.now()
        while True:
            if moved := await self.run_once():
                idle_since = context.clock.now()
                context.flush_logs()
                if moved > 1:
                    await asyncio.sleep(min(moved, GATHER_TIMES) * GATHER_SECONDS)
                continue
            if self._finished:
                continue
            if not self._running:
                idle = context.clock.now() - idle_since
                if context.draining.is_set() or idle >= max_idle:
                    return
            await context.wakeup.wait(POLL_SECONDS)
            self.look_again()

    def look_again(self) -> None:
        """Let the next run ask for granted deliveries: somebody poked."""
        self._more_granted = True

    async def settle(self) -> None:
        """Wait until no delivery of this process is under way."""
        while self._running:
            await asyncio.wait(self._running)

    def _begin(self, delivery: Delivery, small: bytes | None) -> None:
        body = Content(self._context.committer, delivery.message_id, delivery.size, small)
        task = asyncio.create_task(self._deliver(delivery, body))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _deliver(self, delivery: Delivery, body: Content) -> None:
        try:
            do = self.agent.probe if _is_probe(delivery) else self.agent.deliver
            report = await do(delivery, body)
        except TemporaryError as error:
            report = _deferred(delivery, str(error))
        except Corrupt as error:
            self._context.log.warning(f"{delivery.queue_id}: {error}: moving it to corrupt")
            report = msgspec.structs.replace(_deferred(delivery, str(error)), damage=str(error))
        except Exception as error:
            trace = "".join(traceback.format_exception(error)).replace("\n", " | ")
            self._context.log.panic(f"{delivery.queue_id}: {trace}")
            report = _deferred(delivery, "unknown mail transport error")
        crash_point("deliver.after_accept")
        if report.passed:
            report = self._pass_on(delivery, report)
        if self._status_filter is not None:
            report = await _judged(self._status_filter, delivery, report)
        if delivery.passes:
            report = _with_addresses(delivery, report)
        self._log(delivery, report)
        self._finished.append((delivery, report))
        self._context.wakeup.wake()

    def _pass_on(self, delivery: Delivery, report: Report) -> Report:
        """Return the report with the destinations of what is passed on, or with its end."""
        if delivery.passes >= _MOST_PASSES:
            loops = tuple(_loop(passed) for passed in report.passed)
            return msgspec.structs.replace(report, outcomes=report.outcomes + loops, passed=())
        for passed in report.passed:
            maillog.passing(self._context.log, delivery.queue_id, passed.address, passed.transport)
        named = tuple(
            msgspec.structs.replace(
                passed,
                destination=self._destinations.name(
                    passed.transport, passed.nexthop, passed.address
                ),
            )
            for passed in report.passed
        )
        return msgspec.structs.replace(report, passed=named)

    def _exchange(
        self, tx: Transaction, finished: Sequence[Finished], limit: int
    ) -> tuple[Settled, Claim, list[Claimed] | None]:
        """Report and claim; None: a row cannot be read.

        The claim must stand when that is met again, and ends the process.
        """
        process_id = self._context.process_id
        settled = Settled((), ())
        if finished:
            settled = deliveries.report(tx, process_id, finished)
        if limit <= 0:
            return settled, Claim(), []
        claim = deliveries.claim_granted(tx, self._transport, process_id, limit)
        try:
            return settled, claim, _load(tx, claim)
        except ValueError:
            return settled, claim, None

    def _tell(self, settled: Settled) -> None:
        for delivery in settled.removed:
            maillog.removed(self._queue_log, delivery.queue_id)
        for delivery in settled.lost:
            self._context.log.warning(f"{delivery.queue_id}: no longer ours; dropped")

    def _log(self, delivery: Delivery, report: Report) -> None:
        outcomes = {outcome.number: outcome for outcome in report.outcomes}
        for recipient in delivery.recipients:
            outcome = outcomes.get(recipient.number)
            if outcome is None:
                continue
            itself = Answer(recipient.address, recipient.original, outcome)
            for answer in outcome.answers or (itself,):
                maillog.delivery(
                    self._context.log,
                    delivery.queue_id,
                    answer.address,
                    answer.original,
                    answer.outcome,
                    soft_bounce=answer.outcome.is_softened,
                    probe=_is_probe(delivery),
                )


async def serve_agent(
    context: ServiceContext, open_agent: Callable[[ServiceContext], Agent]
) -> None:
    """Run the agent of a transport until it drains or has been idle for long."""
    agent = open_agent(context)
    await AgentLoop(context, agent).serve()
    await agent.close()


def _load(reader: Reader, claim: Claim) -> list[Claimed]:
    loaded = deliveries.load(reader, claim.delivery_ids) if claim.delivery_ids else []
    return [(delivery, _small_content(reader, delivery)) for delivery in loaded]


def _small_content(reader: Reader, delivery: Delivery) -> bytes | None:
    if delivery.size > _SMALL_BYTES:
        return None
    try:
        return content.read_whole(reader, delivery.message_id)
    except Corrupt:
        return None  # the agent meets it when it reads


def _with_addresses(delivery: Delivery, report: Report) -> Report:
    """Return the report with outcomes that name the address that was passed on."""
    addresses = {recipient.number: recipient.address for recipient in delivery.recipients}
    outcomes = tuple(
        msgspec.structs.replace(o, address=o.address or addresses.get(o.number, ""))
        for o in report.outcomes
    )
    return msgspec.structs.replace(report, outcomes=outcomes)


def _loop(passed: Passed) -> Outcome:
    reason = f"mail for {passed.address} is passed on from transport to transport in a loop"
    return bounce(passed.number, "5.4.6", reason)


async def _judged(status_filter: StatusFilter, delivery: Delivery, report: Report) -> Report:
    """Return the report as it counts; outcomes that sum up answers are judged already."""
    outcomes = tuple(
        [
            o if o.answers else await status_filter.outcome(o, probe=_is_probe(delivery))
            for o in report.outcomes
        ]
    )
    return msgspec.structs.replace(report, outcomes=outcomes)


def _is_probe(delivery: Delivery) -> bool:
    return delivery.trace is Trace.VERIFY


def _deferred(delivery: Delivery, reason: str) -> Report:
    outcomes: list[Outcome] = [
        defer(recipient.number, "4.3.0", reason) for recipient in delivery.recipients
    ]
    return Report(tuple(outcomes))
