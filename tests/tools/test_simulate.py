"""The rules of scheduling, seen in a queue simulated over days."""

import random
from collections import deque

import pytest

from spoolmta.scheduler.completion import Lifetimes
from spoolmta.scheduler.destination import WindowLimits
from spoolmta.scheduler.transport import TransportLimits
from tools.simulate.destination import Model, make
from tools.simulate.report import by_kind, unevenness
from tools.simulate.simulation import Message, Rules, Simulation

DAY = 86_400.0
WINDOW = WindowLimits(initial=5, limit=20, failed_cohorts=1)
RULES = Rules(
    TransportLimits(WINDOW, capacity=125), Lifetimes(300.0, 4000.0, 5 * DAY, 5 * DAY), 20_000
)


def models(kind: str, count: int = 1) -> list[Model]:
    chance = random.Random(7)
    return [make(kind, number, chance) for number in range(count)]


def mail(to: list[Model], each: int) -> dict[int, Message]:
    """Return *each* messages to each destination, all in the queue at time 0, in turns."""
    receivers = to * each
    return {number: Message(number, model, 0.0) for number, model in enumerate(receivers, 1)}


def simulate(messages: dict[int, Message], days: float = 6.0, rules: Rules = RULES) -> Simulation:
    simulation = Simulation(rules, messages)
    deque(simulation.run(days * DAY), maxlen=0)
    return simulation


def test_a_slow_destination_gets_as_much_at_once_as_its_limit_lets_and_no_more() -> None:
    [slow] = models("slow")
    simulation = simulate(mail([slow], 400))
    assert slow.peak == WINDOW.limit
    # So many at a time that it takes as long as it must, and the time to open the window.
    assert simulation.now <= 400 / WINDOW.limit * slow.seconds + 5 * slow.seconds


def test_a_dead_destination_is_tried_with_few_messages_at_a_time() -> None:
    [dead] = models("dead")
    messages = mail([dead], 500)
    simulation = simulate(messages, days=1.0)
    assert dead.peak <= WINDOW.initial
    revivals = DAY / RULES.lifetimes.minimal_backoff
    assert sum(m.attempts for m in messages.values()) <= WINDOW.initial * revivals
    assert by_kind(simulation)[0].left == 500


def test_mail_for_a_dead_destination_is_returned_once_its_life_is_over() -> None:
    messages = mail(models("dead"), 20)
    simulate(messages)
    for message in messages.values():
        assert message.returned_at is not None
        assert 5 * DAY <= message.returned_at <= 5 * DAY + RULES.lifetimes.maximal_backoff + 60.0


def test_other_mail_does_not_feel_a_dead_destination() -> None:
    [alone] = by_kind(simulate(mail(models("fast", 10), 50), days=0.1))
    both = simulate(mail(models("dead", 10) + models("fast", 10), 50), days=0.1)
    beside = next(report for report in by_kind(both) if report.kind == "fast")
    assert alone.drained is not None
    assert beside.drained is not None
    # The first tries of the dead ones end after a time-out; what is behind them goes on meanwhile.
    assert beside.drained <= alone.drained + 30.0


def test_greylisting_costs_each_message_one_more_try() -> None:
    messages = mail(models("greylisting", 5), 40)
    simulate(messages, days=1.0)
    assert {message.attempts for message in messages.values()} == {2}
    waits = [message.delivered_at for message in messages.values()]
    assert all(wait is not None and 300.0 <= wait <= 700.0 for wait in waits)


@pytest.mark.parametrize("kind", ["rate-limited", "flaky"])
def test_a_destination_that_fails_at_times_gets_all_its_mail(kind: str) -> None:
    messages = mail(models(kind, 2), 600)
    [report] = by_kind(simulate(messages))
    assert (report.delivered, report.left, report.returned) == (1200, 0, 0)


def test_destinations_of_one_kind_are_served_evenly_in_a_mixed_queue() -> None:
    kinds = ("fast", "slow", "dead", "greylisting", "rate-limited", "flaky")
    receivers = [model for kind in kinds for model in models(kind, 5)]
    simulation = simulate(mail(receivers, 60), days=2.0)
    assert unevenness(simulation) < 1.5
    for report in by_kind(simulation):
        assert report.left == (300 if report.kind == "dead" else 0), report


def test_no_more_is_active_than_the_limit_lets() -> None:
    rules = Rules(RULES.limits, RULES.lifetimes, active_limit=50)
    messages = mail(models("fast", 5) + models("dead", 5), 60)
    simulation = simulate(messages, days=1.0, rules=rules)
    assert simulation.peak_active == 50
    fast = next(report for report in by_kind(simulation) if report.kind == "fast")
    assert fast.delivered == 300
