"""A real spool with a message in every state, one that is gone, and the configuration around it.

gone       a@news.example to alice@inbox.example: delivered, removed
deferred   a@news.example to bob@slow.example (waits), alice@inbox.example (sent)
active     c@shop.example to d@big.example (under way), e@other.example (planned)
hold       spam@bad.example to f@y.example: held
maildrop   root to g@y.example      incoming  <> to h@y.example
corrupt    k@x.example to l@y.example
"""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spoolmta.clock import ManualClock, SystemClock
from spoolmta.config.loader import load
from spoolmta.config.master_cf import Service
from spoolmta.maillog import MailLog
from spoolmta.message.envelope import Client, Envelope, Notify, Recipient
from spoolmta.message.outcome import Action, Outcome
from spoolmta.message.queue_id import MessageIds, format_queue_id
from spoolmta.service.context import ServiceContext
from spoolmta.service.wakeup import Wakeup
from spoolmta.spool import deliveries, plans, processes, queues
from spoolmta.spool.committer import Committer
from spoolmta.spool.connection import FILE_NAME, Spool, numbers
from spoolmta.spool.deliveries import (
    DestinationState,
    Feedback,
    Report,
    Verdict,
)
from spoolmta.spool.plans import Plan
from spoolmta.spool.queues import NewMessage, State

TIMED_OUT = "connect to mx.slow.example[192.0.2.9]:25: Connection timed out"
CONTENT = (
    b"From: a@news.example\r\nSubject: hello\r\n\tthere\r\n\r\nfirst line\r\n.\r\nlast line\r\n"
)
CLIENT = Client(
    name="client.example",
    reverse_name="client.example",
    address="192.0.2.1",
    port=4711,
    helo="client.example",
    protocol="ESMTP",
)
MAIN = """\
compatibility_level = 3.11
myhostname = mx.test.example
mydestination =
queue_directory = {folder}
mail_owner = {owner}
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
"""
MASTER = "showq unix n - n - - showq\n"


