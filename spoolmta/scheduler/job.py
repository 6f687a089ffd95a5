"""One message in one transport: what of it waits, and what it has earned.

Each delivery that a job gives earns it delivery slots. A job that is large enough may be overtaken
by a small one that it can pay for; so a small message does not wait for the end of a large one,
and a large one is not held up by more than a set share.

Postfix:    SCHEDULER_README, default_delivery_slot_cost, ..._loan, ..._discount and
            default_minimum_delivery_slots in postconf(5)
Must not:   know of rows or clocks
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from spoolmta.scheduler.destination import Destination


class Preemption(NamedTuple):
    """When a small message may overtake a large one: the delivery slot parameters.

    *cost* is how many deliveries earn one slot; below 2 nothing is ever overtaken. *loan* slots
    are lent, and of those that are needed *discount* percent need not be there yet. A job with
    fewer than *minimum* slots in sight is not overtaken.
    """

    cost: int = 5
    loan: int = 3
    discount: int = 50
    minimum: int = 3


@dataclass(slots=True, eq=False)
class Job:
    """The deliveries of a message; *number* is its place in the line, times are seconds.

    *waiting* of its *total* deliveries wait; *peers* are the destinations that they wait for, in
    the order of their turns. *slots* are those it has earned, times the cost of one. *overtook*
    is the job that it goes before, which is paying for it. *is_in_line* is a mark of the transport.
    """

    number: int
    message_id: int
    since: float
    total: int = 0
    waiting: int = 0
    slots: int = 0
    peers: "dict[Destination, None]" = field(default_factory=dict)
    overtook: "Job | None" = None
    is_in_line: bool = False

    def may_pay(self, terms: Preemption) -> bool:
        """Return whether this job may be overtaken at all."""
        return terms.cost > 1 and self.slots > 0 and self.total >= terms.minimum * terms.cost

    def affords(self, other: "Job", terms: Preemption) -> bool:
        """Return whether *other* is small enough to be paid for before this job ends."""
        return 0 < other.waiting <= (self.waiting + self.slots) // terms.cost

    def can_pay(self, other: "Job", terms: Preemption) -> bool:
        """Return whether this job has earned, or may borrow, what *other* needs."""
        needed = other.waiting * (100 - terms.discount) / 100
        return self.slots // terms.cost + terms.loan >= needed

    def urgency(self, now: float) -> float:
        """Return how much this job should go first: the longer it waits and the smaller it is."""
        return (now - self.since + 1.0) / self.total

    def overtake(self, other: "Job", terms: Preemption) -> None:
        """Go before *other*, which pays."""
        other.slots -= self.waiting * terms.cost
        self.overtook = other

    def step_back(self, terms: Preemption) -> None:
        """End the overtaking: what was paid and not used goes back."""
        if self.overtook is not None:
            self.overtook.slots += self.waiting * terms.cost
            self.overtook = None
