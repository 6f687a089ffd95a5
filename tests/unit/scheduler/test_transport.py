"""Destinations of a transport take turns."""

from spoolmta.scheduler.destination import WindowLimits
from spoolmta.scheduler.transport import Transport
from spoolmta.spool.deliveries import Waiting


def transport(initial: int = 2) -> Transport:
    return Transport("smtp", WindowLimits(initial=initial, limit=20, failed_cohorts=1))


def fill(target: Transport, name: str, count: int, first: int = 0) -> None:
    for number in range(first, first + count):
        target.add(Waiting(number, number, "smtp", name))


def test_destinations_give_one_delivery_each_in_turn() -> None:
    target = transport()
    fill(target, "a", 2)
    fill(target, "b", 2, first=10)
    assert [w.delivery_id for w in target.grants()] == [0, 10, 1, 11]


def test_no_destination_gives_more_than_its_window() -> None:
    target = transport(initial=2)
    fill(target, "a", 5)
    assert len(list(target.grants())) == 2
    assert list(target.grants()) == []


def test_an_ended_delivery_makes_room_for_the_next() -> None:
    target = transport(initial=1)
    fill(target, "a", 2)
    assert [w.delivery_id for w in target.grants()] == [0]
    destination = target.destination("a")
    destination.busy -= 1
    target.look_again(destination)
    assert [w.delivery_id for w in target.grants()] == [1]


def test_a_dead_destination_gives_nothing_and_stands_in_nobodys_way() -> None:
    target = transport()
    fill(target, "a", 2)
    fill(target, "b", 1, first=10)
    target.destination("a").suspend(100.0, "4.4.1", "refused")
    assert [w.delivery_id for w in target.grants()] == [10]


def test_a_destination_with_nothing_to_do_is_forgotten() -> None:
    target = transport()
    fill(target, "a", 1)
    list(target.grants())
    destination = target.destination("a")
    destination.busy -= 1
    target.look_again(destination)
    assert target.destinations == {}
