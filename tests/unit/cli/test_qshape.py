"""qshape: the table of domains and ages."""

import pytest

from spoolmta.cli.queue_tools.qshape import Counts, Shape, main, normal, parent_of, table
from tests.support.sample_spool import SampleSpool
from tests.unit.cli.conftest import Run


def test_waiting_recipients_are_counted_by_domain_and_age(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "incoming", "active", "deferred")
    lines = ended.out.splitlines()
    assert (ended.status, ended.err) == (0, "")
    assert lines[0].split() == ["T", *map(str, (5, 10, 20, 40, 80, 160, 320, 640, 1280)), "1280+"]
    assert {line.split()[0]: line.split()[1] for line in lines[1:]} == {
        "TOTAL": "4", "big.example": "1", "slow.example": "1", "other.example": "1",
        "y.example": "1",
    }  # fmt: skip


def test_senders_are_messages_and_the_null_sender_has_a_name(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "-s", str(sample.queue / "incoming"), "hold")
    assert [line.split()[:2] for line in ended.out.splitlines()[1:]] == [
        ["TOTAL", "2"], ["bad.example", "1"], ["MAILER-DAEMON", "1"],
    ]  # fmt: skip


def test_a_queue_that_is_none_is_named(sample: SampleSpool, run: Run) -> None:
    ended = run(main, "-c", sample.configuration, "nosuch")
    assert ended.status == 1
    assert ended.err.startswith("qshape: fatal: nosuch: no such queue (expected one of: maildrop,")


@pytest.mark.parametrize(
    ("domain", "name"),
    [("", "MAILER-DAEMON"), (".a.b.", "a.b"), ("a..b", "a.b"), (".", "."), ("root", "root")],
)
def test_names_of_domains(domain: str, name: str) -> None:
    assert normal(domain) == name


def test_top_level_domains_are_no_parents() -> None:
    assert parent_of("a.b.example") == ".b.example"
    assert parent_of(".b.example") == ""
    assert parent_of("root") == ""


@pytest.mark.parametrize(
    ("linear", "age", "bucket"),
    [(False, 299, 1), (False, 300, 2), (False, 1200, 4), (False, 1e9, 10), (True, 900, 4)],
)
def test_ages_have_buckets(linear: bool, age: float, bucket: int) -> None:
    assert Shape(linear=linear).bucket(age) == bucket


def test_names_that_do_not_fit_lose_their_beginning() -> None:
    counts = Counts(Shape(buckets=20, parents=True, least_subdomains=1))
    counts.add("a-very-long-name.of-a-very-long-domain.example", 0, 3)
    names = [line[:18] for line in table(counts)]
    assert names[1:] == ["             TOTAL", ".+g-domain.example", "+ng-domain.example"]
