"""A spool that a bad week has filled: very many deferred messages for very many destinations.

Each message has gone the way of a real one (accepted, resolved, granted, attempted, deferred) by
the functions that the stages call, so that its rows, answers and history are all there.

Must not: run while a mail system is up on that spool
"""

from dataclasses import dataclass
from pathlib import Path

from spoolmta.clock import SystemClock
from spoolmta.message.envelope import Client, Envelope, Recipient
from spoolmta.message.outcome import Action, Outcome
from spoolmta.message.queue_id import MessageIds, format_queue_id
from spoolmta.spool import deliveries, plans, processes, queues, upkeep
from spoolmta.spool.connection import Spool, Transaction
from spoolmta.spool.deliveries import Feedback, Report, Verdict, Waiting
from spoolmta.spool.plans import Plan
from spoolmta.spool.queues import NewMessage, State

BATCH = 2_000
# As long as the log is, so long takes the next start.
LOG_PAGES = 400_000
LINE = b"A line of a message that nobody takes today.\r\n"
CONTENT = b"Subject: backlog\r\n\r\n" + LINE * 20
CLIENT = Client(
    name="client.bench.example",
    reverse_name="client.bench.example",
    address="127.0.0.1",
    helo="client.bench.example",
    protocol="ESMTP",
)
TIMED_OUT = "connect to {}[192.0.2.1]:25: Connection timed out"


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many messages wait for how many destinations, of how many senders.

    They are due when *due_in* seconds have passed, and over another such time.
    """

    messages: int
    destinations: int = 10_000
    senders: int = 10
    due_in: float = 7200.0

    def sender(self, number: int) -> str:
        """Return the sender of a message."""
        return f"sender{number % self.senders}@bench.example"

    def domain(self, number: int) -> str:
        """Return where a message goes; every sender writes to all destinations."""
        return f"d{number // self.senders % self.destinations}.slow.example"

    def fill(self, path: Path) -> None:
        """Put them into the spool at *path*."""
        spool = Spool.open(path, SystemClock())
        try:
            with spool.transaction() as tx:
                process_id = processes.register(tx, "backlog")
            ids = MessageIds(process_id, SystemClock())
            spool.enlarge_cache()
            for first in range(0, self.messages, BATCH):
                numbers = range(first, min(first + BATCH, self.messages))
                with spool.transaction() as tx:
                    self._add(tx, process_id, ids, numbers)
                if upkeep.measure(spool).pages >= LOG_PAGES:
                    upkeep.empty_log(spool)
            with spool.transaction() as tx:
                processes.retire(tx, process_id)
            upkeep.empty_log(spool)
        finally:
            spool.close()

    def _add(self, tx: Transaction, process_id: int, ids: MessageIds, numbers: range) -> None:
        """Take a batch from its acceptance to its first deferral."""
        messages = {ids.next(): number for number in numbers}
        for message_id, number in messages.items():
            queues.enqueue(tx, State.INCOMING, self._message(message_id, number, tx.now))
        claimed = queues.claim(tx, State.INCOMING, process_id, len(messages))
        queues.activate(tx, process_id, claimed, [])
        waiting = self._plan(tx, messages)
        deliveries.grant(tx, waiting)
        taken = deliveries.claim_granted(tx, "smtp", process_id, len(waiting)).delivery_ids
        finished = [
            (delivery, _timed_out(delivery.nexthop)) for delivery in deliveries.load(tx, taken)
        ]
        deliveries.report(tx, process_id, finished)
        deliveries.forget_reports(tx, taken)
        deliveries.answer(tx, taken)
        now = tx.now / 1_000_000
        for message_id, number in messages.items():
            queues.postpone(tx, message_id, now + self.due_in * (1 + number / self.messages))

    def _message(self, message_id: int, number: int, now: int) -> NewMessage:
        envelope = Envelope(
            self.sender(number), (Recipient(f"rcpt{number}@{self.domain(number)}"),), client=CLIENT
        )
        queue_id = format_queue_id(message_id)
        return NewMessage(message_id, queue_id, envelope, len(CONTENT), (CONTENT,), now / 1_000_000)

    def _plan(self, tx: Transaction, messages: dict[int, int]) -> list[Waiting]:
        planned = [
            Plan(
                message_id,
                "smtp",
                self.domain(number),
                self.domain(number),
                ((0, f"rcpt{number}@{self.domain(number)}"),),
            )
            for message_id, number in messages.items()
        ]
        before = plans.plan(tx, planned)
        return deliveries.waiting(tx, before.start - 1, len(planned))


def _timed_out(nexthop: str) -> Report:
    reason = TIMED_OUT.format(nexthop)
    outcome = Outcome(0, Action.DEFERRED, "4.4.1", reason, relay="none")
    return Report((outcome,), Feedback(Verdict.FAILED, "4.4.1", reason))
