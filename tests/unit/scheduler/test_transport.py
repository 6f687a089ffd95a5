"""Which delivery of a transport goes next."""

from hypothesis import given
from hypothesis import strategies as st

from spoolmta.scheduler.destination import WindowLimits
from spoolmta.scheduler.job import Preemption
from spoolmta.scheduler.transport import Transport, TransportLimits
from spoolmta.spool.deliveries import Waiting

NEVER = Preemption(cost=0)


class Line:
    """A transport with what a test puts into it; deliveries are (message, destination)."""

    def __init__(
        self,
        window: int = 2,
        capacity: int = 0,
        preemption: Preemption = NEVER,
        **delays: float,
    ) -> None:
        limits = WindowLimits(initial=window, limit=20, failed_cohorts=1)
        self.transport = Transport(
            "smtp", TransportLimits(limits, capacity, preemption=preemption, **delays)
        )
        self.delivery_id = 0
        self.given: list[Waiting] = []

    def add(self, message: int, *destinations: str, now: float = 0.0) -> None:
        for destination in destinations:
            self.delivery_id += 1
            waiting = Waiting(self.delivery_id, message, "smtp", destination)
            self.transport.add(waiting, now)

    def give(self, now: float = 0.0) -> list[tuple[int, str]]:
        granted = list(self.transport.grants(now))
        self.given += granted
        return [(waiting.message_id, waiting.destination) for waiting in granted]

    def end(self, count: int = 1, now: float = 0.0) -> None:
        """Let the oldest deliveries under way end."""
        for _ in range(count):
            waiting = self.given.pop(0)
            self.transport.ended(self.transport.destination(waiting.destination), now)


def test_the_destinations_of_a_message_take_turns() -> None:
    line = Line()
    line.add(1, "a", "a", "b", "b")
    assert line.give() == [(1, "a"), (1, "b"), (1, "a"), (1, "b")]


def test_the_message_that_came_first_goes_first() -> None:
    line = Line(capacity=3)
    line.add(1, "a", "b")
    line.add(2, "c", "d")
    assert line.give() == [(1, "a"), (1, "b"), (2, "c")]


def test_no_destination_gives_more_than_its_window() -> None:
    line = Line(window=2)
    line.add(1, "a", "a", "a", "a", "a")
    assert len(line.give()) == 2
    assert line.give() == []


def test_an_ended_delivery_makes_room_for_the_next() -> None:
    line = Line(window=1)
    line.add(1, "a")
    line.add(2, "a")
    assert line.give() == [(1, "a")]
    line.end()
    assert line.give() == [(2, "a")]


def test_a_transport_lets_no_more_go_than_its_processes_hold() -> None:
    line = Line(capacity=3)
    line.add(1, "a", "b", "c", "d", "e")
    assert len(line.give()) == 3
    line.end()
    assert len(line.give()) == 1


def test_a_dead_destination_gives_nothing_and_stands_in_nobodys_way() -> None:
    line = Line()
    line.add(1, "a", "a")
    line.add(2, "b")
    destination = line.transport.destination("a")
    destination.suspend(100.0, "4.4.1", "refused")
    line.transport.look_again(destination)
    assert line.give() == [(2, "b")]
    assert [waiting.message_id for waiting in line.transport.take_all(destination)] == [1, 1]


def test_a_full_destination_stands_in_nobodys_way() -> None:
    line = Line(window=1)
    for message in range(1, 100):
        line.add(message, "slow")
    line.add(100, "fast")
    assert line.give() == [(1, "slow"), (100, "fast")]


def test_a_destination_with_nothing_to_do_is_forgotten() -> None:
    line = Line()
    line.add(1, "a")
    line.give()
    line.end()
    assert line.transport.destinations == {}


def test_a_destination_rests_after_each_delivery_if_it_is_to() -> None:
    line = Line(window=1, destination_rate_delay=10.0)
    line.add(1, "a", "a", "b")
    assert line.give(now=0.0) == [(1, "a"), (1, "b")]
    line.end(2, now=1.0)
    assert line.give(now=5.0) == []
    assert line.transport.next_due() == 11.0
    assert line.give(now=11.0) == [(1, "a")]


