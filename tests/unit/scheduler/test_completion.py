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
WARNING = Lifetimes(300, 4000, mail=5 * DAY, bounce=2 * DAY, delay_warning=3600)


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


def test_the_sender_is_warned_once_of_a_delay() -> None:
    late = message(Action.DEFERRED, age=3600)
    assert decide(late, NOW, WARNING).notices == (Kind.DELAY,)
    assert decide(late, NOW, LIFETIMES).notices == ()
    assert decide(message(Action.DEFERRED, age=3599), NOW, WARNING).notices == ()
    told = late._replace(open=(late.open[0]._replace(delay_told=1),))
    assert decide(told, NOW, WARNING).notices == ()


def test_the_null_sender_is_not_warned_of_a_delay() -> None:
    assert decide(message(Action.DEFERRED, sender="", age=3600), NOW, WARNING).notices == ()


def test_what_expires_is_returned_without_a_warning() -> None:
    assert decide(message(Action.DEFERRED, age=5 * DAY), NOW, WARNING).notices == (Kind.FAILURE,)
