"""spoolmta queue: list, show, hold, release, requeue, delete, flush."""

import io
import json
import sys

import pytest

from spoolmta.cli.spoolmta import main
from spoolmta.spool.questions import inspect
from tests.support.sample_spool import TIMED_OUT, SampleSpool
from tests.unit.cli.conftest import Ended, Run

NAMES = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")


@pytest.fixture
def queue(sample: SampleSpool, run: Run) -> Run:
    def queue(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "queue", *arguments)

    return queue


def state_of(sample: SampleSpool, name: str) -> str | None:
    entry = inspect.find(sample.spool, sample.ids[name])
    return entry.state if entry else None


def test_the_list_shows_every_message_on_a_line(sample: SampleSpool, queue: Run) -> None:
    lines = queue("list").out.split("\n")
    assert lines[0].split()[:4] == ["ID", "STATE", "AGE", "SIZE"]
    assert [line.split()[1] for line in lines[1:-1]] == list(NAMES)
    assert "bob@slow.example (+1)" in lines[4]
    assert lines[4].endswith(TIMED_OUT)


def test_the_columns_of_all_states_are_aligned(queue: Run) -> None:
    lines = queue("list").out.split("\n")[:-1]
    column = lines[0].index("STATE")
    assert all(line[column - 1] == " " and line[column] != " " for line in lines)


def test_filters_choose_lines(sample: SampleSpool, queue: Run) -> None:
    out = queue("list", "--state", "deferred,hold", "--sender", "*@NEWS.example", "--json").out
    (line,) = out.strip().split("\n")
    assert json.loads(line)["queue_id"] == sample.ids["deferred"]


def test_an_age_chooses_what_is_older(sample: SampleSpool, queue: Run) -> None:
    sample_minute = f"{3600 - 90}s"
    assert queue("list", "--older-than", sample_minute, "--json").out.count("\n") == 1


def test_a_limit_is_said(queue: Run) -> None:
    ended = queue("list", "--limit", 2)
    assert ended.out.count("\n") == 3
    assert "--limit 0" in ended.err


def test_nothing_that_fits_is_said(queue: Run) -> None:
    ended = queue("list", "--sender", "nobody@x.example")
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == "No message in the queue fits.\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--state", "lost"), "there is no such state"),
        (("--older-than", "long"), "an age is a number"),
    ],
    ids=["state", "age"],
)
def test_an_option_that_makes_no_sense_is_named(
    queue: Run, arguments: tuple[str, ...], said: str
) -> None:
    ended = queue("list", *arguments)
    assert ended.status == 2
    assert said in ended.err


def test_a_message_is_shown_with_its_answers(sample: SampleSpool, queue: Run) -> None:
    out = queue("show", sample.ids["deferred"]).out
    assert f"state      deferred: {TIMED_OUT}\n" in out
    assert "client     client.example[192.0.2.1]:4711, ESMTP, helo client.example\n" in out
    assert "options    ENVID=QQ314 RET=HDRS\n" in out
    assert "  bob@slow.example (for robert@slow.example) NOTIFY=DELAY\n" in out
    assert "mx[192.0.2.5]:25: 250 2.0.0 Ok: queued as 123\n" in out


def test_an_active_message_shows_where_it_goes(sample: SampleSpool, queue: Run) -> None:
    out = queue("show", sample.ids["active"]).out
    assert "delivery   smtp:big.example, 1 recipient: under way" in out
    assert "delivery   smtp:other.example, 1 recipient: waiting" in out


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (("--headers",), "\n\nFrom: a@news.example\nSubject: hello\n\tthere\n"),
        (("--body",), "\n\n\nfirst line\n.\nlast line\n"),
        (("--headers", "--body"), "\tthere\n\nfirst line\n.\nlast line\n"),
    ],
    ids=["headers", "body", "both"],
)
def test_content_comes_on_demand(
    sample: SampleSpool, queue: Run, options: tuple[str, ...], shown: str
) -> None:
    assert queue("show", sample.ids["hold"], *options).out.endswith(shown)


def test_a_message_is_shown_as_json(sample: SampleSpool, queue: Run) -> None:
    shown = json.loads(queue("show", sample.ids["deferred"], "--json", "--headers").out)
    assert shown["entry"]["state"] == "deferred"
    assert shown["envelope"]["client"]["address"] == "192.0.2.1"
    assert [a["answer"] for a in shown["answers"]] == ["deferred", "sent"]
    assert shown["content"].startswith("From: a@news.example")


