"""spoolmta eta, over a spool with mail in every state."""

import json

import pytest

from spoolmta.cli.spoolmta import main
from tests.support.sample_spool import TIMED_OUT, SampleSpool
from tests.unit.cli.conftest import Ended, Run


@pytest.fixture
def eta(sample: SampleSpool, run: Run) -> Run:
    def eta(*arguments: object) -> Ended:
        return run(main, "-c", sample.configuration, "eta", *arguments)

    return eta


def test_a_dead_destination_says_before_when_nothing_goes(sample: SampleSpool, eta: Run) -> None:
    ended = eta("slow.example", "--json")
    found = json.loads(ended.out)
    assert (ended.status, found["waiting"], found["kept"]) == (0, 1, 0)
    assert found["not_before"] == sample.start + 7200
    assert [site["dead_until"] for site in found["destinations"]] == [sample.start + 7200]
    assert (found["earliest"], found["latest"]) == (None, None)


def test_people_read_what_waits_and_that_no_end_is_in_sight(eta: Run) -> None:
    out = eta("<bob@Slow.Example>").out
    assert out.startswith("slow.example: 1 recipient wait")
    assert TIMED_OUT in out
    assert "no end in sight" in out


def test_held_mail_is_told_apart(eta: Run) -> None:
    out = eta("y.example").out
    assert out.startswith("y.example: 2 recipients wait, and 2 held or corrupt\n")


def test_a_domain_that_nothing_waits_for_fails(eta: Run) -> None:
    ended = eta("nowhere.example")
    assert (ended.status, ended.out) == (1, "")
    assert ended.err == "nowhere.example: nothing in the queue waits for it\n"
