"""spoolmta events: JSON lines with a cursor; it follows, and it ends in order."""

import json
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from spoolmta.cli.spoolmta import main
from spoolmta.spool.history import History
from spoolmta.spool.surgery import admin
from tests.support.forked import BIN
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Ended, Run


@pytest.fixture
def events(sample: SampleSpool, run: Run) -> Run:
    def events(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "events", *arguments)

    return events


def lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_each_event_is_a_json_line_with_a_cursor(sample: SampleSpool, events: Run) -> None:
    told = lines(events().out)
    assert told[0]["kind"] == "accepted"
    assert told[0]["queue_id"] == sample.ids["gone"]
    assert told[0]["detail"]["sender"] == "a@news.example"
    cursors = [event["cursor"] for event in told]
    assert cursors == sorted(set(cursors))


def test_what_came_after_a_cursor_is_the_rest(sample: SampleSpool, events: Run) -> None:
    told = lines(events().out)
    History(sample.spool).move()
    assert lines(events("--after", told[6]["cursor"]).out) == told[7:]
    assert events("--after", told[-1]["cursor"]).out == ""


def test_a_time_is_an_age_or_a_date(sample: SampleSpool, events: Run) -> None:
    told = lines(events().out)
    late = [event for event in told if event["at"] >= sample.start + 61]
    assert 0 < len(late) < len(told)
    assert lines(events("--since", sample.clock_text(61)).out) == late
    assert lines(events("--since", "1w").out) == told
    assert events("--since", "tomorrow").status == 2


def test_a_cursor_that_is_older_than_the_journal_is_said(sample: SampleSpool, events: Run) -> None:
    first = lines(events().out)[0]["cursor"]
    assert events("--after", first).err == ""
    History(sample.spool).move()
    for path in (sample.queue / "history").iterdir():
        path.unlink()
    assert "is forgotten" in events("--after", first).err


@pytest.fixture
def follower(sample: SampleSpool) -> Iterator[subprocess.Popen[str]]:
    command = [BIN / "spoolmta", "-c", sample.configuration, "events", "--follow", "--after", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        yield process
        process.kill()


def hold(sample: SampleSpool) -> None:
    with sample.spool.transaction() as tx:
        admin.hold(tx, [sample.number("incoming")], "said so")


def read_until(process: subprocess.Popen[str], kind: str) -> list[dict[str, Any]]:
    assert process.stdout is not None
    told = []
    for line in process.stdout:
        told.append(json.loads(line))
        if told[-1]["kind"] == kind:
            return told
    raise AssertionError(f"it ended with {told[-1:]}")


def test_it_follows_and_ends_when_it_is_told_to(
    sample: SampleSpool, follower: subprocess.Popen[str]
) -> None:
    before = read_until(follower, "corrupted")
    History(sample.spool).move()
    hold(sample)
    later = read_until(follower, "held")
    assert [event["kind"] for event in later] == ["held"]
    assert later[0]["cursor"] == before[-1]["cursor"] + 1
    follower.send_signal(signal.SIGTERM)
    assert follower.wait(10) == 0


def test_it_goes_on_with_a_spool_that_was_put_in_place(
    sample: SampleSpool, follower: subprocess.Popen[str]
) -> None:
    before = read_until(follower, "corrupted")
    copy = sample.queue / "copy.db"
    sample.spool._connection.execute("VACUUM INTO ?", (str(copy),))
    sample.close()
    for suffix in ("-wal", "-shm"):
        (sample.queue / f"spool.db{suffix}").unlink(missing_ok=True)
    copy.replace(sample.path)
    sample.reopen()
    hold(sample)
    assert read_until(follower, "held")[0]["cursor"] > before[-1]["cursor"]


def test_it_ends_in_order_when_nobody_reads_on(
    sample: SampleSpool, follower: subprocess.Popen[str]
) -> None:
    read_until(follower, "corrupted")
    assert follower.stdout is not None
    follower.stdout.close()
    hold(sample)
    assert follower.wait(10) == 0