@pytest.mark.parametrize("what", ["gone", "NOSUCH"])
def test_a_message_that_is_not_there_is_said(sample: SampleSpool, queue: Run, what: str) -> None:
    ended = queue("show", sample.ids.get(what, what))
    assert ended.status == 1
    assert "not in the queue" in ended.err


@pytest.mark.parametrize(
    ("verb", "name", "state"),
    [
        ("hold", "deferred", "hold"),
        ("release", "hold", "deferred"),
        ("requeue", "corrupt", "maildrop"),
        ("delete", "maildrop", None),
        ("flush", "deferred", "deferred"),
    ],
)
def test_a_verb_is_done_to_a_message_that_is_named(
    sample: SampleSpool, queue: Run, verb: str, name: str, state: str | None
) -> None:
    ended = queue(verb, sample.ids[name])
    assert ended.status == 0
    assert ended.out.startswith("1 message ")
    assert state_of(sample, name) == state


def test_a_bulk_deed_is_not_done_unconfirmed(sample: SampleSpool, queue: Run) -> None:
    ended = queue("delete", "--state", "hold,deferred")
    assert ended.status == 2
    assert "delete: 2 messages\n" in ended.err
    assert sample.ids["hold"] in ended.err
    assert "mostly for " in ended.err
    assert "add --yes" in ended.err
    assert state_of(sample, "hold") == "hold"


def test_a_bulk_deed_is_done_when_confirmed(sample: SampleSpool, queue: Run) -> None:
    ended = queue("delete", "--domain", "y.example", "--yes")
    assert ended.out == "4 messages deleted (spoolmta undo 1 takes it back)\n"
    assert [state_of(sample, name) for name in NAMES[:4]] == [None, None, "active", "deferred"]


