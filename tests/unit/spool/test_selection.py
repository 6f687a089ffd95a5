"""The selector, asked of a spool with a message in every state."""

import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest

from spoolmta.errors import UsageError
from spoolmta.spool.state import State
from spoolmta.spool.surgery import selection
from spoolmta.spool.surgery.selection import Selector
from tests.support.sample_spool import SampleSpool

NAMES = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt")


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[SampleSpool]:
    sample = SampleSpool(tmp_path, getpass.getuser())
    yield sample
    sample.close()


def found(sample: SampleSpool, wanted: Selector) -> list[str]:
    names = {sample.number(name): name for name in sample.ids}
    return [names[number] for number in selection.select(sample.spool, wanted).message_ids]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Selector(), NAMES),
        (Selector(states=(State.HOLD, State.ACTIVE)), ("active", "hold")),
        (Selector(sender=("a@news.example",)), ("deferred",)),
        (Selector(sender=("*@SHOP.example",)), ("active",)),
        (Selector(sender=("a@news.example", "*@shop.example")), ("active", "deferred")),
        (Selector(sender=("<>",)), ("incoming",)),
        (Selector(sender=("[ac]@*",)), ()),
        (Selector(sender=("a\udcff@x.example",)), ()),
        (Selector(recipient=("?@y.example",)), ("maildrop", "incoming", "hold", "corrupt")),
        (Selector(recipient=("robert@slow.example",)), ("deferred",)),
        (Selector(recipient=("alice@inbox.example",)), ()),
        (Selector(domain=("Slow.Example",)), ("deferred",)),
        (Selector(domain=("slow.example",), recipient=("d@*",)), ()),
        (Selector(nexthop=("other.example",)), ("active",)),
        (Selector(nexthop=("slow.example",)), ("deferred",)),
        (Selector(reason=("TIMED out",)), ("deferred",)),
        (Selector(reason=("x-spam",)), ("hold",)),
        (Selector(reason=("no content",)), ("corrupt",)),
        (Selector(reason=("timed out",), sender=("spam*",)), ()),
        (Selector(client=("192.0.2.*",), states=(State.DEFERRED,)), ("deferred",)),
        (Selector(sasl_user=("nobody",)), ()),
        (Selector(where=("state = 'hold' OR size < 0",)), ("hold",)),
        (Selector(where=("domain = 'slow.example' -- who waits",)), ("deferred",)),
    ],
    ids=str,
)
def test_a_selector_finds_what_fits(
    sample: SampleSpool, wanted: Selector, names: tuple[str, ...]
) -> None:
    assert found(sample, wanted) == list(names)


def test_an_age_means_what_arrived_before(sample: SampleSpool) -> None:
    assert found(sample, Selector(arrived_before=sample.start + 100)) == ["deferred"]


def test_the_recipients_that_fit_are_told_apart(sample: SampleSpool) -> None:
    wanted = Selector(domain=("big.example",))
    assert selection.select(sample.spool, wanted).recipients == {(sample.number("active"), 0)}


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("no_such_column = 1", "no such column: no_such_column"),
        ("state = ", "syntax error"),
        ("1); DELETE FROM message; --", "second statement|syntax error|only SELECT"),
        ("message_id IN (SELECT 1) UNION SELECT 1", "syntax error"),
    ],
)
def test_a_condition_that_is_none_is_explained(
    sample: SampleSpool, condition: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        selection.select(sample.spool, Selector(where=(condition,)))


def test_the_most_frequent_senders_and_domains_come_first(sample: SampleSpool) -> None:
    ids = [sample.number(name) for name in NAMES]
    assert selection.top_domains(sample.spool, ids, 1) == [selection.Count("y.example", 4)]
    assert len(selection.top_senders(sample.spool, ids, 2)) == 2
