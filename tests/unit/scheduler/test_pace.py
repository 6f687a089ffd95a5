"""How slowly a destination is served that asked for less."""

from spoolmta.scheduler.pace import FULL_SPEED, Pace


def test_the_first_request_makes_a_pause_of_a_second() -> None:
    assert FULL_SPEED.slower(100.0, 60.0) == Pace(1.0, 100.0)


def test_each_further_request_doubles_the_pause_up_to_the_limit() -> None:
    pace, pauses = FULL_SPEED, []
    for number in range(8):
        pace = pace.slower(100.0 * number, 60.0)
        pauses.append(round(pace.seconds))
    assert pauses == [1, 2, 3, 6, 10, 18, 32, 57]  # a little less: it halves meanwhile
    assert pace.slower(1000.0, 60.0).seconds == 60.0


def test_what_was_under_way_when_it_asked_counts_once() -> None:
    pace = FULL_SPEED.slower(100.0, 60.0)
    assert pace.slower(100.5, 60.0) is pace


def test_the_pause_halves_in_ten_minutes_and_comes_to_an_end() -> None:
    pace = Pace(8.0, 0.0)
    assert pace.at(600.0) == 4.0
    assert pace.at(1200.0) == 2.0
    assert pace.at(5000.0) == 0.0


def test_a_clock_that_was_set_back_does_not_lengthen_the_pause() -> None:
    assert Pace(8.0, 1000.0).at(0.0) == 8.0


def test_the_first_pause_is_not_above_the_limit() -> None:
    assert FULL_SPEED.slower(0.0, 0.5).seconds == 0.5
