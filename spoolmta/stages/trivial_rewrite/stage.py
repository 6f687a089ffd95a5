"""Resolves recipients: new mail and deferred mail that is due become deliveries.

A batch is claimed from incoming or from due deferred rows, in strict alternation and only while
active has room; every recipient without a final answer is resolved afresh, so that a changed map
reaches queued mail; then operators' standing rules bind it (rules.py). What a message has more of
than fits into one batch follows in slices, which take turns with the other two. Those whose tables
make them wait do so side by side, and the batch goes on when all are answered. Recipients of one
message that share transport and destination become deliveries of at most
<transport>_destination_recipient_limit recipients.

Postfix:    trivial-rewrite(8), qmgr(8)
Claims:     incoming, deferred, unplanned      Advances to: active (with delivery rows), corrupt
Parameters: qmgr_message_active_limit, transport_destination_recipient_limit, RoutingParameters;
            those of slices.py and providers.py
Must not:   schedule; look at what destinations are up to
Limits:     one process a spool
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from spoolmta import maillog
from spoolmta.address.parts import split_address
from spoolmta.address.resolve import AddressClass, Routing, resolve
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.config.parameters.qmgr import QueueManagerParameters
from spoolmta.errors import ClaimLost, MapUnavailable
from spoolmta.net.dns import Resolver, parse_nameservers
from spoolmta.service.context import ServiceContext
from spoolmta.service.crash import crash_point
from spoolmta.service.destinations import Destinations
from spoolmta.service.eager import side_by_side
from spoolmta.spool import plans, queues, slices
from spoolmta.spool.connection import Transaction
from spoolmta.spool.plans import Plan
from spoolmta.spool.queues import State, Unanswered
from spoolmta.spool.surgery import expiry, ways
from spoolmta.spool.surgery.bindings import Facts
from spoolmta.spool.surgery.ways import Route
from spoolmta.stages.trivial_rewrite.forced_expiry import return_to_senders
from spoolmta.stages.trivial_rewrite.providers import Providers
from spoolmta.stages.trivial_rewrite.rules import Batch, Hop, Kept, StandingRules
from spoolmta.stages.trivial_rewrite.slices import Bounds, Cut, RecipientLimits, cut

_BATCH = 100
# So many recipients are brought in at a time, and so many of one message: others wait as long.
_RECIPIENTS = 2000
_SLICE = 500
# Tables may be slow: so many recipients wait for them together, and share few connections.
_LOOKUPS_AT_ONCE = 100
# How soon to look whether the active queue, when it is full, has room again.
_FULL_PAUSE_SECONDS = 0.05
# How soon to look whether there is room for the next slice of a message, after a small one or none.
_SLICE_PAUSE_SECONDS = 0.25
_NOBODY_LEFT_TO_TELL = ("discard", "undeliverable postmaster notification discarded")
_LOOKUP_FAILED = ("retry", "4.3.0 address resolver failure")

# The sources of a batch, in the order of their turns; from active come the next slices.
_TURNS = (State.INCOMING, State.DEFERRED, State.ACTIVE)


class _Claimed(NamedTuple):
    """What was claimed of a table, and what of it is to be routed now.

    *cut* is None if a row cannot be read. The claim must stand when that is met again, and ends
    the process. An operator wants *doomed* mail returned, and that of some recipients, given as
    (message id, number), to go by other *routes*; *facts* are what standing rules ask of it.
    """

    state: State
    claimed: list[int]
    cut: Cut | None
    doomed: set[int]
    routes: Mapping[tuple[int, int], Route]
    facts: Facts


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
        parameters = context.section(QueueManagerParameters)
        self._active_limit = parameters.qmgr_message_active_limit
        self._recipient_limits = RecipientLimits(context.configuration, parameters)
        self._destinations = Destinations(context.configuration)
        self._double_bounce_sender = routing.parameters.double_bounce_sender.lower()
        nameservers = parse_nameservers(parameters.dns_nameservers)
        self._providers = Providers(Resolver(nameservers), context.clock.now)
        self._grouped = self._grouped_transports(parameters)
        self._rules = StandingRules(self._destinations.name)
        self._turn = 0
        self.may_have_more = False
        self._next_look: float | None = None
        # When to look for the next slice, and when the last one was; None: no message has more.
        self._next_slice: float | None = 0.0
        self._last_slice = context.clock.now()
        self._slice = (0, 0)  # the first recipient's number, and how many, of the next one

    def _grouped_transports(self, parameters: QueueManagerParameters) -> frozenset[str]:
        """Return the transports whose destinations are grouped by provider."""
        if parameters.destination_grouping == "none":
            return frozenset()
        return frozenset(
            service.name
            for service in self._context.configuration.services
            if service.command == "smtp" and self._destinations.recipient_limit(service.name) != 1
        )

    async def run_once(self) -> int:
        """Resolve one batch; return how many messages moved."""
        batch = self._claim()
        if not batch.claimed:
            return 0
        found = batch.cut
        if found is None:
            with self._context.spool.transaction() as tx:
                found = self._load(tx, batch.state, batch.claimed)
        doomed = [m for m in found.messages if m.message_id in batch.doomed and m.recipients]
        if doomed:
            return self._return_to_senders(batch, doomed)
        planned, kept = await self._plans(batch, found)
        crash_point("resolve.before_plan")
        return self._advance(batch, found, planned, kept)

    def next_due(self) -> float | None:
        """Return when a deferred message or the next slice of another is due, or a rule ends."""
        times = (self._next_look, self._next_slice, self._rules.next_end)
        return min((time for time in times if time is not None), default=None)

    def _claim(self) -> _Claimed:
        """Claim a batch, the sources taking turns, and read it.

        All in one transaction: each one begins by reading what other processes changed.
        """
        context = self._context
        with context.spool.transaction() as tx:
            ended = self._rules.refresh(tx, context.clock.now())
            room = min(self._active_limit - queues.count_active(tx), _BATCH)
            state, claimed = self._claim_in_turn(tx, room)
            # One that was claimed alone may have others behind it.
            alone = len(claimed) == 1 and queues.has_suspects(tx)
            self._next_look = queues.next_retry(tx)
            found = self._try_load(tx, state, claimed)
            fresh = bool(claimed) and state is not State.ACTIVE
            doomed = expiry.marked(tx, claimed) if fresh else set()
            routes = ways.of(tx, claimed) if claimed else {}
            facts = self._rules.facts(tx, found.messages if found else ())
        if ended:
            context.poke("qmgr")
        if room <= 0:
            self._next_look = context.clock.now() + _FULL_PAUSE_SECONDS
        full = len(claimed) == room or bool(found and found.left)
        self.may_have_more = alone or full or state is not State.INCOMING
        return _Claimed(state, claimed, found, doomed, routes, facts)

    def _claim_in_turn(self, tx: Transaction, room: int) -> tuple[State, list[int]]:
        """Return the source whose turn it is, of those that have something, and what was claimed.

        Nothing new is begun with while there is no *room*.
        """
        for number in range(self._turn, self._turn + len(_TURNS)):
            state = _TURNS[number % len(_TURNS)]
            claimed: list[int] = []
            if state is State.ACTIVE:
                claimed = self._claim_rest(tx)
            elif room > 0:
                claimed = queues.claim(tx, state, self._context.process_id, room)
            if claimed:
                self._turn = (number + 1) % len(_TURNS)
                return state, claimed
        return State.INCOMING, []

    def _claim_rest(self, tx: Transaction) -> list[int]:
        """Claim a message of which the next slice may be brought in now."""
        now = self._context.clock.now()
        if self._next_slice is None or now < self._next_slice:
            return []
        waiting = slices.unplanned(tx)
        self._next_slice = now + _SLICE_PAUSE_SECONDS if waiting else None
        planned = slices.planned(tx) if waiting else {}
        for message_id, number in waiting:
            transports = slices.transports(tx, message_id)
            size = self._recipient_limits.refill(transports, planned, now - self._last_slice)
            if size > 0:
                slices.claim(tx, self._context.process_id, message_id)
                self._slice = (number, min(size, _SLICE))
                return [message_id]
        return []

    def _try_load(self, tx: Transaction, state: State, claimed: Sequence[int]) -> Cut | None:
        try:
            return self._load(tx, state, claimed) if claimed else Cut([], {}, [])
        except ValueError:
            return None

    def _load(self, tx: Transaction, state: State, claimed: Sequence[int]) -> Cut:
        """Read what is claimed, as much as may be brought in; give the others back."""
        if state is State.ACTIVE:
            number, size = self._slice
            message = slices.load(tx, claimed[0], number, size + 1)
            return cut([message], Bounds(size, size, size))
        messages = queues.load_unanswered(tx, claimed, _RECIPIENTS + 1)
        minimum = self._recipient_limits.minimum
        room = _RECIPIENTS
        if any(len(message.recipients) > minimum for message in messages):
            room = min(room, self._recipient_limits.room(slices.planned(tx)))
        found = cut(messages, Bounds(_RECIPIENTS, _SLICE, room, minimum))
        queues.release(tx, self._context.process_id, found.left)
        return found

    def _return_to_senders(self, batch: _Claimed, doomed: Sequence[Unanswered]) -> int:
        """Return mail to its senders; what was claimed with it is claimed again."""
        context = self._context
        others = set(batch.claimed).difference(message.message_id for message in doomed)
        with context.spool.transaction() as tx:
            queues.release(tx, context.process_id, sorted(others))
        try:
            return_to_senders(context, batch.state, doomed)
        except ClaimLost:
            self._release_all()
        self.may_have_more = True
        return len(batch.claimed)

    def _release_all(self) -> None:
        with self._context.spool.transaction() as tx:
            queues.release_all(tx, self._context.process_id)

    async def _plans(self, batch: _Claimed, cut: Cut) -> tuple[list[Plan], Kept]:
        """Return the deliveries of all messages, and which of these standing rules keep.

        Recipients keep their order inside each.
        """
        resolving = (
            self._resolve(address, message.sender, batch.routes.get((message.message_id, number)))
            for message in cut.messages
            for number, address in message.recipients
        )
        found: list[Hop] = []
        while some := await side_by_side(islice(resolving, _LOOKUPS_AT_ONCE)):
            found += some
        ruled = Batch(batch.state, cut.rest, batch.routes, batch.facts)
        messages, found, kept = self._rules.bind(cut.messages, found, ruled)
        hops = iter(found)
        return [plan for message in messages for plan in self._plan(message, hops)], kept

    def _plan(self, message: Unanswered, found: Iterator[Hop]) -> list[Plan]:
        """Return the deliveries of a message, for whose recipients the next hops are *found*."""
        # What differs in the case of the next hop alone is one destination.
        hops: dict[tuple[str, str, str], tuple[str, list[tuple[int, str]]]] = {}
        for (number, _), (transport, nexthop, recipient, shared) in zip(
            message.recipients, found, strict=False
        ):
            destination = self._destinations.name(transport, nexthop, recipient)
            _, recipients = hops.setdefault((transport, shared, destination), (nexthop, []))
            recipients.append((number, recipient))
        return [
            Plan(message.message_id, transport, nexthop, shared or destination, group)
            for (transport, shared, destination), (nexthop, recipients) in hops.items()
            for group in self._groups(transport, recipients)
        ]

    async def _resolve(self, address: str, sender: str, route: Route | None) -> Hop:
        """Return where the mail for an address goes; an operator's *route* stands over tables."""
        try:
            found = await resolve(address, sender=sender, routing=self._routing)
        except MapUnavailable as error:
            self._context.log.warning(f"cannot resolve <{address}>: {error}")
            return (*_LOOKUP_FAILED, address, "")
        if route is not None:
            return route.transport, route.nexthop or found.nexthop, found.recipient, ""
        if found.address_class is AddressClass.LOCAL:
            local, _ = split_address(found.recipient)
            if local.lower() == self._double_bounce_sender:
                return (*_NOBODY_LEFT_TO_TELL, found.recipient, "")
        shared = ""
        if found.transport in self._grouped:
            shared = await self._providers.destination(found.nexthop)
        return found.transport, found.nexthop, found.recipient, shared

    def _groups(
        self, transport: str, recipients: Sequence[tuple[int, str]]
    ) -> Iterable[tuple[tuple[int, str], ...]]:
        limit = self._destinations.recipient_limit(transport) or len(recipients)
        return (
            tuple(recipients[start : start + limit]) for start in range(0, len(recipients), limit)
        )

    def _advance(self, batch: _Claimed, found: Cut, planned: Sequence[Plan], kept: Kept) -> int:
        context, state, claimed = self._context, batch.state, batch.claimed
        going = [message for message in found.messages if message.message_id not in kept.ids]
        sound = [message.message_id for message in going if message.recipients]
        broken = sorted(set(claimed).difference(sound, found.left, kept.ids))
        rest = {number: first for number, first in found.rest.items() if number not in kept.ids}
        try:
            with context.spool.transaction() as tx:
                self._rules.keep(tx, state, context.process_id, kept)
                if state is not State.ACTIVE:
                    self._activate(tx, state, sound, broken, going)
                elif not kept.held:
                    self._go_on(tx, claimed[0], is_over=not sound)
                plans.plan(tx, planned)
                slices.put(tx, rest)
                sizes = {number: slices.count_unanswered(tx, number) for number in rest}
        except ClaimLost:
            # An operator took one of them meanwhile: give all back and look again.
            self._release_all()
            return 0
        crash_point("resolve.after_plan")
        context.poke("qmgr")
        self._note_rest(state, rest, planned)
        if state is not State.ACTIVE:
            self._tell(going, sizes, broken)
        for message_id, rule in kept.rules:
            maillog.kept(context.log, context.queue_id(message_id), rule.action, rule.name)
        return len(claimed)

    def _activate(
        self,
        tx: Transaction,
        state: State,
        sound: Sequence[int],
        broken: Sequence[int],
        messages: Sequence[Unanswered],
    ) -> None:
        incoming, deferred = (sound, []) if state is State.INCOMING else ([], sound)
        process_id = self._context.process_id
        queues.activate(tx, process_id, incoming, deferred)
        for message_id in broken:
            queues.corrupt(tx, state, message_id, process_id, _reason(messages, message_id))

    def _go_on(self, tx: Transaction, message_id: int, *, is_over: bool) -> None:
        """Take a message out of those that have more; *is_over*: there was no more to bring in."""
        slices.take(tx, self._context.process_id, message_id)
        if is_over and not slices.transports(tx, message_id):
            # What was left has been answered otherwise. Its next try ends it.
            queues.postpone(tx, message_id, self._context.clock.now())

    def _note_rest(self, state: State, rest: Collection[int], planned: Sequence[Plan]) -> None:
        """Set when to look for the next slice."""
        now = self._context.clock.now()
        if state is State.ACTIVE:
            self._last_slice = now
            size = sum(len(plan.recipients) for plan in planned)
            self._next_slice = now if size == _SLICE else now + _SLICE_PAUSE_SECONDS
        elif rest and self._next_slice is None:
            self._next_slice = now

    def _tell(
        self, messages: Sequence[Unanswered], sizes: Mapping[int, int], broken: Sequence[int]
    ) -> None:
        context = self._context
        for message in messages:
            maillog.queue_active(
                self._queue_log,
                message.queue_id,
                message.sender,
                message.size,
                sizes.get(message.message_id, len(message.recipients)),
            )
        for message_id in broken:
            reason = _reason(messages, message_id)
            context.log.warning(f"{context.queue_id(message_id)}: {reason}")


def open_stage(context: ServiceContext) -> TrivialRewrite:
    """Return the stage with its maps opened."""
    return TrivialRewrite(context, Routing.open(context.section(RoutingParameters)))


def _reason(messages: Iterable[Unanswered], message_id: int) -> str:
    if any(message.message_id == message_id for message in messages):
        return "no recipient is left that has no answer yet"
    return "the message has no envelope"
