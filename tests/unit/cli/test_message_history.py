"""spoolmta trace: the journal in plain words."""

import json

import pytest

from spoolmta.cli.questions.message_history import in_words
from spoolmta.cli.spoolmta import main
from spoolmta.spool.questions.inspect import Event
from tests.support.sample_spool import TIMED_OUT, SampleSpool
from tests.unit.cli.conftest import Ended, Run


@pytest.fixture
def trace(sample: SampleSpool, run: Run) -> Run:
    def trace(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "trace", *arguments)

    return trace


def test_the_life_of_a_message_that_is_gone(sample: SampleSpool, trace: Run) -> None:
    lines = trace(sample.ids["gone"]).out.split("\n")
    assert lines[0].startswith(f"{sample.ids['gone']}: 5 events since ")
    said = [line.split("s  ", 2)[-1] for line in lines[1:6]]
    assert said == [
        (
            "accepted from [192.0.2.1] (helo client.example): a@news.example to"
            " alice@inbox.example, 74 B, into incoming"
        ),
        "alice@inbox.example: goes by smtp to inbox.example",
        "let go to inbox.example by smtp",
        "alice@inbox.example: sent by mx[192.0.2.5]:25: 250 2.0.0 Ok: queued as 123 (2.0.0)",
        "removed: every recipient has its answer",
    ]
    assert lines[6] == "It is not in the queue any more."


def test_each_event_has_its_distance_from_the_first_and_the_last(
    sample: SampleSpool, trace: Run
) -> None:
    lines = trace(sample.ids["gone"]).out.split("\n")[1:6]
    deltas = [line.split()[2:4] for line in lines]
    assert deltas == [
        ["+0.000s", "+0.000s"],
        ["+0.250s", "+0.250s"],
        ["+0.250s", "+0.000s"],
        ["+0.750s", "+0.500s"],
        ["+0.750s", "+0.000s"],
    ]


def test_a_message_that_waits_says_when_it_is_tried(sample: SampleSpool, trace: Run) -> None:
    out = trace(sample.ids["deferred"]).out
    assert f"bob@slow.example: not yet: {TIMED_OUT} (4.4.1)\n" in out
    assert "It is deferred; the next try is at " in out


def test_a_held_message_says_why(sample: SampleSpool, trace: Run) -> None:
    assert trace(sample.ids["hold"]).out.endswith("It is hold: header X-Spam: yes.\n")


def test_an_address_finds_its_messages_the_latest_first(sample: SampleSpool, trace: Run) -> None:
    ended = trace("<Alice@Inbox.Example>")
    ids = [line.split()[2] for line in ended.out.split("\n")[::2] if line]
    assert ids == [sample.ids["deferred"], sample.ids["gone"]]
    assert ended.err == "(2 messages; spoolmta trace ID tells the whole of one)\n"


def test_an_address_with_one_message_tells_it_whole(sample: SampleSpool, trace: Run) -> None:
    assert trace("spam@bad.example").out.startswith(f"{sample.ids['hold']}: 1 event since ")


def test_events_are_told_as_json(sample: SampleSpool, trace: Run) -> None:
    lines = trace(sample.ids["gone"], "--json").out.strip().split("\n")
    assert [json.loads(line)["kind"] for line in lines] == [
        "accepted", "resolved", "granted", "sent", "removed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("000000000000001", "the journal knows nothing of it"),
        ("nobody@x.example", "no message from or for it"),
        ("hello", "neither a queue id"),
    ],
)
def test_what_is_unknown_is_said(trace: Run, what: str, said: str) -> None:
    ended = trace(what)
    assert (ended.status, ended.out) == (1, "")
    assert said in ended.err


@pytest.mark.parametrize(
    ("kind", "recipient", "detail", "words"),
    [
        ("held", "", {"reason": "spam"}, "put on hold: spam"),
        ("released", "", {}, "released from hold"),
        (
            "bounced",
            "a@b",
            {"dsn": "5.1.1", "relay": "none", "reason": "no"},
            "a@b: refused for good: no (5.1.1)",
        ),
        ("noticed", "", {"kind": "failure"}, "the sender is told: kind failure"),
        (
            "resolved",
            "",
            {"transport": "local", "nexthop": "", "recipients": 2},
            "2 recipients: goes by local to this machine",
        ),
        ("invented", "a@b", {"x": 1}, "invented a@b x=1"),
        ("held", "", {"reason": "\x1b[2J"}, "put on hold: ?[2J"),
    ],
    ids=str,
)
def test_events_in_words(kind: str, recipient: str, detail: dict[str, object], words: str) -> None:
    assert in_words(Event(1, 0.0, 1, kind, recipient, detail)) == words


def test_a_message_id_of_the_header_finds_its_message_also_when_it_is_gone(
    sample: SampleSpool, trace: Run
) -> None:
    sample.spool._connection.execute(
        "UPDATE event SET detail = json_set(detail, '$.header_id', '<4711@news.example>')"
        " WHERE kind = 'accepted' AND message_id = ?",
        (sample.number("gone"),),
    )
    for written in ("<4711@news.example>", "4711@news.example"):
        assert trace(written).out.startswith(f"{sample.ids['gone']}: 5 events since ")


def test_a_message_id_that_nobody_knows_is_said(trace: Run) -> None:
    ended = trace("<1@nowhere.example>")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("1@nowhere.example: no message from or for it, or of that Message")
