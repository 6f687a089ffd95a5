"""spoolmta rule: rules are made, listed and removed; what is wrong is said, and nothing is done."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from spoolmta.cli.spoolmta import main
from spoolmta.spool.surgery import bindings, rules
from spoolmta.spool.surgery.rule import Action, Slowness
from spoolmta.spool.surgery.selection import Selector
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Ended, Run

SO = ("--because", "ticket 17")


@pytest.fixture
def rule(sample: SampleSpool, run: Run) -> Run:
    with (sample.configuration / "master.cf").open("a") as master:
        master.write("smtp unix - - n - - smtp\n")

    def rule(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "rule", *arguments)

    return rule


def test_a_rule_is_made_with_its_author_reason_and_end(sample: SampleSpool, rule: Run) -> None:
    ended = rule("add", "suspend", "--sender", "*@news.example", "--for", "2h", *SO)
    assert ended.status == 0
    assert ended.out.startswith("rule 1: suspend mail of sender=*@news.example; binds 1 message")
    (made,) = rules.in_force(sample.spool).rules
    assert (made.action, made.because) == (Action.SUSPEND, "ticket 17")
    assert made.terms.selection == Selector(sender=("*@news.example",))
    assert made.terms.ends_at == pytest.approx(made.created_at + 7200, abs=1)
    assert bindings.count(sample.spool, made) == 1


def test_the_status_tells_how_many_rules_are_in_force(
    sample: SampleSpool, rule: Run, run: Run
) -> None:
    rule("add", "hold", "--sender", "nobody@none.example", *SO)
    rule("add", "hold", "--sender", "nobody@none.example", *SO)
    rule("remove", 1, *SO)
    assert "\n1 standing rule in force: " in run(main, "-c", sample.configuration, "status").out


def test_each_action_is_told_how(sample: SampleSpool, rule: Run) -> None:
    rule("add", "reroute", "--domain", "none.example", "--transport", "smtp:[relay.example]", *SO)
    rule("add", "slow-down", "--nexthop", "none.example", "--concurrency", 2, "--pause", "3s", *SO)
    rule("add", "bounce", "--client", "192.0.2.99", "--status", "5.1.6", "--text", "moved", *SO)
    rule("add", "bounce", "--sasl-user", "bob", *SO)
    reroute, slow, bounce, plain = (one.terms for one in rules.in_force(sample.spool).rules)
    assert (reroute.transport, reroute.nexthop) == ("smtp", "[relay.example]")
    assert slow.slowness == Slowness(2, 3.0)
    assert (bounce.dsn, bounce.text) == ("5.1.6", "moved")
    assert plain.dsn == "5.7.1"
    out = rule("list").out
    assert "nexthop=none.example to 2 deliveries at once with a pause of 3s" in out
    assert "client=192.0.2.99 with 5.1.6 moved" in out
    assert "domain=none.example to smtp:[relay.example]" in out


def test_many_messages_are_shown_and_bound_only_when_that_is_confirmed(
    sample: SampleSpool, rule: Run
) -> None:
    dry = rule("add", "hold", "--sender", "*", "--dry-run", *SO)
    assert (dry.status, "rule: hold: 3 messages" in dry.err) == (0, True)
    preview = json.loads(rule("add", "hold", "--sender", "*", "--dry-run", "--json", *SO).out)
    assert (preview["messages"], len(preview["samples"])) == (3, 3)
    refused = rule("add", "hold", "--sender", "*", *SO)
    assert (refused.status, "--yes" in refused.err) == (2, True)
    assert not rules.every(sample.spool)
    made = json.loads(rule("add", "hold", "--sender", "*", "--yes", "--json", *SO).out)
    assert (made["rule"], made["messages"], made["selection"]) == (1, 3, {"sender": ["*"]})


def test_a_rule_is_shown_and_removed_once(sample: SampleSpool, rule: Run) -> None:
    rule("add", "hold", "--sender", "*", "--yes", *SO)
    shown = rule("show", 1).out
    assert "because ticket 17" in shown
    assert "keeps, or has kept, 3 messages" in shown
    removed = rule("remove", 1, "--release", "--because", "it was not bob")
    assert removed.out == "rule 1 removed; 2 messages released\n"
    assert rule("remove", 1, *SO).status == 1
    assert rule("list").err == "No rule is in force.\n"
    (line,) = rule("list", "--all", "--json").out.strip().split("\n")
    told = json.loads(line)
    assert (told["ended_because"], told["ended_at"] is not None) == ("it was not bob", True)
    assert "because it was not bob" in rule("show", 1).out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("keep", "--sender", "*", *SO), "there is no such action"),
        (("hold", "--sender", "*"), "--because"),
        (("hold", "--sender", "*", "--because", "a\nb"), "one line"),
        (("hold", *SO), "whose mail?"),
        (("hold", "--sender", " ", *SO), "an empty text means no message"),
        (("hold", "--state", "deferred", *SO), "is in no state yet"),
        (("bounce", "--reason", "spam", *SO), "spoolmta queue bounce --reason"),
        (("suspend", "--older-than", "2h", *SO), "spoolmta queue hold --older-than"),
        (("slow-down", "--where", "size > 1", *SO), "is no row of the spool yet"),
        (("hold", "--sender", "*", "--pause", "2s", *SO), "--pause is for the action slow-down"),
        (("reroute", "--sender", "*", *SO), "where to?"),
        (("reroute", "--sender", "*", "--to", "pigeon:x", *SO), "the transports of master.cf"),
        (("slow-down", "--sender", "*", *SO), "how slow?"),
        (("slow-down", "--sender", "*", "--concurrency", "0", *SO), "at least 1"),
        (("slow-down", "--sender", "*", "--pause", "soon", *SO), "an age is a number"),
        (("bounce", "--sender", "*", "--status", "4.7.1", *SO), "expected a status code"),
        (("bounce", "--sender", "*", "--text", "a\x1bb", *SO), "without control characters"),
        (("hold", "--sender", "*", "--until", "2020-01-01", *SO), "in the past"),
        (("hold", "--sender", "*", "--until", "2h", *SO), "say --for 2h"),
        (("hold", "--sender", "*", "--until", "soon", *SO), "a time is written as"),
        (("hold", "--sender", "*", "--for", "0", *SO), "ends at once"),
        (("hold", "--sender", "*", "--for", "1h", "--until", "2099-01-01", *SO), "not both"),
    ],
)
def test_what_is_not_clear_is_said_and_nothing_is_changed(
    sample: SampleSpool, rule: Run, words: tuple[str, ...], said: str
) -> None:
    ended = rule("add", *words)
    assert ended.status == 2
    assert said in ended.err
    assert not rules.every(sample.spool)


def test_a_rule_that_does_not_exist_is_said(rule: Run) -> None:
    for words in (("show", 9), ("remove", 9, *SO)):
        ended = rule(*words)
        assert (ended.status, "there is no such rule" in ended.err) == (1, True)
    for words in (("show", "x"), ("remove", "-1", *SO), ("remove", 9)):
        assert rule(*words).status == 2


@pytest.fixture
def why(sample: SampleSpool, run: Run) -> Callable[[str], list[dict[str, Any]]]:
    def why(name: str) -> list[dict[str, Any]]:
        ended = run(main, "-c", sample.configuration, "why", sample.ids[name], "--json")
        told: list[dict[str, Any]] = json.loads(ended.out)["hindrances"]
        return [one for one in told if one["kind"] != "not running"]

    return why


def test_why_names_the_rule_that_suspends_a_message(
    rule: Run, why: Callable[[str], list[dict[str, Any]]]
) -> None:
    rule("add", "suspend", "--sender", "*@news.example", "--until", "2099-01-01", *SO)
    found, *others = why("deferred")
    assert found["text"].startswith("suspended until 2099-01-01 00:00:00: rule 1 of ")
    assert found["text"].endswith(": ticket 17")
    assert found["do"] == ['spoolmta rule remove 1 --because "..."']
    assert "not due" not in [other["kind"] for other in others]


def test_why_names_the_rule_that_holds_a_message(
    rule: Run, why: Callable[[str], list[dict[str, Any]]]
) -> None:
    rule("add", "hold", "--sender", "*@news.example", *SO)
    (found,) = why("deferred")
    assert ": rule 1 of " in found["text"]
    assert found["do"][1] == 'spoolmta rule remove 1 --release --because "..."'


def test_why_names_the_rule_that_slows_a_message_down(
    sample: SampleSpool, rule: Run, why: Callable[[str], list[dict[str, Any]]]
) -> None:
    rule("add", "slow-down", "--sender", "other@*", "--pause", "60s", "--yes", *SO)
    slowed = (
        "UPDATE delivery SET destination = 'rule:1:other.example' WHERE nexthop = 'other.example'"
    )
    sample.spool._connection.execute(slowed)
    texts = [one["text"] for one in why("active")]
    assert any(text.startswith("slowed down on its way to other.example: rule 1") for text in texts)


def test_the_life_of_a_message_names_the_rules(sample: SampleSpool, rule: Run, run: Run) -> None:
    rule("add", "suspend", "--sender", "*@news.example", *SO)
    rule("remove", 1, *SO)
    told = run(main, "-c", sample.configuration, "trace", sample.ids["deferred"]).out
    assert "may go on: rule 1 has ended" in told


@pytest.mark.parametrize(
    ("words", "verdict", "status"),
    [
        (("hold",), "held", 0),
        (("suspend", "--until", "2099-01-01"), "undecided", 75),
        (("bounce", "--text", "no such mail"), "undeliverable", 1),
        (("reroute", "--to", "smtp:[relay.example]"), "deliverable", 0),
        (("slow-down", "--pause", "2s"), "deliverable", 0),
    ],
)
def test_explain_names_the_rules_that_would_bind(
    sample: SampleSpool, rule: Run, run: Run, words: tuple[str, ...], verdict: str, status: int
) -> None:
    rule("add", *words, "--client", "192.0.2.*", "--domain", "far.example", "--yes", *SO)
    asked = (
        "-c",
        sample.configuration,
        "explain",
        "x@far.example",
        "--no-dns",
        "--from",
        "a@b.example",
    )
    plain = json.loads(run(main, *asked, "--json").out)
    assert (plain["verdict"], plain["recipients"][0]["rules"]) == ("deliverable", [])
    ended = run(main, *asked, "--client", "192.0.2.9", "--json")
    told = json.loads(ended.out)
    (bound,) = told["recipients"][0]["rules"]
    assert (bound["rule"], bound["action"]) == (1, words[0])
    if verdict != "deliverable":
        assert (ended.status, told["verdict"]) == (status, verdict)
    text = run(main, *asked, "--client", "192.0.2.9").out
    assert f"  rule            {words[0]} by rule 1 of " in text


def test_explain_says_that_it_may_not_look_at_rules(
    sample: SampleSpool, rule: Run, run: Run
) -> None:
    sample.spool._connection.execute("PRAGMA user_version = 3")
    ended = run(main, "-c", sample.configuration, "explain", "x@far.example", "--no-dns")
    assert "warning: standing rules are not looked at: " in ended.out
