"""spoolmta why, over a spool with a message in every state: the sentence and the command."""

import json
from typing import Any

import pytest

from spoolmta.cli.spoolmta import main
from spoolmta.spool import deliveries, slices
from spoolmta.spool.deliveries import DestinationState
from tests.support.sample_spool import TIMED_OUT, SampleSpool
from tests.unit.cli.conftest import Ended, Run


@pytest.fixture
def why(sample: SampleSpool, run: Run) -> Run:
    def why(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "why", *arguments)

    return why


def told(why: Run, sample: SampleSpool, name: str) -> dict[str, Any]:
    ended = why(sample.ids[name], "--json")
    assert ended.status == 0
    answer: dict[str, Any] = json.loads(ended.out)
    return answer


def kinds(answer: dict[str, Any]) -> list[str]:
    return [hindrance["kind"] for hindrance in answer["hindrances"]]


def test_a_dead_destination_is_named_with_its_end_and_its_cause(
    sample: SampleSpool, why: Run
) -> None:
    answer = told(why, sample, "deferred")
    assert kinds(answer) == ["not running", "not due", "dead destination"]
    dead = answer["hindrances"][2]
    assert dead["until"] == sample.start + 7200
    assert dead["text"].startswith("smtp:slow.example is not tried before ")
    assert dead["text"].endswith(TIMED_OUT)
    assert dead["do"] == [f"spoolmta queue flush {sample.ids['deferred']}"]


def test_the_last_answers_are_shown_the_latest_first(sample: SampleSpool, why: Run) -> None:
    replies = told(why, sample, "deferred")["replies"]
    assert [(r["recipient"], r["answer"]) for r in replies] == [
        ("bob@slow.example", "deferred"),
        ("alice@inbox.example", "sent"),
    ]


def test_a_held_message_tells_its_reason_and_how_to_release_it(
    sample: SampleSpool, why: Run
) -> None:
    out = why(sample.ids["hold"]).out
    assert ": header X-Spam: yes; it neither moves nor expires\n" in out
    assert out.endswith(f"\n  spoolmta queue release {sample.ids['hold']}\n")
    assert "lifetime" not in out


def test_a_corrupt_message_tells_its_reason_and_how_to_try_again(
    sample: SampleSpool, why: Run
) -> None:
    answer = told(why, sample, "corrupt")
    assert kinds(answer) == ["corrupt"]
    assert answer["hindrances"][0]["do"][-1] == f"spoolmta queue requeue {sample.ids['corrupt']}"
    assert answer["expires_at"] is None


def test_each_way_of_an_active_message_is_told(sample: SampleSpool, why: Run) -> None:
    answer = told(why, sample, "active")
    assert kinds(answer) == ["not running", "under way", "turn"]
    assert "smtp, process " in answer["hindrances"][1]["text"]
    assert "smtp:other.example" in answer["hindrances"][2]["text"]


def test_a_full_window_is_told_with_its_figures(sample: SampleSpool, why: Run) -> None:
    learn(sample, "other.example", window=1)
    with sample.spool.transaction() as tx:
        tx.run("insert_delivery", (999, 1, "smtp", "other.example", "other.example", 1, 0))
        tx.run("insert_attempt", (999, sample.process_id, 1, 1))
    hindrance = told(why, sample, "active")["hindrances"][2]
    assert hindrance["kind"] == "window"
    assert "smtp:other.example is full: 1 of 1 under way" in hindrance["text"]
    assert "postconf smtp_destination_concurrency_limit" in hindrance["do"]


def test_a_rest_between_deliveries_is_told_until_its_end(sample: SampleSpool, why: Run) -> None:
    until = sample.start + 7200
    learn(sample, "other.example", resting_until=until)
    hindrance = told(why, sample, "active")["hindrances"][2]
    assert (hindrance["kind"], hindrance["until"]) == ("rate delay", until)
    # Nobody told it to: its replies have asked for less.
    assert hindrance["do"] == ["postconf smtp_destination_slowdown_limit"]


def test_mail_that_waits_for_a_stage_says_for_which(sample: SampleSpool, why: Run) -> None:
    assert kinds(told(why, sample, "maildrop")) == ["not running", "no service", "turn"]
    out = why(sample.ids["incoming"]).out
    assert "master.cf has no service that runs trivial-rewrite" in out
    assert "\n  lifetime     dropped in 4d " in out


def test_a_claim_of_a_dead_process_is_told(sample: SampleSpool, why: Run) -> None:
    with sample.spool.transaction() as tx:
        sql = "INSERT INTO claim VALUES (?, 4711, 1)"
        sample.spool._connection.execute(sql, (sample.number("incoming"),))
        assert tx.changes == 1
    assert kinds(told(why, sample, "incoming")) == ["not running", "claim of the dead"]


def test_a_message_that_processes_died_with_says_so(sample: SampleSpool, why: Run) -> None:
    sample.spool._connection.execute(
        "INSERT INTO crash VALUES (?, 2)", (sample.number("deferred"),)
    )
    assert kinds(told(why, sample, "deferred"))[-1] == "crashes"


def test_a_recipient_that_waits_names_its_message(sample: SampleSpool, why: Run) -> None:
    assert why("bob@slow.example").out.startswith(f"{sample.ids['deferred']}: deferred for ")


def test_an_address_that_several_messages_wait_for_is_ambiguous(
    sample: SampleSpool, why: Run
) -> None:
    ended = why("*@y.example")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith("*@y.example: several messages wait for it; ask about one of them")
    assert sample.ids["hold"] in ended.err


@pytest.mark.parametrize("unknown", ["1AC169CD4004000", "nonsense", "nobody@nowhere.example"])
def test_what_is_not_in_the_queue_is_said_and_fails(why: Run, unknown: str) -> None:
    ended = why(unknown)
    assert (ended.status, ended.out) == (1, "")
    assert ended.err.startswith(f"{unknown}: ")


def learn(sample: SampleSpool, name: str, *, window: int = 5, resting_until: float = 0.0) -> None:
    state = DestinationState("smtp", name, window, 0.0, 0.0, 0.0, resting_until, 0.0, "", "")
    with sample.spool.transaction() as tx:
        deliveries.store_destinations(tx, [state])


def test_a_huge_message_says_how_many_recipients_are_not_routed_yet(
    sample: SampleSpool, why: Run
) -> None:
    with sample.spool.transaction() as tx:
        slices.put(tx, {sample.number("active"): 1})
    ended = why(sample.ids["active"])
    assert "1 of its 2 recipients are not routed yet: they follow in slices" in ended.out
    assert "postconf qmgr_message_recipient_limit" in ended.out
    with sample.spool.transaction() as tx:
        slices.forget(tx, [sample.number("active")])
    assert "slices" not in why(sample.ids["active"]).out
