"""The queue as it was: told from the journal, compared with what the tables said then."""

import json
from typing import Any

import pytest

from spoolmta.cli.spoolmta import main
from spoolmta.cli.units import format_time
from spoolmta.spool.questions import as_of, inspect
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin
from tests.support.sample_spool import TIMED_OUT, SampleSpool
from tests.unit.cli.conftest import Ended, Run


@pytest.fixture
def queue(sample: SampleSpool, run: Run) -> Run:
    def queue(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "queue", *arguments)

    return queue


def past(sample: SampleSpool, at: float) -> dict[str, as_of.Past]:
    found = (one for _, page in as_of.queue(sample.spool, at) for one in page)
    return {one.queue_id: one for one in found}


def test_the_present_told_from_the_journal_is_what_the_tables_say(sample: SampleSpool) -> None:
    ids = [number for page in inspect.pages(sample.spool, tuple(State)) for number in page]
    present = {entry.queue_id: entry for entry in inspect.entries(sample.spool, ids)}
    told = past(sample, sample.clock.now())
    assert told.keys() == present.keys()
    for queue_id, entry in present.items():
        one = told[queue_id]
        assert (one.state, one.sender, one.size) == (entry.state, entry.sender, entry.size)
        assert (one.arrived_at, one.next_try_at) == (entry.arrived_at, entry.next_try_at)
        assert (len(one.recipients), len(one.waiting)) == (entry.recipients, entry.waiting)
        assert one.reason == entry.reason


def test_what_is_gone_now_was_there_then(sample: SampleSpool) -> None:
    before = past(sample, sample.start + 0.3)
    assert {i: one.state for i, one in before.items()} == {sample.ids["gone"]: "active"}
    assert past(sample, sample.start - 1) == {}


def test_what_an_operator_did_later_does_not_count(sample: SampleSpool) -> None:
    now = sample.clock.now()
    sample.clock.jump(60)
    with sample.spool.transaction() as tx:
        admin.hold(tx, [sample.number("deferred")], "later")
        admin.delete(tx, [sample.number("incoming")])
    then = past(sample, now)
    assert then[sample.ids["deferred"]].state == "deferred"
    assert then[sample.ids["incoming"]].state == "incoming"
    later = past(sample, sample.clock.now())
    assert later[sample.ids["deferred"]].state == "hold"
    assert sample.ids["incoming"] not in later


def test_a_listing_of_the_past_takes_filters(sample: SampleSpool, queue: Run) -> None:
    at = format_time(sample.clock.now() + 1)
    ended = queue("list", "--as-of", at, "--domain", "slow.example", "--json")
    (line,) = ended.out.splitlines()
    told: dict[str, Any] = json.loads(line)
    assert (told["queue_id"], told["state"]) == (sample.ids["deferred"], "deferred")
    assert (told["waiting"], told["reason"]) == (["bob@slow.example"], TIMED_OUT)
    shown = queue("list", "--as-of", at, "--sender", "<>").out
    assert sample.ids["incoming"] in shown
    assert len(shown.splitlines()) == 2


def test_the_shape_of_the_past_is_a_table_by_age(sample: SampleSpool, queue: Run) -> None:
    at = format_time(sample.clock.now() + 1)
    rows = [json.loads(line) for line in queue("shape", "--as-of", at, "--json").out.splitlines()]
    assert {row["domain"]: row["total"] for row in rows} == {
        "y.example": 4, "slow.example": 1, "big.example": 1, "other.example": 1,
    }  # fmt: skip
    now = [json.loads(line) for line in queue("shape", "--json").out.splitlines()]
    assert {row["domain"]: row["total"] for row in now} == {
        row["domain"]: row["total"] for row in rows
    }
    assert queue("shape").out.splitlines()[1].split()[:2] == ["y.example", "4"]


@pytest.mark.parametrize("time", ["tomorrow", "2999-01-01"])
def test_a_time_that_is_none_or_to_come_is_refused(queue: Run, time: str) -> None:
    ended = queue("list", "--as-of", time)
    assert (ended.status, ended.out) == (2, "")
    assert f"{time}: " in ended.err
