"""What may go now: never too much, never too little, and nobody is forgotten."""

import itertools
import sys
import tracemalloc
from collections import Counter
from types import FrameType
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spoolmta.scheduler.destination import WindowLimits
from spoolmta.scheduler.schedule import Schedule
from spoolmta.scheduler.transport import TransportLimits
from spoolmta.spool.deliveries import DestinationState, Feedback, Verdict, Waiting

LIMIT, CAPACITY, DEAD_SECONDS, PAUSE = 4, 6, 300.0, 5.0
LIMITS = TransportLimits(WindowLimits(initial=2, limit=LIMIT, failed_cohorts=1), CAPACITY)
FAILED = Feedback(Verdict.FAILED, "4.4.1", "no answer")

_NEW = st.tuples(st.just("new"), st.integers(0, 5), st.lists(st.integers(0, 3), max_size=20))
_END = st.tuples(st.sampled_from(["answers", "fails", "crashes"]), st.integers(0, 99))
_TIME = st.tuples(st.sampled_from(["time", "flush"]), st.floats(0.1, 400.0))
STEPS = st.lists(st.one_of(_NEW, _END, _TIME), max_size=60)


class Model:
    """A schedule, and what a bystander knows of its deliveries."""

    def __init__(self, limits: TransportLimits = LIMITS) -> None:
        self.schedule = Schedule(lambda _: limits, served={"smtp"}, dead_seconds=DEAD_SECONDS)
        self.now = 0.0
        self.waiting: dict[int, Waiting] = {}
        self.under_way: dict[int, Waiting] = {}
        self.ended: set[int] = set()
        # When the latest delivery of a destination ended, and when those of the transport began.
        self.end_of: dict[str, float] = {}
        self.began_at: list[float] = []
        self._number = 0

    def new(self, message: int, destinations: list[int]) -> None:
        planned = []
        for destination in destinations:
            self._number += 1
            planned.append(Waiting(self._number, message, "smtp", f"d{destination}.example"))
        self.waiting.update((one.delivery_id, one) for one in planned)
        self.schedule.admit(planned, self.now)

    def end(self, how: str, choice: int) -> None:
        if not self.under_way:
            return
        number = sorted(self.under_way)[choice % len(self.under_way)]
        one = self.under_way.pop(number)
        self.end_of[one.destination] = self.now
        feedback = {"answers": Feedback(), "fails": FAILED}.get(how, Feedback(Verdict.CRASHED))
        self.schedule.hear(number, feedback, self.now)
        if how == "crashes":
            self.waiting[number] = one
            self.schedule.admit([one], self.now)
        else:
            self.ended.add(number)

    def step(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("new", message, destinations):
                self.new(message, destinations)
            case ("time" | "flush" as kind, seconds):
                self.now += seconds
                self.schedule.revive(self.now, everything=kind == "flush")
            case (how, choice):
                self.end(how, choice)
        self.go_on()

    def go_on(self) -> None:
        """Let go what may go; what is not to be tried now counts as ended."""
        for suspended in self.schedule.take_suspended():
            del self.waiting[suspended.waiting.delivery_id]
            self.ended.add(suspended.waiting.delivery_id)
        for one in self.schedule.grants(self.now):
            del self.waiting[one.delivery_id]
            self.under_way[one.delivery_id] = one
            self.began_at.append(self.now)

    def rests(self, destination: str, pause: float) -> bool:
        """Return whether a destination has had a delivery less than *pause* ago."""
        return self.now < self.end_of.get(destination, -pause) + pause

    def busy(self) -> Counter[str]:
        return Counter(one.destination for one in self.under_way.values())


def after(steps: list[tuple[Any, ...]]) -> Model:
    """Return the model after the steps; each of them leaves everything as it should be."""
    model = Model()
    for step in steps:
        model.step(step)
        _assert_nothing_above_a_limit(model)
        _assert_nothing_idle(model)
    return model


def _assert_nothing_above_a_limit(model: Model) -> None:
    busy = model.busy()
    assert sum(busy.values()) <= CAPACITY
    assert max(busy.values(), default=0) <= LIMIT
    assert set(model.under_way) == set(model.schedule.under_way)


def _assert_nothing_idle(model: Model) -> None:
    """While a slot is free, whatever waits has no room at its destination."""
    if len(model.under_way) == CAPACITY:
        return
    busy = model.busy()
    for one in model.waiting.values():
        target = model.schedule.destination("smtp", one.destination)
        assert not target.is_dead, "mail for a dead destination is put off"
        assert busy[one.destination] >= target.window, f"{one} could go"


@given(STEPS)
def test_nothing_is_above_a_limit_and_nothing_waits_while_a_slot_is_free(
    steps: list[tuple[Any, ...]],
) -> None:
    after(steps)


@given(STEPS)
def test_nothing_starves_and_nothing_goes_twice(steps: list[tuple[Any, ...]]) -> None:
    model = after(steps)
    for _ in range(2 * len(model.waiting) + len(model.under_way) + 1):
        model.end("answers", 0)
        model.go_on()
    assert (model.waiting, model.under_way) == ({}, {})


@given(STEPS)
def test_a_destination_that_rests_gets_nothing_and_no_other_waits_for_it(
    steps: list[tuple[Any, ...]],
) -> None:
    window = WindowLimits(initial=1, limit=1, failed_cohorts=0)
    model = Model(TransportLimits(window, CAPACITY, destination_rate_delay=PAUSE))
    for step in steps:
        before = set(model.under_way)
        model.step(step)
        for number in set(model.under_way) - before:
            assert not model.rests(model.under_way[number].destination, PAUSE)
        assert max(model.busy().values(), default=0) <= 1
        waiting = {one.destination for one in model.waiting.values()} - set(model.busy())
        idle = {name for name in waiting if not model.rests(name, PAUSE)}
        assert not idle or len(model.under_way) == CAPACITY
        due = model.schedule.next_due()
        if waiting and len(model.under_way) < CAPACITY:
            assert due is not None
            assert model.now < due <= model.now + PAUSE


@given(STEPS)
def test_a_transport_that_pauses_begins_one_delivery_at_a_time(
    steps: list[tuple[Any, ...]],
) -> None:
    model = Model(TransportLimits(LIMITS.window, CAPACITY, rate_delay=PAUSE))
    for step in steps:
        model.step(step)
        _assert_nothing_above_a_limit(model)
        if not model.began_at or model.now >= model.began_at[-1] + PAUSE:
            _assert_nothing_idle(model)
    apart = [b - a for a, b in itertools.pairwise(model.began_at)]
    assert min(apart, default=PAUSE) >= PAUSE * (1 - 1e-9)


def test_mail_for_a_destination_that_is_dead_is_put_off_at_once() -> None:
    model = Model()
    model.step(("new", 1, [0, 0]))
    model.step(("fails", 0))
    model.step(("fails", 0))
    model.step(("new", 2, [0] * 1000))
    assert model.waiting == {}
    assert model.under_way == {}


def test_a_destination_that_was_dead_and_gets_nothing_more_is_forgotten() -> None:
    model = Model()
    model.step(("new", 1, [0, 0, 0]))
    model.step(("fails", 0))
    model.step(("fails", 0))
    destinations = model.schedule._transport("smtp").destinations
    assert destinations["d0.example"].is_dead
    model.step(("time", DEAD_SECONDS))
    assert destinations == {}


def calls_of_an_answer(waiting: int) -> int:
    """Return how many functions run for an answer and the grant that follows."""
    model = Model()
    for message in range(waiting):
        model.new(message, [message % 4])
    model.go_on()
    calls = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        for _ in range(10):
            number = min(model.under_way)
            del model.under_way[number]
            model.schedule.hear(number, Feedback(), 0.0)
            [one] = model.schedule.grants(0.0)
            model.under_way[one.delivery_id] = one
    finally:
        sys.setprofile(None)
    return calls


def test_an_answer_costs_the_same_however_much_is_throttled() -> None:
    assert calls_of_an_answer(10_000) <= calls_of_an_answer(100) * 1.2


def test_mail_for_a_transport_that_is_not_served_waits_as_long_as_it_is_told() -> None:
    schedule = Schedule(lambda _: LIMITS, served=set(), dead_seconds=300.0, retry_seconds=7.0)
    schedule.admit([Waiting(1, 1, "gone", "x.example")], 100.0)
    [suspended] = schedule.take_suspended()
    assert suspended.reason == "mail transport unavailable"
    assert schedule.next_due() == 107.0


def test_a_full_active_queue_and_ten_thousand_dead_destinations_take_little_memory() -> None:
    tracemalloc.start()
    try:
        schedule = Schedule(lambda _: LIMITS, served={"smtp"}, dead_seconds=300.0)
        for number in range(10_000):
            name, reason = f"dead{number}.example", f"connect to mx{number}: timed out"
            state = DestinationState("smtp", name, 5, 0, 0, 1, 0, 1e9, "4.4.1", reason)
            schedule.recall(state)
        schedule.admit(
            (Waiting(n, n, "smtp", f"live{n % 10_000}.example") for n in range(20_000)), 0.0
        )
        schedule.grants(0.0)
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 60_000_000