@dataclass
class SampleSpool:
    """Builds the spool in *folder*/queue; `ids` has the queue ids by the names above."""

    folder: Path
    owner: str
    start: float = field(default_factory=lambda: float(int(SystemClock().now()) - 3600))
    ids: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write the configuration and fill the spool."""
        self.queue = self.folder / "queue"
        self.configuration = self.folder / "etc"
        for path in (self.queue, self.queue / "pid", self.queue / "public", self.configuration):
            path.mkdir(parents=True)
        main = MAIN.format(folder=self.queue, owner=self.owner)
        (self.configuration / "main.cf").write_text(main)
        (self.configuration / "master.cf").write_text(MASTER)
        self.clock = ManualClock(self.start)
        self.path = self.queue / FILE_NAME
        self.spool = Spool.open(self.path, self.clock, create=True)
        self._open = True
        with self.spool.transaction() as tx:
            self.process_id = processes.register(tx, "smtp")
        self._makes = MessageIds(self.process_id, self.clock)
        self._fill()

    def context(self, name: str, **more: Any) -> ServiceContext:
        """Return what the service *name* would be given; *more* are other fields of it."""
        configuration = load(self.configuration)
        return ServiceContext(
            configuration=configuration,
            service=Service(name=name, kind="unix", command=name),
            log=MailLog.open(configuration, name),
            clock=self.clock,
            spool=self.spool,
            committer=Committer(self.path, self.clock),
            ids=MessageIds(1, self.clock),
            process_id=self.process_id,
            wakeup=Wakeup(None),
            poke=lambda _: None,
            **more,
        )

    def close(self) -> None:
        """Close the spool, so that commands have it for themselves; a second time does nothing."""
        if self._open:
            self._open = False
            self.spool.close()

    def reopen(self) -> None:
        """Open the spool that is there now."""
        self.close()
        self.spool = Spool.open(self.path, self.clock)
        self._open = True

    def clock_text(self, seconds: float) -> str:
        """Return a moment after the start as a local date and time."""
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.start + seconds))

    def number(self, name: str) -> int:
        """Return the message id of a message."""
        return int(self.ids[name], 16)

    def sent(self, number: int) -> Outcome:
        """Return the outcome of a recipient that has the mail."""
        return _sent(number)

    def array(self, *names: str) -> Any:
        """Return message ids as one bound array."""
        return numbers(self.number(name) for name in names)

    def enqueue(
        self,
        name: str,
        state: State,
        envelope: Envelope,
        reason: str = "",
        content: bytes = CONTENT,
    ) -> int:
        """Insert a message and remember its queue id under *name*."""
        message_id = self._makes.next()
        self.ids[name] = format_queue_id(message_id)
        message = NewMessage(
            message_id, self.ids[name], envelope, len(content), (content,), self.clock.now()
        )
        with self.spool.transaction() as tx:
            queues.enqueue(tx, state, message, reason=reason)
        return message_id

    def activate(self, message_id: int, hops: dict[str, tuple[tuple[int, str], ...]]) -> None:
        """Claim an incoming message and plan one delivery for each next hop."""
        planned = [
            Plan(message_id, "smtp", nexthop, nexthop, recipients)
            for nexthop, recipients in hops.items()
        ]
        with self.spool.transaction() as tx:
            assert queues.claim(tx, "incoming", self.process_id, 1) == [message_id]
            queues.activate(tx, self.process_id, [message_id], [])
            plans.plan(tx, planned)

    def attempt(self, nexthop: str) -> int:
        """Grant the waiting delivery to *nexthop* and take it as an agent; return its id."""
        waiting = [w for w in deliveries.waiting(self.spool, 0, 100) if w.destination == nexthop]
        with self.spool.transaction() as tx:
            deliveries.grant(tx, waiting)
            deliveries.claim_granted(tx, "smtp", self.process_id, 10)
        return waiting[0].delivery_id

    def report(self, delivery_id: int, outcome: Outcome, feedback: Feedback | None = None) -> None:
        """End an attempt as its agent does, and let the scheduler take the answer."""
        (delivery,) = deliveries.load(self.spool, [delivery_id])
        with self.spool.transaction() as tx:
            said = Report((outcome,), feedback or Feedback())
            deliveries.report(tx, self.process_id, [(delivery, said)])
            deliveries.forget_reports(tx, [delivery_id])
            deliveries.answer(tx, [delivery_id])

    def _fill(self) -> None:
        self._fill_gone()
        self.clock.jump(60)
        self._fill_deferred()
        self.clock.jump(60)
        self._fill_active()
        self._fill_others()

    def _fill_gone(self) -> None:
        message_id = self.enqueue("gone", State.INCOMING, _envelope("alice@inbox.example"))
        self.clock.jump(0.25)
        self.activate(message_id, {"inbox.example": ((0, "alice@inbox.example"),)})
        delivery_id = self.attempt("inbox.example")
        self.clock.jump(0.5)
        self.report(delivery_id, _sent(0))

    def _fill_deferred(self) -> None:
        envelope = Envelope(
            "a@news.example",
            (
                Recipient("bob@slow.example", "robert@slow.example", notify=Notify.DELAY),
                Recipient("alice@inbox.example", orcpt="rfc822;alice@inbox.example"),
            ),
            client=CLIENT,
            envid="QQ314",
            ret="HDRS",
        )
        message_id = self.enqueue("deferred", State.INCOMING, envelope)
        hops: dict[str, tuple[tuple[int, str], ...]] = {
            "slow.example": ((0, "bob@slow.example"),),
            "inbox.example": ((1, "alice@inbox.example"),),
        }
        self.activate(message_id, hops)
        self.report(self.attempt("inbox.example"), _sent(1))
        self.clock.jump(30)
        failed = Feedback(Verdict.FAILED, "4.4.1", TIMED_OUT)
        refused = Outcome(0, Action.DEFERRED, "4.4.1", TIMED_OUT, relay="none")
        self.report(self.attempt("slow.example"), refused, failed)
        until = self.start + 7200
        with self.spool.transaction() as tx:
            queues.postpone(tx, message_id, until)
            dead = DestinationState(
                "smtp", "slow.example", 1, 0.0, 0.0, 1.0, 0.0, until, "4.4.1", TIMED_OUT
            )
            deliveries.store_destinations(tx, [dead])

    def _fill_active(self) -> None:
        message_id = self.enqueue(
            "active",
            State.INCOMING,
            _envelope("d@big.example", "e@other.example", sender="c@shop.example"),
        )
        hops: dict[str, tuple[tuple[int, str], ...]] = {
            "big.example": ((0, "d@big.example"),),
            "other.example": ((1, "e@other.example"),),
        }
        self.activate(message_id, hops)
        self.under_way = self.attempt("big.example")

    def _fill_others(self) -> None:
        held = _envelope("f@y.example", sender="spam@bad.example")
        self.enqueue("hold", State.HOLD, held, reason="header X-Spam: yes")
        local = Envelope("root", (Recipient("g@y.example"),), "sendmail", uid=0, full_name="Root")
        self.enqueue("maildrop", State.MAILDROP, local)
        self.enqueue("incoming", State.INCOMING, _envelope("h@y.example", sender=""))
        message_id = self.enqueue(
            "corrupt", State.MAILDROP, _envelope("l@y.example", sender="k@x.example")
        )
        with self.spool.transaction() as tx:
            assert message_id in queues.claim(tx, "maildrop", self.process_id, 10)
            reason = "the message has no content"
            queues.corrupt(tx, State.MAILDROP, message_id, self.process_id, reason)
            queues.release_all(tx, self.process_id)


def _envelope(*recipients: str, sender: str = "a@news.example") -> Envelope:
    return Envelope(sender, tuple(map(Recipient, recipients)), client=CLIENT)


def _sent(number: int) -> Outcome:
    reason = "250 2.0.0 Ok: queued as 123"
    return Outcome(
        number, Action.SENT, "2.0.0", reason, relay="mx[192.0.2.5]:25", tell_success=None
    )
