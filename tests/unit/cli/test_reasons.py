"""spoolmta reasons: replies with one cause are one line, and what is new is told."""

import json
from typing import Any

import pytest

from spoolmta.cli.questions import reason_clusters
from spoolmta.cli.spoolmta import main
from spoolmta.cli.units import format_time
from spoolmta.spool import events
from tests.support.sample_spool import TIMED_OUT, SampleSpool
from tests.unit.cli.conftest import Ended, Run

BUSY = "host mx{0}.big.example[192.0.2.{0}] said: 450 4.2.1 mailbox {0} is busy"


@pytest.fixture
def reasons(sample: SampleSpool, run: Run) -> Run:
    def reasons(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "reasons", *arguments)

    return reasons


def told(ended: Ended) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ended.out.splitlines()]


def put_off(sample: SampleSpool, count: int) -> None:
    """Let recipients of the active message be put off, each with a reply of its own."""
    with sample.spool.transaction() as tx:
        for number in range(count):
            row = (sample.number("active"), 10 + number, "x@Big.example", "", "", 0)
            tx.run("insert_recipient", row)
            answer = ("deferred", "4.2.1", BUSY.format(number), "none", "", "", "", "", tx.now)
            tx.run("put_outcome", (sample.number("active"), 10 + number, 0, *answer))


def test_replies_that_differ_in_numbers_and_hosts_are_one_reason(
    sample: SampleSpool, reasons: Run
) -> None:
    put_off(sample, 3)
    busy, timed_out = told(reasons("--json"))
    assert busy["fingerprint"] == "host <host> said: 450 4.2.1 mailbox <n> is busy"
    assert (busy["recipients"], busy["top_domains"]) == (3, {"big.example": 3})
    assert busy["example"] == BUSY.format(0)
    assert busy["example_queue_id"] == sample.ids["active"]
    assert (timed_out["recipients"], timed_out["example"]) == (1, TIMED_OUT)


def test_a_queue_too_deep_to_be_looked_through_at_once_is_estimated_unless_all_is_asked_for(
    sample: SampleSpool, reasons: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reason_clusters, "_LOOK_SECONDS", 0.0)
    put_off(sample, 3)
    estimated = reasons()
    assert "% of the queue, numbers are estimates; --all counts all" in estimated.err
    assert [one["recipients"] for one in told(reasons("--all", "--json"))] == [3, 1]


def test_people_read_the_number_the_domains_and_an_example(
    sample: SampleSpool, reasons: Run
) -> None:
    lines = reasons().out.splitlines()
    assert lines[0] == "1 recipient  4.4.1  connect to <host>: Connection timed out"
    assert lines[1] == "    for slow.example 1"
    assert lines[3] == f"    {sample.ids['deferred']}: {TIMED_OUT}"


def test_what_is_new_since_a_time_is_told_and_what_was_known_is_not(
    sample: SampleSpool, reasons: Run
) -> None:
    sample.clock.jump(600)
    with sample.spool.transaction() as tx:
        for reason in (BUSY.format(1), BUSY.format(2), TIMED_OUT.replace("192.0.2.9", "192.0.2.8")):
            events.record(
                tx, 77, "deferred", "y@big.example", dsn="4.2.1" if "busy" in reason else "4.4.1",
                reason=reason,
            )  # fmt: skip
    since = format_time(sample.start + 300)
    (busy,) = told(reasons("--since", since, "--json"))
    assert (busy["recipients"], busy["dsn"]) == (2, "4.2.1")
    assert busy["oldest_at"] == sample.clock.now()


def test_nothing_new_is_said(reasons: Run) -> None:
    ended = reasons("--since", "1s")
    assert (ended.status, ended.out, ended.err) == (0, "", "No reason is new.\n")


def test_a_time_that_is_none_is_refused(reasons: Run) -> None:
    ended = reasons("--since", "yesterday")
    assert ended.status == 2
    assert "yesterday: a time is written as" in ended.err


def test_the_limit_says_how_many_more_there_are(sample: SampleSpool, reasons: Run) -> None:
    put_off(sample, 1)
    assert reasons("--limit", "1").err == "(1 more; --limit 0 shows all)\n"
