from dataclasses import replace

import pytest

from spoolmta.message.envelope import Notify, Recipient
from spoolmta.spool.notices import Kind, RecordedOutcome
from spoolmta.stages.bounce.recipients import (
    Postmaster,
    as_probe,
    ends,
    letters,
    recipients_to_tell,
)

ACTIONS = {
    Kind.FAILURE: "bounced",
    Kind.DELAY: "deferred",
    Kind.SUCCESS: "sent",
    Kind.TRACE: "sent",
}
NOTICES = [kind for kind in Kind if kind is not Kind.TRACE]
SILENT = Postmaster(
    frozenset(), "pm@x.example", "pm2@x.example", "pmd@x.example", "double-bounce@x.example"
)


def _postmaster(*classes: str) -> Postmaster:
    return Postmaster(
        frozenset(classes),
        SILENT.bounce,
        SILENT.double_bounce,
        SILENT.delay,
        "double-bounce@x.example",
    )


def _outcome(kind: Kind, number: int = 0, *, noticed: bool = False) -> RecordedOutcome:
    success = "delivered" if kind is Kind.SUCCESS else ""
    return RecordedOutcome(
        number, ACTIONS[kind], "5.1.1", "why", "local", "", "", success, noticed, 0.0
    )


@pytest.mark.parametrize(
    ("notify", "told_of"),
    [
        (Notify.ABSENT, {Kind.FAILURE, Kind.DELAY}),
        (Notify.NEVER, set()),
        (Notify.SUCCESS, {Kind.SUCCESS}),
        (Notify.FAILURE, {Kind.FAILURE}),
        (Notify.DELAY, {Kind.DELAY}),
        (Notify.SUCCESS | Notify.FAILURE | Notify.DELAY, set(NOTICES)),
    ],
)
@pytest.mark.parametrize("kind", NOTICES)
def test_notify_says_what_the_sender_is_told(
    kind: Kind, notify: Notify, told_of: set[Kind]
) -> None:
    told = recipients_to_tell(kind, {0: Recipient("a@b", notify=notify)}, [_outcome(kind)])
    assert bool(told) == (kind in told_of)


@pytest.mark.parametrize("notify", [Notify.ABSENT, Notify.NEVER, Notify.SUCCESS])
def test_a_report_that_was_asked_for_tells_of_everybody_whatever_notify_says(
    notify: Notify,
) -> None:
    people = {number: Recipient(f"{number}@x", notify=notify) for number in range(3)}
    outcomes = [_outcome(kind, number, noticed=True) for number, kind in enumerate(NOTICES)]
    told = recipients_to_tell(Kind.TRACE, people, outcomes)
    assert [one.action for one in told] == ["failed", "delayed", "delivered"]
    assert {one.reason for one in told} == {"delivery via local: why"}
    assert [as_probe(one).action for one in told] == ["undeliverable"] * 3
    assert not ends(Kind.TRACE)


def test_a_notice_is_about_outcomes_of_its_kind_that_nobody_was_told_of() -> None:
    outcomes = [
        _outcome(Kind.FAILURE, 0),
        _outcome(Kind.DELAY, 1),
        _outcome(Kind.FAILURE, 2, noticed=True),
    ]
    people = {n: Recipient(f"{n}@x.example") for n in range(3)}
    told = recipients_to_tell(Kind.FAILURE, people, outcomes)
    assert [one.recipient.address for one in told] == ["0@x.example"]


def test_a_success_tells_by_what_way() -> None:
    recipient = Recipient("a@b", notify=Notify.SUCCESS)
    (told,) = recipients_to_tell(Kind.SUCCESS, {0: recipient}, [_outcome(Kind.SUCCESS)])
    assert (told.action, told.reason) == ("delivered", "delivery via local: why")


def _letters(
    kind: Kind, sender: str, postmaster: Postmaster, notify: Notify = Notify.ABSENT
) -> list[tuple[str, str, bool, bool]]:
    made = letters(kind, sender, {0: Recipient("a@b", notify=notify)}, [_outcome(kind)], postmaster)
    return [(one.sender, one.recipient, one.to_postmaster, one.headers_only) for one in made]


def test_the_sender_gets_a_report_from_the_null_sender() -> None:
    assert _letters(Kind.FAILURE, "s@x.example", SILENT) == [("", "s@x.example", False, False)]
    assert _letters(Kind.DELAY, "s@x.example", SILENT) == [("", "s@x.example", False, True)]


@pytest.mark.parametrize("kind", list(Kind))
def test_the_null_sender_gets_nothing(kind: Kind) -> None:
    assert _letters(kind, "", SILENT) == []


@pytest.mark.parametrize("class_", ["bounce", "2bounce"])
def test_a_bounce_that_cannot_be_delivered_goes_to_the_postmaster_who_wants_it(
    class_: str,
) -> None:
    assert _letters(Kind.FAILURE, "", _postmaster(class_)) == [
        ("double-bounce@x.example", "pm2@x.example", True, False)
    ]


@pytest.mark.parametrize("kind", list(Kind))
def test_what_a_postmaster_does_not_get_is_dropped(kind: Kind) -> None:
    everything = _postmaster("bounce", "2bounce", "delay")
    assert _letters(kind, "Double-Bounce@X.example", everything) == []


def test_a_postmaster_may_have_copies_even_of_what_the_sender_does_not_want() -> None:
    postmaster = _postmaster("bounce", "delay")
    assert _letters(Kind.FAILURE, "s@x", postmaster, Notify.NEVER) == [
        ("double-bounce@x.example", "pm@x.example", True, True)
    ]
    assert _letters(Kind.DELAY, "s@x", postmaster)[1:] == [
        ("double-bounce@x.example", "pmd@x.example", True, True)
    ]


@pytest.mark.parametrize("sender", ["s@x", ""])
def test_who_was_refused_and_who_ran_out_of_time_are_told_of_apart(sender: str) -> None:
    people = {number: Recipient(f"r{number}@x") for number in range(4)}
    refused = [_outcome(Kind.FAILURE, number) for number in (1, 3)]
    given_up = [replace(_outcome(Kind.FAILURE, number), dsn="4.4.1") for number in (0, 2)]
    outcomes = [given_up[0], refused[0], given_up[1], refused[1]]
    made = letters(Kind.FAILURE, sender, people, outcomes, _postmaster("2bounce"))
    told = [[one.recipient.address for one in letter.concerned] for letter in made]
    assert told == [["r1@x", "r3@x"], ["r0@x", "r2@x"]]
