"""A report of what would happen (sendmail -bv), or of the first attempt (-v)."""

import email
import os
from email.message import Message
from pathlib import Path

import pytest

from spoolmta.message.envelope import Trace
from spoolmta.spool.state import State
from spoolmta.spool.surgery import admin
from tests.flow.conftest import MakeMta
from tests.support.mta import Mta
from tests.support.receiver import Receiver

DAY = 86_400
ALICE = "alice@inbox.example"
PROBE = b"From: alice@inbox.example\r\nSubject: probe\r\n\r\nWhat would happen.\r\n"
TABLES = {
    "transport_maps": "inline:{ {x.example = error:5.1.1 no such user},"
    " {late.example = retry:4.3.0 not today}, {gone.example = discard:thrown away} }",
    "virtual_alias_domains": "shop.example",
    "virtual_alias_maps": "inline:{ {both@shop.example = bob@inbox.example, x@x.example} }",
}


@pytest.fixture
def mta(make_mta: MakeMta) -> Mta:
    return make_mta(**TABLES)


def submit(mta: Mta, trace: Trace, *recipients: str, sender: str = ALICE) -> str:
    return mta.submit(
        sender,
        recipients,
        PROBE,
        state=State.MAILDROP,
        origin="sendmail",
        uid=os.getuid(),
        trace=trace,
    )


def reports(mta: Mta) -> list[Message]:
    return [email.message_from_bytes(text) for text in mta.maildir("inbox.example", "alice")]


def fields(report: Message) -> dict[str, tuple[str, str, str]]:
    """Return the action, status and diagnosis for each recipient of a report."""
    _, status, *_ = report.get_payload()
    return {
        part["Final-Recipient"].partition("; ")[2]: (
            part["Action"],
            part["Status"],
            " ".join(part["Diagnostic-Code"].partition("; ")[2].split()),
        )
        for part in status.get_payload()[1:]
    }


def test_a_probe_tells_of_every_recipient_and_is_delivered_to_none(mta: Mta) -> None:
    queue_id = submit(
        mta,
        Trace.VERIFY,
        "both@shop.example",
        "nobody@inbox.example",
        "a@gone.example",
        "b@late.example",
    )
    mta.run_until_idle()
    (report,) = reports(mta)
    assert report["Subject"] == "Mail Delivery Status Report"
    assert report["Auto-Submitted"] == "auto-replied"
    assert report.get_content_type() == "multipart/report"
    assert fields(report) == {
        "bob@inbox.example": ("deliverable", "2.0.0", "delivery via virtual: delivers to maildir"),
        "x@x.example": ("undeliverable", "5.1.1", "no such user"),
        "nobody@inbox.example": (
            "undeliverable",
            "5.1.1",
            'delivery via virtual: unknown user: "nobody@inbox.example"',
        ),
        "a@gone.example": ("deliverable", "2.0.0", "thrown away"),
        "b@late.example": ("undeliverable", "4.3.0", "not today"),
    }
    assert mta.maildir("inbox.example", "bob") == []
    assert mta.states() == {}
    assert "status=deliverable (delivers to maildir)" in mta.log()
    assert "status=undeliverable (no such user)" in mta.log()
    assert f"{queue_id}: removed" in mta.log()


def test_the_text_of_a_probe_goes_back_with_the_report(mta: Mta) -> None:
    submit(mta, Trace.VERIFY, "bob@inbox.example")
    mta.run_until_idle()
    (report,) = reports(mta)
    words, status, original = report.get_payload()
    assert "<bob@inbox.example>: delivery via virtual: delivers to maildir" in words.get_payload()
    assert "Original-Recipient: rfc822;bob@inbox.example" in status.as_string()
    assert original["Content-Description"] == "Message"
    assert original.get_payload()[0].get_payload() == "What would happen.\n"


def test_nobody_is_told_of_a_probe_of_the_null_sender(mta: Mta) -> None:
    submit(mta, Trace.VERIFY, "bob@inbox.example", sender="")
    mta.run_until_idle()
    assert mta.states() == {}
    assert mta.maildir("inbox.example", "bob") == []


def test_a_probe_stays_one_when_an_operator_requeues_it(mta: Mta) -> None:
    queue_id = submit(mta, Trace.VERIFY, "bob@inbox.example")
    mta.plan()
    with mta.context.spool.transaction() as tx:
        admin.requeue(tx, [int(queue_id, 16)])
    mta.run_until_idle()
    assert len(reports(mta)) == 1
    assert mta.maildir("inbox.example", "bob") == []


def test_the_report_of_the_first_attempt_tells_of_all_recipients(mta: Mta) -> None:
    submit(mta, Trace.REPORT, "bob@inbox.example", "x@x.example", "b@late.example")
    mta.run_until_idle()
    subjects = {report["Subject"]: report for report in reports(mta)}
    assert set(subjects) == {"Mail Delivery Status Report", "Undelivered Mail Returned to Sender"}
    report = subjects["Mail Delivery Status Report"]
    assert fields(report) == {
        "bob@inbox.example": (
            "delivered",
            "2.0.0",
            "delivery via virtual: delivered to maildir",
        ),
        "x@x.example": ("failed", "5.1.1", "no such user"),
        "b@late.example": ("delayed", "4.3.0", "not today"),
    }
    assert report.get_payload()[2]["Content-Description"] == "Message Headers"
    assert len(mta.maildir("inbox.example", "bob")) == 1
    assert mta.states() == {"deferred": 1}


def test_there_is_one_report_however_often_mail_is_tried(mta: Mta) -> None:
    submit(mta, Trace.REPORT, "b@late.example")
    for _ in range(3):
        mta.run_until_idle()
        mta.clock.jump(4000)
    assert len(reports(mta)) == 1
    mta.clock.jump(5 * DAY)
    mta.run_until_idle()
    last = [report["Subject"] for report in reports(mta)]
    assert sorted(last) == ["Mail Delivery Status Report", "Undelivered Mail Returned to Sender"]
    assert mta.states() == {}


def test_a_report_of_mail_that_is_delivered_at_once_ends_it(mta: Mta) -> None:
    submit(mta, Trace.REPORT, "bob@inbox.example")
    mta.run_until_idle()
    (report,) = reports(mta)
    assert fields(report)["bob@inbox.example"][0] == "delivered"
    assert mta.states() == {}


def test_a_probe_asks_servers_and_sends_them_no_content(make_mta: MakeMta, tmp_path: Path) -> None:
    with Receiver(tmp_path / "taken") as receiver:
        mta = make_mta(relayhost=f"[127.0.0.1]:{receiver.port}", inet_protocols="ipv4")
        submit(mta, Trace.VERIFY, "x@far.example", "refuse@far.example")
        mta.run_until_idle()
        assert receiver.taken() == {}
    found = fields(reports(mta)[0])
    assert found["x@far.example"][0] == "deliverable"
    assert found["refuse@far.example"][:2] == ("undeliverable", "5.1.1")
