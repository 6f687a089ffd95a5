"""Mail that cannot be delivered at all comes back, once."""

import email
from email.message import Message

import pytest

from spoolmta.message.envelope import Notify, Recipient
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta

DAY = 86_400
NEVER = "inline:{ {x.example = error:5.1.1 no such user}, {late.example = retry:4.3.0 not today} }"
ALICE = "alice@inbox.example"


@pytest.fixture
def mta(make_mta: MakeMta) -> Mta:
    return make_mta(transport_maps=NEVER)


def reports(mta: Mta) -> list[Message]:
    return [email.message_from_bytes(text) for text in mta.maildir("inbox.example", "alice")]


def test_the_sender_is_told_of_a_failure(mta: Mta) -> None:
    queue_id = mta.submit(ALICE, ["b@x.example"])
    mta.run_until_idle()
    (report,) = reports(mta)
    assert report.get_content_type() == "multipart/report"
    _, status, original = report.get_payload()
    text = status.as_string()
    assert "Final-Recipient: rfc822; b@x.example" in text
    assert "Action: failed" in text
    assert "Status: 5.1.1" in text
    assert original.get_payload()[0]["Subject"] == "hello"
    assert mta.states() == {}
    assert "noticed" in mta.events(queue_id)


def test_a_bounce_does_not_bounce(mta: Mta) -> None:
    mta.submit("", ["b@x.example"])
    mta.submit("gone@x.example", ["b@x.example"])
    mta.run_until_idle()
    assert mta.states() == {}
    assert reports(mta) == []


def test_mail_is_returned_when_its_lifetime_is_over(mta: Mta) -> None:
    mta.submit(ALICE, ["b@late.example"])
    mta.run_until_idle()
    mta.clock.jump(5 * DAY - 1)
    mta.run_until_idle()
    assert reports(mta) == []
    mta.clock.jump(4000)
    mta.run_until_idle()
    (report,) = reports(mta)
    assert "not today" in report.as_string()
    assert mta.states() == {}


def test_a_clock_set_forward_gives_mail_one_more_try_before_it_returns(mta: Mta) -> None:
    mta.submit(ALICE, ["alice@inbox.example"])
    mta.clock.jump(10 * DAY)
    mta.run_until_idle()
    assert [report["Subject"] for report in reports(mta)] == ["hello"]


def test_one_report_speaks_of_all_that_failed_and_the_rest_goes_on(mta: Mta) -> None:
    mta.submit(ALICE, ["b@x.example", "c@x.example", "d@late.example"])
    mta.run_until_idle()
    (report,) = reports(mta)
    text = report.as_string()
    assert "b@x.example" in text
    assert "c@x.example" in text
    assert mta.states() == {"deferred": 1}
    mta.clock.jump(300)
    mta.run_until_idle()
    assert len(reports(mta)) == 1


@pytest.mark.parametrize(
    ("notify", "told"),
    [(Notify.ABSENT, 1), (Notify.FAILURE, 1), (Notify.NEVER, 0), (Notify.SUCCESS, 0)],
)
def test_notify_says_who_is_told_of_a_failure(mta: Mta, notify: Notify, told: int) -> None:
    mta.submit(ALICE, [Recipient("b@x.example", notify=notify)])
    mta.run_until_idle()
    assert len(reports(mta)) == told
    assert mta.states() == {}


def test_success_is_reported_to_who_asked_for_it(mta: Mta) -> None:
    mta.submit(ALICE, [Recipient("bob@inbox.example", notify=Notify.SUCCESS)], envid="abc")
    mta.run_until_idle()
    (report,) = reports(mta)
    assert "Action: delivered" in report.as_string()
    assert "Original-Envelope-Id: abc" in report.as_string()
    assert mta.states() == {}


def test_the_sender_is_told_that_an_alias_was_expanded(mta: Mta) -> None:
    asked = {"original": "list@x.example", "orcpt": "rfc822;first@x.example"}
    alias = Recipient("list@x.example", notify=Notify.SUCCESS, was_expanded=True, **asked)
    member = Recipient("bob@inbox.example", notify=Notify.NEVER, **asked)
    queue_id = mta.submit(ALICE, [alias, member])
    mta.run_until_idle()
    assert len(mta.maildir("inbox.example", "bob")) == 1
    (report,) = reports(mta)
    text = report.as_string()
    assert "<list@x.example>: alias expanded\n" in text
    assert "Final-Recipient: rfc822; list@x.example\n" in text
    assert "Original-Recipient: rfc822;first@x.example\nAction: expanded\nStatus: 2.0.0" in text
    assert "bob@" not in text.partition("Content-Type: text/rfc822-headers")[0]
    assert "nrcpt=1 (queue active)" in mta.log().partition(f"{queue_id}: from=")[2]
    assert mta.states() == {}


def test_the_sender_is_warned_once_that_mail_is_late(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps=NEVER, delay_warning_time="1h")
    mta.submit(ALICE, ["b@late.example"])
    for _ in range(12):
        mta.run_until_idle()
        mta.clock.jump(1000)
    (report,) = reports(mta)
    assert "Action: delayed" in report.as_string()
    assert mta.states() == {"deferred": 1}


def test_who_does_not_want_to_hear_of_delays_is_not_warned(make_mta: MakeMta) -> None:
    mta = make_mta(transport_maps=NEVER, delay_warning_time="1h")
    mta.submit(ALICE, [Recipient("b@late.example", notify=Notify.FAILURE)])
    for _ in range(12):
        mta.run_until_idle()
        mta.clock.jump(1000)
    assert reports(mta) == []


@pytest.mark.parametrize(("confirm", "told"), [("yes", 2), ("no", 1)])
def test_who_was_warned_hears_of_the_end_if_so_configured(
    make_mta: MakeMta, confirm: str, told: int
) -> None:
    settings = {"delay_warning_time": "1h", "confirm_delay_cleared": confirm}
    mta = make_mta(transport_maps=NEVER, **settings)
    mta.submit(ALICE, ["b@late.example"])
    for _ in range(6):
        mta.run_until_idle()
        mta.clock.jump(1000)
    mta.run_until_idle()
    mta.restart(transport_maps="inline:{ {late.example = discard:} }", **settings)
    mta.clock.jump(5000)
    mta.run_until_idle()
    assert len(reports(mta)) == told
    assert mta.states() == {}
