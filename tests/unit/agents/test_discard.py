import pytest

from spoolmta.agents import discard
from spoolmta.agents.discard import explain
from spoolmta.message.outcome import Action
from tests.unit.agents.conftest import Open


@pytest.mark.parametrize(
    ("nexthop", "expected"),
    [
        ("spam", ("2.0.0", "spam")),
        ("2.7.1 spam", ("2.7.1", "spam")),
        ("5.7.1 spam", ("2.0.0", "5.7.1 spam")),
    ],
)
def test_the_next_hop_says_why(nexthop: str, expected: tuple[str, str]) -> None:
    assert explain(nexthop)[:2] == expected


def test_all_mail_is_as_good_as_delivered(bench: Open) -> None:
    agent = bench(discard, {}, service="discard")
    (outcome,) = agent.deliver("a@x.example", nexthop="spam").outcomes
    assert (outcome.action, outcome.reason, outcome.relay) == (Action.SENT, "spam", "none")
