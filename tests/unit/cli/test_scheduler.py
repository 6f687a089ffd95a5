"""spoolmta scheduler explain: what goes next, and what holds the rest."""

import itertools
import json
from itertools import islice
from typing import Any

import pytest

from spoolmta.cli.spoolmta import main
from spoolmta.spool import deliveries
from spoolmta.spool.deliveries import DestinationState
from tests.support.sample_spool import TIMED_OUT, SampleSpool
from tests.unit.cli.conftest import Ended, Run

NUMBERS = itertools.count(1000)


@pytest.fixture
def explain(sample: SampleSpool, run: Run) -> Run:
    (sample.configuration / "master.cf").write_text("smtp unix - - n - 4 smtp\n")

    def explain(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "scheduler", "explain", *arguments)

    return explain


def wait_for(sample: SampleSpool, destination: str, count: int = 1) -> None:
    """Let deliveries of the active message wait for a destination."""
    with sample.spool.transaction() as tx:
        for number in islice(NUMBERS, count):
            row = (number, sample.number("active"), "smtp", destination, destination)
            tx.run("insert_delivery", (*row, tx.now, 0))


def learn(sample: SampleSpool, name: str, **state: Any) -> None:
    known = {"window": 5, "resting_until": 0.0, "dead_until": 0.0, "dsn": "", "reason": "", **state}
    fresh = dict.fromkeys(DestinationState._fields, 0.0)
    values = {**fresh, "transport": "smtp", "destination": name, **known}
    with sample.spool.transaction() as tx:
        deliveries.store_destinations(tx, [DestinationState(**values)])


def told(ended: Ended) -> dict[str, dict[str, Any]]:
    assert ended.status == 0
    rows = [json.loads(line) for line in ended.out.splitlines()]
    return {f"{row['destination']} {row['place']}": row for row in rows}


def test_what_may_go_goes_next_and_others_behind_it(sample: SampleSpool, explain: Run) -> None:
    wait_for(sample, "open.example", 2)
    found = told(explain("--json", "--places", "2"))
    assert found["open.example 1"]["hindrance"] == "none"
    assert found["open.example 2"]["explanation"] == "goes after 1 others to the same destination"
    assert found["other.example 1"]["queue_id"] == sample.ids["active"]


def test_a_dead_destination_a_rest_and_a_full_window_are_told(
    sample: SampleSpool, explain: Run
) -> None:
    for name in ("dead.example", "rests.example", "big.example"):
        wait_for(sample, name)
    until = sample.start + 7200
    learn(sample, "dead.example", dead_until=until, reason=TIMED_OUT)
    learn(sample, "rests.example", resting_until=until)
    learn(sample, "big.example", window=1)
    found = told(explain("--json"))
    assert found["dead.example 1"]["hindrance"] == "dead"
    assert found["dead.example 1"]["until_at"] == until
    assert found["dead.example 1"]["explanation"].endswith(f" UTC: {TIMED_OUT}")
    assert found["rests.example 1"]["hindrance"] == "rests"
    assert found["big.example 1"]["explanation"] == "the window is full: 1 of 1 under way"
    out = explain().out
    assert out.startswith("smtp: 1 of 5 under way; 4 deliveries wait for 4 destinations\n")
    assert f": {TIMED_OUT}\n" in out


def test_the_first_window_of_a_destination_counts(sample: SampleSpool, explain: Run) -> None:
    wait_for(sample, "big.example")
    with (sample.configuration / "main.cf").open("a") as file:
        file.write("initial_destination_concurrency = 1\n")
    row = told(explain("--json"))["big.example 1"]
    assert row["explanation"] == "the window is full: 1 of 1 under way (its first window)"


def test_a_transport_without_a_free_place_is_told(sample: SampleSpool, explain: Run) -> None:
    (sample.configuration / "master.cf").write_text("smtp unix - - n - 1 smtp\n")
    wait_for(sample, "more.example")
    sample.attempt("other.example")
    assert told(explain("--json"))["more.example 1"]["hindrance"] == "transport"


def test_one_transport_can_be_asked_for(explain: Run) -> None:
    assert explain("smtp").out.startswith("smtp: ")
    ended = explain("pigeon")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == "pigeon: master.cf has no such transport\n"