def test_a_transport_pauses_between_deliveries_if_it_is_to() -> None:
    line = Line(rate_delay=3.0)
    line.add(1, "a", "b")
    assert line.give(now=0.0) == [(1, "a")]
    assert line.give(now=2.0) == []
    assert line.transport.next_due() == 3.0
    assert line.give(now=3.0) == [(1, "b")]


def test_a_small_message_overtakes_a_large_one_that_has_earned_it() -> None:
    line = Line(window=20, capacity=10, preemption=Preemption())
    line.add(1, *(f"d{number}" for number in range(1000)))
    line.give()
    line.add(2, "small")
    line.end(now=1.0)
    assert line.give(now=1.0) == [(2, "small")]
    line.end(now=1.0)
    assert [message for message, _ in line.give(now=1.0)] == [1]


def test_a_small_message_overtakes_in_the_same_destination() -> None:
    line = Line(window=4, preemption=Preemption())
    line.add(1, *["a"] * 1000)
    line.give()
    line.add(2, "a")
    line.end(now=1.0)
    assert line.give(now=1.0) == [(2, "a")]


def test_a_small_message_overtakes_one_that_overtook() -> None:
    line = Line(window=20, capacity=10, preemption=Preemption())
    line.add(1, *(f"d{number}" for number in range(5000)))
    for _ in range(100):
        line.give()
        line.end(10)
    line.add(2, *(f"m{number}" for number in range(30)))
    line.give(now=1.0)
    line.end(5, now=1.0)
    assert {message for message, _ in line.give(now=1.0)} == {2}
    line.add(3, "small", now=1.0)
    line.end(1, now=2.0)
    assert line.give(now=2.0) == [(3, "small")]


def test_a_message_that_is_not_large_is_not_overtaken() -> None:
    line = Line(window=20, capacity=2, preemption=Preemption())
    line.add(1, *(f"d{number}" for number in range(10)))
    line.give()
    line.add(2, "small")
    line.end(now=1.0)
    assert [message for message, _ in line.give(now=1.0)] == [1]


def test_what_overtakes_costs_a_large_message_no_more_than_its_share() -> None:
    """With a slot for each five deliveries, a sixth of all is the most that small mail takes."""
    line = Line(window=20, capacity=1, preemption=Preemption())
    line.add(1, *(f"d{number}" for number in range(2000)))
    order = []
    for step in range(1200):
        line.add(10 + step, f"s{step}", now=float(step))
        order += [message for message, _ in line.give(now=float(step))]
        line.end(now=float(step))
    small = sum(message >= 10 for message in order[100:])
    assert 0.1 < small / len(order[100:]) <= 1 / 6 + 0.02


@given(st.data())
def test_everything_goes_once_and_no_limit_is_ever_passed(data: st.DataObject) -> None:
    window = data.draw(st.integers(1, 4))
    capacity = data.draw(st.integers(0, 6))
    line = Line(window=window, capacity=capacity, preemption=Preemption(2, 1, 50, 1))
    added, now = 0, 0.0
    under_way: list[Waiting] = []
    given = []
    for _ in range(data.draw(st.integers(1, 30))):
        now += 0.5
        message = data.draw(st.integers(1, 5))
        names = data.draw(st.lists(st.sampled_from("abcd"), max_size=6))
        line.add(message, *names, now=now)
        added += len(names)
        granted = list(line.transport.grants(now))
        given += granted
        under_way += granted
        busy = {name: [w.destination for w in under_way].count(name) for name in "abcd"}
        windows = {name: d.window for name, d in line.transport.destinations.items()}
        assert all(count <= windows.get(name, 0) for name, count in busy.items() if count)
        assert not capacity or len(under_way) <= capacity
        for _ in range(data.draw(st.integers(0, len(under_way)))):
            waiting = under_way.pop(0)
            line.transport.ended(line.transport.destination(waiting.destination), now)
    while len(given) < added:
        now += 1.0
        for waiting in under_way:
            line.transport.ended(line.transport.destination(waiting.destination), now)
        under_way = list(line.transport.grants(now))
        assert under_way, "what is due stays idle while there is room"
        given += under_way
    assert len({waiting.delivery_id for waiting in given}) == added
