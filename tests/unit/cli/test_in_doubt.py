"""spoolmta in-doubt: who may have a message twice after a crash, and what came after."""

import json
from typing import Any

import pytest

from spoolmta.cli.spoolmta import main
from spoolmta.message.outcome import Action, Outcome
from spoolmta.spool import deliveries, processes
from spoolmta.spool.deliveries import Report
from spoolmta.spool.liveness import Process
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Ended, Run


@pytest.fixture
def in_doubt(sample: SampleSpool, run: Run) -> Run:
    (sample.configuration / "master.cf").write_text("smtp unix - - n - - smtp\n")

    def in_doubt(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "in-doubt", *arguments)

    return in_doubt


def told(ended: Ended) -> list[dict[str, Any]]:
    assert ended.status == 0
    return [json.loads(line) for line in ended.out.splitlines()]


def die(sample: SampleSpool) -> None:
    """Let the agent that delivers die, and the keeper find it."""
    with sample.spool.transaction() as tx:
        processes.prune(tx, Process(sample.process_id, "smtp", 4711, 1, "another boot"))


def deliver(sample: SampleSpool, action: Action) -> None:
    """Let another agent make the delivery again."""
    with sample.spool.transaction() as tx:
        process_id = processes.register(tx, "smtp")
        deliveries.forget_reports(tx, [sample.under_way])
        row = (sample.under_way, process_id, tx.now, tx.now)
        tx.run("insert_attempt", row)
    (delivery,) = deliveries.load(sample.spool, [sample.under_way])
    outcome = Outcome(0, action, "2.0.0", "250 Ok", relay="mx[192.0.2.5]:25")
    with sample.spool.transaction() as tx:
        deliveries.report(tx, process_id, [(delivery, Report((outcome,)))])


def test_nothing_is_in_doubt_while_every_agent_lives(in_doubt: Run) -> None:
    ended = in_doubt()
    assert (ended.status, ended.out) == (0, "")
    assert ended.err == "No delivery is in doubt, as far as the journal reaches.\n"


def test_an_attempt_that_died_is_in_doubt_until_it_is_made_again(
    sample: SampleSpool, in_doubt: Run
) -> None:
    die(sample)
    (doubt,) = told(in_doubt("--json"))
    assert (doubt["queue_id"], doubt["recipient"]) == (sample.ids["active"], "d@big.example")
    assert (doubt["transport"], doubt["nexthop"]) == ("smtp", "big.example")
    assert (doubt["risk"], doubt["then_at"]) == ("once or twice", None)
    assert doubt["started_at"] <= doubt["died_at"] == sample.clock.now()


def test_one_that_was_sent_again_may_be_there_twice(sample: SampleSpool, in_doubt: Run) -> None:
    die(sample)
    sample.clock.jump(5)
    deliver(sample, Action.SENT)
    (doubt,) = told(in_doubt("--json"))
    assert (doubt["risk"], doubt["then"]) == ("twice", "sent")
    assert doubt["then_relay"] == "mx[192.0.2.5]:25"
    out = in_doubt().out
    assert f"{sample.ids['active']}  d@big.example  by smtp:big.example: twice\n" in out
    assert "    then sent by mx[192.0.2.5]:25, " in out


def test_one_that_was_refused_afterwards_is_there_once_or_not(
    sample: SampleSpool, in_doubt: Run
) -> None:
    die(sample)
    deliver(sample, Action.BOUNCED)
    assert told(in_doubt("--json"))[0]["risk"] == "once or twice"


def test_a_dead_agent_that_nobody_has_found_yet_is_told(sample: SampleSpool, in_doubt: Run) -> None:
    sample.spool._connection.execute("UPDATE process SET boot_id = 'another boot'")
    (doubt,) = told(in_doubt("--json"))
    assert (doubt["died_at"], doubt["risk"]) == (None, "once or twice")


def test_a_maildir_has_a_repeated_message_once(sample: SampleSpool, in_doubt: Run) -> None:
    (sample.configuration / "master.cf").write_text("smtp unix - n n - - virtual\n")
    die(sample)
    assert told(in_doubt("--json"))[0]["risk"] == "once"


def test_what_delivers_nothing_is_not_in_doubt(sample: SampleSpool, in_doubt: Run) -> None:
    (sample.configuration / "master.cf").write_text("smtp unix - - n - - discard\n")
    die(sample)
    assert told(in_doubt("--json")) == []
