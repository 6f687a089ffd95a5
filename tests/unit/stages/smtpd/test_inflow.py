"""Who has to wait when mail comes in faster than it is taken."""

from collections import deque
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from spoolmta.stages.smtpd.inflow import Inflow

# A process lets messages begin, or the queue manager takes some.
STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "begin", "take"]), st.integers(1, 8)), max_size=60
)


@dataclass
class Incoming:
    """The queue that processes fill; the tokens of Postfix's pipe are counted beside it."""

    limit: int
    rows: deque[int] = field(default_factory=deque)
    tokens: int = 0
    last_id: int = 0
    looks: int = 0

    def __post_init__(self) -> None:
        self.tokens = self.limit

    def measure(self, most: int) -> tuple[int, int]:
        self.looks += 1
        return min(most, len(self.rows)), self.rows[0] if self.rows else 0

    def enter(self) -> int:
        self.last_id += 1
        self.rows.append(self.last_id)
        return self.last_id

    def take(self, count: int) -> None:
        for _ in range(min(count, len(self.rows))):
            self.rows.popleft()
            self.tokens += 1
        if not self.rows:
            self.tokens = self.limit


def begin(inflow: Inflow, incoming: Incoming, now: float) -> bool:
    """Let a message begin; return whether it has to wait before."""
    waits = inflow.is_ahead and not inflow.may_begin(now)
    inflow.begin(incoming.enter())
    return waits


@given(st.integers(1, 12), STEPS)
def test_no_more_messages_wait_than_with_the_tokens_of_postfix(
    limit: int, steps: list[tuple[str, int]]
) -> None:
    incoming = Incoming(limit)
    inflow = Inflow(1.0, limit, incoming.measure)
    now, ours, theirs = 0.0, 0, 0
    for kind, count in steps:
        now += 1.0
        if kind == "take":
            incoming.take(count)
            continue
        for _ in range(count):
            now += 1.0
            theirs += incoming.tokens == 0
            incoming.tokens -= incoming.tokens > 0
            ours += begin(inflow, incoming, now)
            assert ours <= theirs


@given(st.integers(1, 40), st.integers(1, 3))
def test_what_is_let_in_at_once_ends_soon_after_the_limit(limit: int, processes: int) -> None:
    incoming = Incoming(limit)
    inflows = [Inflow(1.0, limit, incoming.measure) for _ in range(processes)]
    free = 0
    for number in range(200):
        free += not begin(inflows[number % processes], incoming, float(number))
    assert limit <= free <= limit + (processes - 1) * max(1, limit // 4)


def test_as_many_begin_at_once_as_leave_a_long_queue() -> None:
    incoming = Incoming(10)
    inflow = Inflow(1.0, 10, incoming.measure)
    waits = [begin(inflow, incoming, float(number)) for number in range(50)]
    assert waits == [False] * 10 + [True] * 40
    incoming.take(7)
    waits = [begin(inflow, incoming, 100.0 + number) for number in range(9)]
    assert waits == [False] * 7 + [True] * 2


def test_the_queue_is_looked_at_once_for_many_messages_while_it_keeps_up() -> None:
    incoming = Incoming(100)
    inflow = Inflow(1.0, 100, incoming.measure)
    for number in range(1000):
        assert not begin(inflow, incoming, number / 1000)
        incoming.take(1)
    assert incoming.looks <= 1000 / 25


def test_those_that_wait_look_at_the_queue_together() -> None:
    incoming = Incoming(1)
    inflow = Inflow(1.0, 1, incoming.measure)
    begin(inflow, incoming, 0.0)
    looks = incoming.looks
    assert not any(inflow.may_begin(1.0) for _ in range(100))
    assert incoming.looks == looks + 1


def test_nothing_waits_and_nothing_is_looked_at_without_a_delay() -> None:
    incoming = Incoming(5)
    inflow = Inflow(0.0, 5, incoming.measure)
    assert not any(begin(inflow, incoming, float(number)) for number in range(100))
    assert incoming.looks == 0