class Terminal(io.StringIO):
    """Standard input that is a person."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "left"), [("y\n", None), ("n\n", "hold"), ("", "hold")])
def test_a_person_is_asked(
    sample: SampleSpool,
    queue: Run,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    left: str | None,
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    ended = queue("delete", "--state", "hold")
    assert "delete them? [y/N] " in ended.err
    assert state_of(sample, "hold") == left
    assert ended.status == (0 if left is None else 1)


def test_all_is_all_that_the_verb_is_for(sample: SampleSpool, queue: Run) -> None:
    assert queue("hold", "ALL", "--yes").out.startswith("3 messages put on hold (")
    assert [state_of(sample, name) for name in NAMES] == [
        "maildrop", "hold", "hold", "hold", "hold", "corrupt",
    ]  # fmt: skip


def test_unknown_and_unfit_ids_are_named_and_the_rest_is_done(
    sample: SampleSpool, queue: Run
) -> None:
    ended = queue("release", "NOSUCH", sample.ids["hold"], sample.ids["deferred"])
    assert ended.status == 1
    assert ended.out.startswith("1 message released (")
    assert "NOSUCH: not in the queue" in ended.err
    assert f"{sample.ids['deferred']}: is deferred; release is for hold" in ended.err


def test_what_an_agent_has_in_hand_is_named(sample: SampleSpool, queue: Run) -> None:
    ended = queue("requeue", sample.ids["active"])
    assert (ended.status, ended.out) == (1, "0 messages requeued\n")
    assert "being delivered at this moment" in ended.err


def test_a_deed_is_told_as_json(sample: SampleSpool, queue: Run) -> None:
    told = json.loads(queue("requeue", sample.ids["active"], "NOSUCH", "--json").out)
    assert told == {
        "verb": "requeue",
        "done": 0,
        "operation": None,
        "busy": [sample.ids["active"]],
        "unknown": ["NOSUCH"],
        "elsewhere": {},
        "unfit": {},
    }


@pytest.mark.parametrize("verb", ["hold", "release", "requeue", "delete"])
def test_something_must_be_named(queue: Run, verb: str) -> None:
    ended = queue(verb)
    assert ended.status == 2
    assert "which messages?" in ended.err


def test_ids_and_filters_do_not_go_together(sample: SampleSpool, queue: Run) -> None:
    assert queue("delete", sample.ids["hold"], "--all").status == 2


def test_ids_are_read_from_standard_input(
    sample: SampleSpool, queue: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = f"{sample.ids['deferred']}*  1234 Mon\n\n{sample.ids['incoming']}\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(listed))
    assert queue("hold", "-", "--yes").out.startswith("2 messages put on hold (")


def test_a_dry_run_shows_and_changes_nothing(sample: SampleSpool, queue: Run) -> None:
    ended = queue("delete", "--domain", "y.example", "--dry-run", "--json")
    shown = json.loads(ended.out)
    assert (ended.status, shown["messages"], len(shown["samples"])) == (0, 4, 4)
    assert shown["domains"] == [{"name": "y.example", "messages": 4}]
    assert state_of(sample, "hold") == "hold"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--where", "DELETE FROM message"), "--where: "),
        (("--where", "nonsense > 1"), "no such column: nonsense"),
        (("--sender", ""), "the null sender is <>"),
        (("ALL", "--sender", "a*"), "not two of these"),
    ],
)
def test_a_selector_that_makes_no_sense_changes_nothing(
    sample: SampleSpool, queue: Run, arguments: tuple[str, ...], said: str
) -> None:
    ended = queue("delete", *arguments, "--yes")
    assert ended.status == 2
    assert said in ended.err
    assert [state_of(sample, name) for name in NAMES] == list(NAMES)


def test_messages_are_counted_by_state(queue: Run) -> None:
    counts = json.loads(queue("count", "--domain", "y.example", "--json").out)
    assert (counts["maildrop"], counts["active"], counts["all"]) == (1, 0, 4)


@pytest.mark.parametrize(
    ("arguments", "name", "state", "said"),
    [
        (("bounce", "--text", "no such project"), "deferred", "active", "returned to their"),
        (("expire",), "hold", "active", "expired"),
        (("reroute", "--to", "smtp:[relay.example]"), "deferred", "deferred", "rerouted to smtp:["),
        (("prioritise",), "incoming", "deferred", "put first"),
        (("sender", "--to", "<>"), "hold", "hold", "now from <>"),
        (("recipient", "add", "--address", "x@y.example"), "hold", "hold", "x@y.example, too"),
        (
            ("recipient", "replace", "--address", "bob@*", "--to", "x@y.example"),
            "deferred",
            "deferred",
            "now for x@y.example instead of bob@*",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_a_verb_is_done_and_undone(
    sample: SampleSpool,
    queue: Run,
    run: Run,
    arguments: tuple[str, ...],
    name: str,
    state: str,
    said: str,
) -> None:
    with (sample.configuration / "master.cf").open("a") as master:
        master.write("smtp unix - - n - - smtp\n")
    ended = queue(*arguments, sample.ids[name], "--because", "ticket 17")
    assert (ended.status, state_of(sample, name)) == (0, state), ended.err
    assert said in ended.out
    listed = run(main, "-c", sample.configuration, "undo", "list").out
    assert "ticket 17" in listed
    undone = run(main, "-c", sample.configuration, "undo", "1")
    assert (undone.status, state_of(sample, name)) == (0, name), undone.err


def test_the_last_recipient_is_not_dropped(sample: SampleSpool, queue: Run) -> None:
    ended = queue("recipient", "drop", "--address", "*", sample.ids["deferred"])
    assert (ended.status, ended.out) == (1, "0 messages not for * any more\n")
    assert "would be left without a recipient" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("reroute", "--to", "nowhere:x"), "say transport:nexthop"),
        (("recipient", "add", "--address", "nobody"), "an address is needed"),
    ],
)
def test_what_a_verb_cannot_work_with_is_refused(
    sample: SampleSpool, queue: Run, arguments: tuple[str, ...], said: str
) -> None:
    ended = queue(*arguments, sample.ids["hold"])
    assert ended.status == 2
    assert said in ended.err


@pytest.mark.parametrize("number", ["99", "x", "-1"])
def test_an_operation_that_is_none_is_not_undone(
    sample: SampleSpool, run: Run, number: str
) -> None:
    assert run(main, "-c", sample.configuration, "undo", number).status == 2


def test_an_operation_is_undone_once(sample: SampleSpool, queue: Run, run: Run) -> None:
    queue("hold", sample.ids["deferred"])
    assert run(main, "-c", sample.configuration, "undo", "1").status == 0
    again = run(main, "-c", sample.configuration, "undo", "1")
    assert again.status == 2
    assert "has been undone already" in again.err


def test_flush_makes_all_deferred_mail_due(sample: SampleSpool, queue: Run) -> None:
    assert queue("flush").out == "1 message made due\n"
    entry = inspect.find(sample.spool, sample.ids["deferred"])
    assert entry is not None
    assert entry.next_try_at is not None
    assert entry.next_try_at < sample.start + 7200
