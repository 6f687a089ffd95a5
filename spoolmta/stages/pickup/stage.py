"""Mail from maildrop goes through cleanup into the queue.

A batch is claimed, cleaned up, and moved on in one commit. Messages whose tables make them wait
do so side by side, and the batch goes on when all are answered. Of a large message only the pieces
with the header lines are read and rewritten; the others stay where they are.

Postfix:    pickup(8), cleanup(8)
Claims:     maildrop      Advances to: incoming, hold, corrupt, active (returned to its sender)
Parameters: see stages/cleanup
Must not:   take an origin, a uid or a client from anything but the message's row
Limits:     a message that a table cannot decide about now is tried again after RETRY_SECONDS
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from spoolmta import maillog
from spoolmta.address.routing import Routing
from spoolmta.address.virtual_alias import AliasExpansionError
from spoolmta.config.parameters.address import RoutingParameters
from spoolmta.errors import ClaimLost, Corrupt, MapUnavailable
from spoolmta.message.envelope import Recipient
from spoolmta.message.outcome import bounce
from spoolmta.service import postmaster
from spoolmta.service.context import ServiceContext
from spoolmta.service.crash import crash_point
from spoolmta.service.eager import side_by_side
from spoolmta.service.worker import GATHER_TIMES
from spoolmta.spool import content, maildrop, queues
from spoolmta.spool.connection import Transaction
from spoolmta.spool.queues import NewMessage, QueuedMessage, State
from spoolmta.spool.surgery import ways
from spoolmta.spool.surgery.ways import Heirs
from spoolmta.stages.cleanup.rules import CleanupRules
from spoolmta.stages.cleanup.run import Cleanup
from spoolmta.stages.cleanup.verdict import CleanupResult, Verdict
from spoolmta.stages.pickup.heirs import heirs_of

RETRY_SECONDS = 60.0

_BATCH = 100
_BATCH_BYTES = 4 * 1024 * 1024
_NO_ENVELOPE = "the message has no envelope"
_NO_RECIPIENTS = "the message has no recipients"


@dataclass(frozen=True, slots=True)
class _Move:
    """How a message leaves maildrop: *make* it in a transaction, then log and poke.

    *tell* writes to the log, *next* is the stage that is poked, if any.
    """

    make: Callable[[Transaction], None]
    tell: Callable[[], None] | None = None
    next: str = ""


@dataclass(frozen=True, slots=True)
class _Rewritten:
    """The beginning of a message's content as cleanup leaves it.

    *pieces* are its first pieces from piece 0 on, *kept* is the number of the last one that stays.
    *heirs* are the recipients that go the ways of those which an operator rerouted, by number;
    None: there is no such way.
    """

    result: CleanupResult
    pieces: tuple[bytes, ...]
    kept: int
    heirs: Mapping[int, Heirs] | None


class Pickup:
    """The stage between maildrop and incoming."""

    name = "pickup"
    may_have_more = True
    gather_times = GATHER_TIMES

    def __init__(self, context: ServiceContext, rules: CleanupRules, routing: Routing) -> None:
        """Use `open_stage`."""
        self._context = context
        self._rules = rules
        self._routing = routing
        self._again_at: dict[int, float] = {}

    async def run_once(self) -> int:
        """Clean up one batch; return how many messages moved."""
        claimed, rerouted = self._claim()
        if not claimed:
            return 0
        messages = queues.load(self._context.spool, claimed)
        lost = set(claimed).difference(message.message_id for message in messages)
        moves = [self._corrupt(message_id, _NO_ENVELOPE) for message_id in sorted(lost)]
        moved = 0
        for together in _groups(messages):
            found = await side_by_side(
                self._move(m, [number for one, number in rerouted if one == m.message_id])
                for m in together
            )
            moves += [move for move in found if move is not None]
            moved += self._advance(moves)
            moves = []
        return moved + self._advance(moves)

    def next_due(self) -> float | None:
        """Return when a message that could not be cleaned up is tried again."""
        return min(self._again_at.values(), default=None)

    def _claim(self) -> tuple[list[int], Collection[tuple[int, int]]]:
        """Return what waits for its next try, and new messages; and whom operators rerouted.

        The latter as (message id, number).
        """
        context = self._context
        now = context.clock.now()
        again = [message_id for message_id, at in self._again_at.items() if at <= now]
        for message_id in again:
            del self._again_at[message_id]
        with context.spool.transaction() as tx:
            claimed = again + queues.claim(tx, State.MAILDROP, context.process_id, _BATCH)
            return claimed, ways.of(tx, claimed) if claimed else ()

    async def _move(self, message: QueuedMessage, rerouted: Collection[int]) -> _Move | None:
        """Return how the message leaves maildrop; None if it stays for now."""
        envelope = message.envelope
        if not envelope.recipients:
            return self._corrupt(message.message_id, _NO_RECIPIENTS)
        uid = _uid(message)
        if uid is not None:
            maillog.pickup(self._context.log, message.queue_id, uid, envelope.sender)
        try:
            cleaned = await self._clean(message, uid, rerouted)
        except Corrupt as error:
            return self._corrupt(message.message_id, str(error))
        except (MapUnavailable, AliasExpansionError) as error:
            self._context.log_as("cleanup").warning(f"{message.queue_id}: {error}")
            return self._later(message)
        verdict = cleaned.result.verdict
        if verdict is Verdict.DEFER:
            return self._later(message)
        if verdict is Verdict.REJECT:
            return self._refuse(message, cleaned.result.reason)
        if verdict is Verdict.DISCARD:
            return self._discard(message)
        return self._replace(message, cleaned)

    async def _clean(
        self, message: QueuedMessage, uid: int | None, rerouted: Collection[int]
    ) -> _Rewritten:
        """Return what cleanup makes of a message.

        Raises Corrupt: the message has no content. MapUnavailable, AliasExpansionError: where
        the recipients that are *rerouted* are now cannot be told; try again.
        """
        envelope = message.envelope
        cleanup = Cleanup(
            self._rules,
            self._routing,
            queue_id=message.queue_id,
            sender=envelope.sender,
            client=envelope.client,
            origin="sendmail" if uid is not None else envelope.origin,
            local_rewrite=envelope.client.is_local,
            arrived_at=message.arrived_at,
            uid=uid,
            full_name=envelope.full_name,
            smtputf8=envelope.smtputf8,
        )
        spool = self._context.spool
        body: list[bytes] = []
        count = size = 0
        for piece in content.read(spool, message.message_id):
            body.append(cleanup.feed(piece))
            count += 1
            size += len(piece)
            if cleanup.in_body:
                break
        cleanup.skip(max(0, message.size - size))
        result = await cleanup.finish(envelope.recipients)
        heirs = await _heirs(cleanup, message, result.recipients, rerouted) if rerouted else None
        beginning = b"".join((result.head, *body, result.tail))
        if size >= message.size:
            return _Rewritten(result, (beginning,), 0, heirs)
        kept = maildrop.last_piece(spool, message.message_id)
        return _Rewritten(result, _divided(beginning, count), kept, heirs)

    def _replace(self, message: QueuedMessage, cleaned: _Rewritten) -> _Move:
        result = cleaned.result
        envelope = msgspec.structs.replace(
            message.envelope,
            sender=result.sender,
            recipients=result.recipients,
        )
        new = NewMessage(
            message.message_id,
            message.queue_id,
            envelope,
            result.size,
            cleaned.pieces[:1],
            message.arrived_at,
            uploaded=cleaned.kept,
            header_id=result.message_id,
        )
        state = State.HOLD if result.verdict is Verdict.HOLD else State.INCOMING
        process_id = self._context.process_id

        def make(tx: Transaction) -> None:
            for number, piece in enumerate(cleaned.pieces[1:], 1):
                maildrop.put_piece(tx, message.message_id, number, piece)
            queues.replace(tx, state, new, process_id, reason=result.reason)
            if cleaned.heirs is not None:
                ways.follow(tx, message.message_id, cleaned.heirs)

        return _Move(make, next="trivial_rewrite")

    def _later(self, message: QueuedMessage) -> _Move | None:
        """Leave the message in maildrop until its next try; but a letter about a session is lost.

        So it is in Postfix: sessions go on to fail, and each would leave another letter.
        """
        if message.envelope.origin == postmaster.ORIGIN:
            warning = f"{message.queue_id}: the postmaster is not told of a session"
            self._context.log.warning(warning)
            return self._discard(message)
        self._again_at[message.message_id] = self._context.clock.now() + RETRY_SECONDS
        return None

    def _discard(self, message: QueuedMessage) -> _Move:
        process_id = self._context.process_id
        return _Move(lambda tx: maildrop.discard(tx, message.message_id, process_id))

    def _refuse(self, message: QueuedMessage, reason: str) -> _Move:
        dsn, _, text = reason.partition(" ")
        outcomes = [bounce(number, dsn, text) for number in message.numbers]
        process_id = self._context.process_id

        def tell() -> None:
            log = self._context.log_as("cleanup")
            for recipient, outcome in zip(message.envelope.recipients, outcomes, strict=True):
                address, original = recipient.address, recipient.original
                maillog.delivery(log, message.queue_id, address, original, outcome)

        return _Move(
            lambda tx: maildrop.refuse(tx, message, process_id, outcomes), tell, next="bounce"
        )

    def _corrupt(self, message_id: int, reason: str) -> _Move:
        process_id = self._context.process_id
        return _Move(
            lambda tx: queues.corrupt(tx, State.MAILDROP, message_id, process_id, reason),
            partial(
                self._context.log.warning,
                f"{self._context.queue_id(message_id)}: moved to corrupt: {reason}",
            ),
        )

    def _advance(self, moves: Sequence[_Move]) -> int:
        """Make moves in one commit; if an operator took one message away, each by itself."""
        if not moves:
            return 0
        crash_point("pickup.before_advance")
        made = moves if self._commits(moves) else [m for m in moves if self._commits([m])]
        crash_point("pickup.after_advance")
        for move in made:
            if move.tell is not None:
                move.tell()
        # Before anybody else can log what becomes of them.
        self._context.flush_logs()
        for name in {move.next for move in made if move.next}:
            self._context.poke(name)
        return len(made)

    def _commits(self, moves: Sequence[_Move]) -> bool:
        """Return whether the moves were made: False if a claim was lost, then none was."""
        try:
            with self._context.spool.transaction() as tx:
                for move in moves:
                    move.make(tx)
        except ClaimLost:
            return False
        return True


def open_stage(context: ServiceContext) -> Pickup:
    """Return the stage with its maps opened."""
    log = context.log_as("cleanup")
    rules = CleanupRules.open(context.configuration, log, context.service.overrides)
    return Pickup(context, rules, Routing.open(context.section(RoutingParameters)))


async def _heirs(
    cleanup: Cleanup,
    message: QueuedMessage,
    recipients: Sequence[Recipient],
    rerouted: Collection[int],
) -> dict[int, Heirs]:
    """Return who goes the ways of a message's *rerouted* recipients now."""
    return {
        number: heirs_of(given.address, await cleanup.became(given), recipients)
        for number, given in message.numbered.items()
        if number in rerouted and recipients
    }


def _groups(messages: Sequence[QueuedMessage]) -> Iterator[list[QueuedMessage]]:
    """Yield the messages in groups; what is read of one group's is in memory together."""
    group: list[QueuedMessage] = []
    held_bytes = 0
    for message in messages:
        group.append(message)
        held_bytes += min(message.size, content.PIECE_BYTES)
        if held_bytes >= _BATCH_BYTES:
            yield group
            group, held_bytes = [], 0
    yield group


def _uid(message: QueuedMessage) -> int | None:
    """Return who handed the message in; a requeued one from the network is ours.

    None: the mail system made it itself.
    """
    if message.envelope.origin == "smtpd":
        return os.geteuid()
    return message.envelope.uid


def _divided(data: bytes, count: int) -> tuple[bytes, ...]:
    """Return data in *count* pieces, none of them empty if it is not too short."""
    size = -(-len(data) // count)
    return tuple(data[number * size : (number + 1) * size] for number in range(count))
