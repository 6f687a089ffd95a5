"""How many processes a service has, and when the next is started."""

from spoolmta.master.children import Children


def test_missing_processes_are_started_up_to_what_is_wanted() -> None:
    children = Children(wanted=2, longest_pause=60)
    children.started(10, now=0)
    assert children.missing(now=0) == 1


def test_a_killed_process_is_replaced_at_once() -> None:
    children = Children(wanted=1, longest_pause=60)
    children.started(10, now=0)
    assert children.ended(10, now=100, failed=True) == 0
    assert children.missing(now=100) == 1


def test_a_service_that_fails_at_its_start_is_throttled_more_and_more() -> None:
    children = Children(wanted=1, longest_pause=60)
    pauses = []
    for pid in range(12):
        children.started(pid, now=0)
        pauses.append(children.ended(pid, now=0.1, failed=True))
    assert pauses[:4] == [0.0, 0.25, 0.5, 1.0]
    assert pauses[-1] == 60
    assert children.missing(now=1) == 0
    assert children.missing(now=61) == 1


def test_an_orderly_end_forgives_earlier_failures() -> None:
    children = Children(wanted=1, longest_pause=60)
    for pid in range(3):
        children.started(pid, now=0)
        children.ended(pid, now=0.1, failed=True)
    children.started(9, now=10)
    children.ended(9, now=20, failed=False)
    children.started(10, now=21)
    assert children.ended(10, now=21.1, failed=True) == 0


def test_retiring_processes_are_replaced_while_they_finish() -> None:
    children = Children(wanted=1, longest_pause=60)
    children.started(10, now=0)
    assert children.retire() == [10]
    assert children.missing(now=1) == 1


def test_an_exclusive_service_waits_for_the_old_process_to_end() -> None:
    children = Children(wanted=1, longest_pause=60, exclusive=True)
    children.started(10, now=0)
    children.retire()
    assert children.missing(now=1) == 0
    children.ended(10, now=2, failed=False)
    assert children.missing(now=2) == 1
