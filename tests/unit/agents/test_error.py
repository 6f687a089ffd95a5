import pytest

from spoolmta.agents import error
from spoolmta.agents.error import explain
from spoolmta.message.outcome import Action
from tests.unit.agents.conftest import Open


@pytest.mark.parametrize(
    ("nexthop", "digit", "expected"),
    [
        ("5.1.1 No such user", "5", ("5.1.1", "No such user")),
        ("No such user", "5", ("5.0.0", "No such user")),
        ("5.1.1 Not today", "4", ("4.0.0", "Not today")),
        ("Not today", "4", ("4.0.0", "Not today")),
        ("4.2.0 Not ever", "5", ("5.0.0", "Not ever")),
        ("5.1 x", "5", ("5.0.0", "5.1 x")),
    ],
)
def test_the_next_hop_says_why(nexthop: str, digit: str, expected: tuple[str, str]) -> None:
    assert explain(nexthop, digit)[:2] == expected


@pytest.mark.parametrize(
    ("service", "action", "dsn"),
    [("error", Action.BOUNCED, "5.1.1"), ("retry", Action.DEFERRED, "4.0.0")],
)
def test_the_service_says_whether_for_ever(
    bench: Open, service: str, action: Action, dsn: str
) -> None:
    agent = bench(error, {}, service=service)
    report = agent.deliver("a@x.example", "b@x.example", nexthop="5.1.1 gone")
    assert [(o.action, o.dsn, o.reason, o.relay) for o in report.outcomes] == [
        (action, dsn, "gone", "none")
    ] * 2
