"""Resolves recipients: new mail and deferred mail that is due become deliveries.

A batch is claimed from incoming or from due deferred rows, in strict alternation and only while
active has room; every recipient without a final answer is resolved afresh, so that a changed map
reaches queued mail. Those whose tables make them wait do so side by side, and the batch goes on
when all are answered. Recipients of one message that share transport and destination become
deliveries of at most <transport>_destination_recipient_limit recipients.

Postfix:    trivial-rewrite(8), qmgr(8)
Claims:     incoming, deferred      Advances to: active (with delivery rows), corrupt
Parameters: qmgr_message_active_limit, transport_destination_recipient_limit, RoutingParameters
Must not:   schedule; look at what destinations are up to
Limits:     one process a spool
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from spoolmta import maillog
from spoolmta.address.parts import split_address
from spoolmta.address.resolve import AddressClass, Routing, resolve
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.config.parameters.qmgr import QueueManagerParameters
from spoolmta.errors import ClaimLost, MapUnavailable
from spoolmta.service.context import ServiceContext
from spoolmta.service.crash import crash_point
from spoolmta.service.destinations import Destinations
from spoolmta.service.eager import side_by_side
from spoolmta.spool import plans, queues
from spoolmta.spool.connection import Transaction
from spoolmta.spool.plans import Plan
from spoolmta.spool.queues import State, Unanswered

_BATCH = 100
# Tables may be slow: so many recipients wait for them together, and share few connections.
_LOOKUPS_AT_ONCE = 100
# How soon to look whether the active queue, when it is full, has room again.
_FULL_PAUSE_SECONDS = 0.05
_NOBODY_LEFT_TO_TELL = ("discard", "undeliverable postmaster notification discarded")
_LOOKUP_FAILED = ("retry", "4.3.0 address resolver failure")

_Hop = tuple[str, str, str]


class TrivialRewrite:
    """The stage between incoming or deferred, and active."""

    name = "trivial_rewrite"
    # Nobody outside waits for it, and behind it is a window that is full while there is much to do.
    gather_times = 6

    def __init__(self, context: ServiceContext, routing: Routing) -> None:
        """Use `open_stage`."""
        self._context = context
        self._routing = routing
        self._queue_log = context.log_as("qmgr")
        self._active_limit = context.section(QueueManagerParameters).qmgr_message_active_limit
        self._destinations = Destinations(context.configuration)
        self._double_bounce_sender = routing.parameters.double_bounce_sender.lower()
        self._next_source = State.INCOMING
        self.may_have_more = False
        self._next_retry: float | None = None

    async def run_once(self) -> int:
        """Resolve one batch; return how many messages moved."""
        state, claimed, messages = self._claim()
        if not claimed:
            return 0
        if messages is None:
            messages = queues.load_unanswered(self._context.spool, claimed)
        planned = await self._plans(messages)
        crash_point("resolve.before_plan")
        return self._advance(state, claimed, messages, planned)

    def next_due(self) -> float | None:
        """Return when the next deferred message is due."""
        return self._next_retry

    def _claim(self) -> tuple[State, list[int], list[Unanswered] | None]:
        """Return the table that was looked into, what was claimed there, and what is to be routed.

        All in one transaction: each one begins by reading what other processes changed. None: a
        row cannot be read. The claim must stand when that is met again, and ends the process.
        """
        context = self._context
        first = self._next_source
        second = State.DEFERRED if first is State.INCOMING else State.INCOMING
        with context.spool.transaction() as tx:
            room = self._active_limit - queues.count_active(tx)
            if room <= 0:
                self._next_retry = context.clock.now() + _FULL_PAUSE_SECONDS
                return first, [], []
            for state in (first, second):
                claimed = queues.claim(tx, state, context.process_id, min(room, _BATCH))
                if claimed:
                    self._next_source = second if state is first else first
                    break
            # One that was claimed alone may have others behind it.
            alone = len(claimed) == 1 and queues.has_suspects(tx)
            self._next_retry = queues.next_retry(tx)
            messages = _load(tx, claimed)
        self.may_have_more = alone or state is State.DEFERRED or len(claimed) == min(room, _BATCH)
        return state, claimed, messages

    async def _plans(self, messages: Sequence[Unanswered]) -> list[Plan]:
        """Return the deliveries of all messages; recipients keep their order inside each."""
        resolving = (
            self._resolve(address, message.sender)
            for message in messages
            for _, address in message.recipients
        )
        found: list[_Hop] = []
        while some := await side_by_side(islice(resolving, _LOOKUPS_AT_ONCE)):
            found += some
        hops = iter(found)
        return [plan for message in messages for plan in self._plan(message, hops)]

    def _plan(self, message: Unanswered, found: Iterator[_Hop]) -> list[Plan]:
        """Return the deliveries of a message, for whose recipients the next hops are *found*."""
        # What differs in the case of the next hop alone is one destination.
        hops: dict[tuple[str, str], tuple[str, list[tuple[int, str]]]] = {}
        for (number, _), (transport, nexthop, recipient) in zip(
            message.recipients, found, strict=False
        ):
            destination = self._destinations.name(transport, nexthop, recipient)
            _, recipients = hops.setdefault((transport, destination), (nexthop, []))
            recipients.append((number, recipient))
        return [
            Plan(message.message_id, transport, nexthop, destination, group)
            for (transport, destination), (nexthop, recipients) in hops.items()
            for group in self._groups(transport, recipients)
        ]

    async def _resolve(self, address: str, sender: str) -> _Hop:
        """Return transport, next hop and recipient of an address."""
        try:
            found = await resolve(address, sender=sender, routing=self._routing)
        except MapUnavailable as error:
            self._context.log.warning(f"cannot resolve <{address}>: {error}")
            return (*_LOOKUP_FAILED, address)
        if found.address_class is AddressClass.LOCAL:
            local, _ = split_address(found.recipient)
            if local.lower() == self._double_bounce_sender:
                return (*_NOBODY_LEFT_TO_TELL, found.recipient)
        return found.transport, found.nexthop, found.recipient

    def _groups(
        self, transport: str, recipients: Sequence[tuple[int, str]]
    ) -> Iterable[tuple[tuple[int, str], ...]]:
        limit = self._destinations.recipient_limit(transport) or len(recipients)
        return (
            tuple(recipients[start : start + limit]) for start in range(0, len(recipients), limit)
        )

    def _advance(
        self,
        state: State,
        claimed: Sequence[int],
        messages: Sequence[Unanswered],
        planned: Sequence[Plan],
    ) -> int:
        context = self._context
        sound = [message.message_id for message in messages if message.recipients]
        broken = sorted(set(claimed).difference(sound))
        incoming, deferred = (sound, []) if state is State.INCOMING else ([], sound)
        try:
            with context.spool.transaction() as tx:
                queues.activate(tx, context.process_id, incoming, deferred)
                plans.plan(tx, planned)
                for message_id in broken:
                    queues.corrupt(
                        tx, state, message_id, context.process_id, _reason(messages, message_id)
                    )
        except ClaimLost:
            # An operator took one of them meanwhile: give all back and look again.
            with context.spool.transaction() as tx:
                queues.release_all(tx, context.process_id)
            return 0
        crash_point("resolve.after_plan")
        context.poke("qmgr")
        for message in messages:
            maillog.queue_active(
                self._queue_log,
                message.queue_id,
                message.sender,
                message.size,
                len(message.recipients),
            )
        for message_id in broken:
            context.log.warning(f"{context.queue_id(message_id)}: {_reason(messages, message_id)}")
        return len(claimed)


def open_stage(context: ServiceContext) -> TrivialRewrite:
    """Return the stage with its maps opened."""
    return TrivialRewrite(context, Routing.open(context.section(RoutingParameters)))


def _load(tx: Transaction, claimed: Sequence[int]) -> list[Unanswered] | None:
    try:
        return queues.load_unanswered(tx, claimed) if claimed else []
    except ValueError:
        return None


def _reason(messages: Iterable[Unanswered], message_id: int) -> str:
    if any(message.message_id == message_id for message in messages):
        return "no recipient is left that has no answer yet"
    return "the message has no envelope"
