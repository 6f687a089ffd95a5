"""spoolmta audit: totals, violators, exit status."""

import json

import pytest

from spoolmta.cli.spoolmta import main
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Ended, Run


@pytest.fixture
def audit(sample: SampleSpool, run: Run) -> Run:
    def audit(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "audit", *arguments)

    return audit


def test_the_account_is_a_table(audit: Run) -> None:
    ended = audit()
    assert (ended.status, ended.err) == (0, "")
    totals = dict(line.split() for line in ended.out.splitlines())
    assert totals["delivered"] == "2"
    assert totals["deferred"] == "1"
    assert totals["expired"] == "0"


def test_who_is_in_no_account_is_named_and_the_status_is_1(sample: SampleSpool, audit: Run) -> None:
    with sample.spool.transaction() as tx:
        tx.run("delete_recipients", {"ids": sample.array("hold")})
    ended = audit()
    assert ended.status == 1
    assert f"{sample.ids['hold']}  f@y.example: its message is here" in ended.out
    assert ended.err.endswith("in no account\n")
    told = json.loads(audit("--json").out)
    assert told["accounts"]["hold"] == 0
    assert (sample.ids["hold"], "f@y.example") in {
        (violator["queue_id"], violator["recipient"]) for violator in told["violators"]
    }
