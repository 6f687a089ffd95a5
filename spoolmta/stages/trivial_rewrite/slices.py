"""How many recipients of a message are brought in at a time.

A message with very many recipients becomes active with the first of them. The others follow in
slices, as its deliveries end: so it holds up nobody for longer than one slice takes, and what the
scheduler and its rows hold stays bounded.

Postfix:    qmgr(8), SCHEDULER_README; postconf(5): qmgr_message_recipient_limit and its like
Parameters: qmgr_message_recipient_limit, qmgr_message_recipient_minimum;
            TRANSPORT_recipient_limit, ..._recipient_refill_limit, ..._recipient_refill_delay, each
            with a default_... for all transports
Must not:   touch the spool
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from spoolmta.config.loader import Configuration
from spoolmta.config.parameters.qmgr import QueueManagerParameters
from spoolmta.spool.queues import Unanswered


class Bounds(NamedTuple):
    """How many recipients are brought in together.

    *read*: of all messages; one more than that was read if there are more. *slice*: of one message.
    *room*: so many may have deliveries beside those that have some now; but *minimum* of each.
    """

    read: int
    slice: int
    room: int
    minimum: int = 0


class Cut(NamedTuple):
    """What is brought in now of claimed messages.

    *rest* has, for each message that is not brought in whole, the number of the first recipient
    that is left out. The messages *left* are not begun with.
    """

    messages: list[Unanswered]
    rest: dict[int, int]
    left: list[int]


class _TransportLimits(NamedTuple):
    recipients: int
    refill: int
    refill_delay: float


class RecipientLimits:
    """How many recipients may have deliveries at a time; one per process."""

    def __init__(self, configuration: Configuration, parameters: QueueManagerParameters) -> None:
        self.minimum = parameters.qmgr_message_recipient_minimum
        # Each active message needs one at least.
        self._total = max(
            parameters.qmgr_message_recipient_limit, parameters.qmgr_message_active_limit
        )
        self._configuration = configuration
        self._transports: dict[str, _TransportLimits] = {}

    def room(self, planned: Mapping[str, int]) -> int:
        """Return how many more there may be, if so many are *planned* by transport."""
        return max(0, self._total - sum(planned.values()))

    def refill(self, transports: Collection[str], planned: Mapping[str, int], waited: float) -> int:
        """Return how many are to follow of a message that now has deliveries by *transports*.

        *waited* is how long ago the last slice was brought in, in seconds. A few are not worth it.
        Raises ConfigError: a limit is no number or time.
        """
        room = self.room(planned)
        if not transports:
            return max(self.minimum, room)
        free = 0
        for transport in transports:
            limits = self._of(transport)
            places = min(room, limits.recipients - planned.get(transport, 0))
            if places >= limits.refill or waited >= limits.refill_delay:
                free = max(free, places)
        return free

    def _of(self, transport: str) -> _TransportLimits:
        found = self._transports.get(transport)
        if found is None:
            of = self._configuration
            found = self._transports[transport] = _TransportLimits(
                of.transport_number(transport, "_recipient_limit"),
                of.transport_number(transport, "_recipient_refill_limit"),
                of.transport_seconds(transport, "_recipient_refill_delay"),
            )
        return found


def cut(messages: Sequence[Unanswered], bounds: Bounds) -> Cut:
    """Return what is brought in now of *messages*."""
    read = sum(len(message.recipients) for message in messages)
    last = max((n for n, message in enumerate(messages) if message.recipients), default=-1)
    end = last if read > bounds.read else len(messages)
    room = bounds.room
    result = Cut([], {}, [message.message_id for message in messages[end + 1 :]])
    for number, message in enumerate(messages[: end + 1]):
        # The recipient beyond the limit tells that there are more, and where they begin.
        most = min(bounds.slice, max(bounds.minimum, room))
        size = min(len(message.recipients) - (number == end), most)
        if size <= 0 and message.recipients:
            result.left.append(message.message_id)
            continue
        room -= size
        if size < len(message.recipients):
            result.rest[message.message_id] = message.recipients[size][0]
            message = message._replace(recipients=message.recipients[:size])
        result.messages.append(message)
    return result
