"""spoolmta incident: what waits is held, what has left is told."""

import json
from typing import Any

import pytest

from spoolmta.cli.spoolmta import main
from spoolmta.spool.connection import seconds
from spoolmta.spool.questions.incident import Culprit, traces
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Ended, Run


@pytest.fixture
def incident(sample: SampleSpool, run: Run) -> Run:
    def incident(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "incident", *arguments)

    return incident


def told(ended: Ended) -> dict[str, Any]:
    assert ended.status == 0
    answer: dict[str, Any] = json.loads(ended.out)
    return answer


def states(sample: SampleSpool) -> dict[str, int]:
    rows = sample.spool._connection.execute("SELECT state, messages FROM v1_states")
    return {state: count for state, count in rows if count}


def test_queued_mail_of_a_sender_is_held_and_what_left_is_listed(
    sample: SampleSpool, incident: Run
) -> None:
    report = told(incident("--sender", "a@News.example", "--json"))
    assert (report["messages"], report["queued"], report["held"]) == (2, {"deferred": 1}, 1)
    assert [(s["recipient"], s["queue_id"], s["relay"]) for s in report["sent"]] == [
        ("alice@inbox.example", sample.ids["gone"], "mx[192.0.2.5]:25"),
        ("alice@inbox.example", sample.ids["deferred"], "mx[192.0.2.5]:25"),
    ]
    assert report["clients"] == {"192.0.2.1": 2}
    assert report["waiting_recipients"] == 1
    assert report["first_at"] < report["last_at"]
    assert states(sample)["hold"] == 2
    assert "deferred" not in states(sample)


def test_the_hold_of_an_incident_is_taken_back_by_undo(
    sample: SampleSpool, incident: Run, run: Run
) -> None:
    before = states(sample)
    assert told(incident("--sender", "a@News.example", "--json"))["operation"] == 1
    undone = run(main, "-c", sample.configuration, "undo", "1")
    assert (undone.status, undone.out) == (0, "hold of 1 message undone\n")
    assert states(sample) == before
    assert told(incident("--sender", "spam@*", "--json"))["operation"] is None


def test_a_dry_run_holds_nothing(sample: SampleSpool, incident: Run) -> None:
    before = states(sample)
    report = told(incident("--client", "192.0.2.*", "--dry-run", "--json"))
    assert (report["held"], report["dry_run"]) == (0, True)
    assert report["messages"] > 3
    assert states(sample) == before


def test_a_login_is_known_in_the_queue_and_in_the_journal(
    sample: SampleSpool, incident: Run
) -> None:
    execute = sample.spool._connection.execute
    execute(
        "UPDATE message SET sasl_username = 'bob' WHERE message_id = ?", [sample.number("incoming")]
    )
    execute(
        "UPDATE event SET detail = json_set(detail, '$.sasl_username', 'bob')"
        " WHERE kind = 'accepted' AND message_id = ?",
        [sample.number("gone")],
    )
    report = told(incident("--sasl-user", "Bob", "--json"))
    assert (report["messages"], report["held"]) == (2, 1)
    assert report["senders"] == {"": 1, "a@news.example": 1}
    assert [s["recipient"] for s in report["sent"]] == ["alice@inbox.example"]


def test_people_read_one_report(sample: SampleSpool, incident: Run) -> None:
    ended = incident("--sender", "a@news.example")
    lines = ended.out.splitlines()
    assert lines[0] == "incident: sender a@news.example"
    assert lines[1].startswith("came in: 2 messages, ")
    assert lines[2] == "queued: 1 deferred; 1 recipient wait; 1 put on hold now"
    assert "left already: 2 recipients" in lines
    assert "alice@inbox.example  mx[192.0.2.5]:25" in lines[-1]
    assert "spoolmta undo 1 lets held mail go on" in ended.err


def test_what_came_before_a_time_is_not_reported(sample: SampleSpool, incident: Run) -> None:
    report = told(incident("--sender", "a@news.example", "--since", "1s", "--json"))
    assert (report["messages"], report["sent"]) == (1, [])


def test_the_null_sender_can_be_meant(sample: SampleSpool, incident: Run) -> None:
    assert told(incident("--sender", "<>", "--dry-run", "--json"))["queued"] == {"incoming": 1}


def test_nobody_known_fails(incident: Run) -> None:
    ended = incident("--sasl-user", "nobody")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == "sasl-user nobody: no mail of it in the queue or in the journal\n"


def test_nobody_named_is_refused(incident: Run) -> None:
    ended = incident()
    assert ended.status == 2
    assert "Give --sasl-user, --client or --sender" in ended.err


def test_what_came_in_before_the_time_that_is_asked_for_is_left_out_with_what_left_of_it_since(
    sample: SampleSpool,
) -> None:
    execute = sample.spool._connection.execute
    gone = sample.number("gone")
    ((arrived,),) = execute("SELECT max(at) FROM event").fetchall()
    execute("UPDATE event SET at = ? WHERE message_id = ? AND kind = 'sent'", (arrived + 9, gone))
    culprit = Culprit(sender="a@news.example")

    def sent(since: int) -> set[int]:
        found = traces(sample.spool, culprit, since=seconds(since))
        return {departure.message_id for one in found for departure in one.sent}

    assert gone in sent(0)
    assert gone not in sent(arrived + 1)
