"""An operator's command that is killed in the middle: all of it is done, or nothing."""

import getpass
import os
from pathlib import Path

import pytest

from spoolmta.spool.connection import Spool
from spoolmta.spool.questions.audit import audit
from spoolmta.spool.surgery import bindings, operations, rules
from tests.support import forked
from tests.support.sample_spool import SampleSpool

SIGKILLED = -9
TABLES = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt", "trash", "operation")
VERBS = (
    ("hold", "ALL"),
    ("release", "ALL"),
    ("requeue", "--state", "hold,deferred,incoming"),
    ("delete", "--domain", "y.example"),
    ("bounce", "ALL"),
    ("expire", "ALL"),
    ("reroute", "--to", "smtp:[relay.example]", "ALL"),
    ("prioritise", "ALL"),
    ("sender", "--to", "x@news.example", "ALL"),
    ("recipient", "add", "--address", "x@news.example", "ALL"),
)


def command(sample: SampleSpool, *arguments: str, crash: str = "") -> int:
    environment = {**os.environ, "SPOOLMTA_CRASH": crash}
    words = ("spoolmta", "-c", sample.configuration, *arguments)
    return forked.run(words, environment=environment).returncode


def places(sample: SampleSpool) -> dict[str, int]:
    spool = Spool.open(sample.path, sample.clock)
    try:
        assert not [one for _, account in audit(spool) for one in account.violators]
        with spool.transaction() as tx:
            rows = {name: len(tx.run(f"select_{name}")) for name in TABLES[:6]}
        return rows | {"operations": len(operations.recent(spool, 100))}
    finally:
        spool.close()


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb[0])
def test_a_command_that_is_killed_is_done_wholly_or_not_at_all(
    tmp_path: Path, verb: tuple[str, ...]
) -> None:
    sample = SampleSpool(tmp_path, getpass.getuser())
    with (sample.configuration / "master.cf").open("a") as master:
        master.write("smtp unix - - n - - smtp\n")
    sample.close()
    before = places(sample)
    assert command(sample, "queue", *verb, "--yes", crash="operate.before_commit:1") == SIGKILLED
    assert places(sample) == before
    assert command(sample, "queue", *verb, "--yes", crash="operate.after_commit:1") == SIGKILLED
    done = places(sample)
    assert done["operations"] == 1
    assert command(sample, "undo", "1", "--yes", crash="undo.before_commit:1") == SIGKILLED
    assert places(sample) == done
    # What an agent has in hand is named and left alone.
    assert command(sample, "undo", "1", "--yes") == (1 if verb[0] == "hold" else 0)
    assert sum(places(sample).values()) == sum(before.values()) + 1


RULES = (
    ("hold", "--sender", "*"),
    ("suspend", "--sender", "*"),
    ("reroute", "--sender", "*", "--to", "smtp:[relay.example]"),
    ("slow-down", "--sender", "*", "--pause", "9s"),
    ("bounce", "--sender", "*"),
)


@pytest.mark.parametrize("words", RULES, ids=lambda words: words[0])
def test_a_rule_that_is_killed_is_made_wholly_or_not_at_all_and_so_it_ends(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    sample = SampleSpool(tmp_path, getpass.getuser())
    with (sample.configuration / "master.cf").open("a") as master:
        master.write("smtp unix - - n - - smtp\n")
    sample.close()
    add = ("rule", "add", *words, "--because", "so", "--yes")
    remove = ("rule", "remove", "1", "--because", "so", *(["--release"] * (words[0] == "hold")))
    before = places(sample) | kept_by_rules(sample)
    assert command(sample, *add, crash="rule.before_commit:1") == SIGKILLED
    assert places(sample) | kept_by_rules(sample) == before
    assert command(sample, *add, crash="rule.after_commit:1") == SIGKILLED
    made = places(sample) | kept_by_rules(sample)
    assert made["rules"] == 1
    assert made["bound"] == (3 if words[0] in ("hold", "suspend") else 0)
    assert command(sample, *remove, crash="rule.before_commit:1") == SIGKILLED
    assert places(sample) | kept_by_rules(sample) == made
    assert command(sample, *remove, crash="rule.after_commit:1") == SIGKILLED
    ended = places(sample) | kept_by_rules(sample)
    assert (ended["rules"], ended["bound"]) == (0, 0)
    messages = [sum(found[name] for name in TABLES[:6]) for found in (before, ended)]
    assert messages[0] == messages[1]


def kept_by_rules(sample: SampleSpool) -> dict[str, int]:
    spool = Spool.open(sample.path, sample.clock)
    try:
        in_force = rules.in_force(spool).rules
        kept = [bindings.count(spool, rule) for rule in rules.every(spool)]
        return {"rules": len(in_force), "bound": sum(kept)}
    finally:
        spool.close()
