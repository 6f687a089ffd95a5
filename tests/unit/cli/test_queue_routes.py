"""Whose mail in the queue would go elsewhere: every state is looked at, nothing is changed."""

import json
from pathlib import Path

import pytest

from spoolmta.cli.checking.queue_routes import Comparison, Route
from spoolmta.cli.spoolmta import main
from spoolmta.spool.questions.inspect import QueuedRecipient
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Run

WAITING = 7


@pytest.fixture
def new(sample: SampleSpool, tmp_path: Path) -> Path:
    """Write the present configuration to another folder, to be changed there."""
    sample.close()
    folder = tmp_path / "new"
    folder.mkdir()
    for name in ("main.cf", "master.cf"):
        (folder / name).write_text((sample.configuration / name).read_text())
    return folder


def change(folder: Path, text: str) -> None:
    with (folder / "main.cf").open("a") as file:
        file.write(text + "\n")


def test_the_same_configuration_changes_no_route(sample: SampleSpool, new: Path, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "check", "--against-queue", new)
    assert (ended.status, ended.out) == (0, "")
    assert f"{WAITING} recipients looked at, 0 would go elsewhere" in ended.err


def test_changes_of_all_states_are_grouped_with_samples(
    sample: SampleSpool, new: Path, run: Run
) -> None:
    table = "inline:{ {slow.example = smtp:[192.0.2.1]} {y.example = relay:} }"
    change(new, f"transport_maps = {table}")
    ended = run(main, "-c", sample.configuration, "check", "--against-queue", new)
    assert ended.status == 1
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines[0] == "4 smtp (domain) -> relay (domain)"
    assert lines[4] == "..."
    assert lines[5] == "1 smtp (domain) -> smtp:[192.0.2.1]"
    assert lines[6] == f"{sample.ids['deferred']} bob@slow.example"
    assert {line.partition(" ")[2] for line in lines[1:4]} < {
        "f@y.example",
        "g@y.example",
        "h@y.example",
        "l@y.example",
    }


def test_programs_get_a_line_for_each_group_and_a_summary(
    sample: SampleSpool, new: Path, run: Run
) -> None:
    change(new, "relayhost = [192.0.2.25]")
    ended = run(main, "-c", sample.configuration, "check", "--against-queue", new, "--json")
    groups, summary = json.loads(ended.out.splitlines()[0]), json.loads(ended.out.splitlines()[-1])
    assert groups["old"]["transport"] == "smtp"
    assert groups["new"]["nexthop"] == "[192.0.2.25]"
    assert groups["recipients"] == WAITING
    assert summary == {
        "kind": "summary",
        "recipients": WAITING,
        "changed": WAITING,
        "unanswered": 0,
    }


def test_a_table_that_is_down_is_not_no_change(sample: SampleSpool, new: Path, run: Run) -> None:
    change(new, "transport_maps = fail:broken")
    ended = run(main, "-c", sample.configuration, "check", "--against-queue", new)
    assert ended.status == 75
    assert "no answer: " in ended.out
    assert "fail:broken" in ended.out


def test_a_new_configuration_that_is_broken_is_told_of(
    sample: SampleSpool, new: Path, run: Run
) -> None:
    change(new, "virtual_transport = :nowhere")
    ended = run(main, "-c", sample.configuration, "check", "--against-queue", new)
    assert ended.status == 78
    assert "virtual_transport" in ended.err


def test_memory_is_bounded_however_many_routes_there_are() -> None:
    found = Comparison()
    for number in range(5000):
        recipient = QueuedRecipient("1", "", f"a@{number}.example", is_clean=True)
        found.take(recipient, Route("smtp", f"old{number}"), Route("smtp", f"new{number}"))
    assert found.changed == 5000
    assert len(found.changes) <= 1001
    assert sum(change.recipients for change in found.changes.values()) == 5000
