"""What becomes of an answered message."""

import pytest

from spoolmta.message.envelope import Notify
from spoolmta.message.outcome import Action
from spoolmta.scheduler.completion import REMOVED, Completion, Lifetimes, decide
from spoolmta.spool.completion import Answered, OpenOutcome
from spoolmta.spool.notices import Kind

DAY = 86_400.0
NOW = 1_000_000_000.0
LIFETIMES = Lifetimes(300, 4000, mail=5 * DAY, bounce=2 * DAY)


def message(*actions: Action, sender: str = "a@x.example", age: float = 100) -> Answered:
    outcomes = tuple(
        OpenOutcome(number, action, "4.0.0", "text", "", Notify.ABSENT, "b@y.example")
        for number, action in enumerate(actions)
    )
    return Answered(1, "ID", sender, NOW - age, NOW - age, outcomes)


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        (message(), REMOVED),
        (message(Action.DEFERRED), Completion(NOW + 300, False, ())),
        (message(Action.BOUNCED), Completion(None, False, (Kind.FAILURE,))),
        (message(Action.SENT), Completion(None, False, (Kind.SUCCESS,))),
        (message(Action.SENT, sender=""), REMOVED),
        (
            message(Action.BOUNCED, Action.DEFERRED),
            Completion(NOW + 300, False, (Kind.FAILURE,)),
        ),
        (message(Action.DEFERRED, age=5 * DAY), Completion(None, True, (Kind.FAILURE,))),
        (message(Action.DEFERRED, age=3 * DAY), Completion(NOW + 4000, False, ())),
        (message(Action.DEFERRED, sender="", age=3 * DAY), Completion(None, True, (Kind.FAILURE,))),
    ],
    ids=[
        "all delivered",
        "deferred",
        "bounced",
        "success to be told",
        "null sender is told of no success",
        "one bounced, one deferred",
        "expired",
        "not yet expired",
        "notifications expire earlier",
    ],
)
def test_a_message_is_removed_deferred_or_told_of(answered: Answered, expected: Completion) -> None:
    assert decide(answered, NOW, LIFETIMES) == expected
