import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.message.envelope import Envelope, Recipient
from spoolmta.spool.notices import Kind
from spoolmta.stages.bounce.recipients import Concerned, Letter
from spoolmta.stages.bounce.report import (
    Original,
    Report,
    Reporter,
    Returned,
    Wording,
    frame,
    header_of,
    product,
)

GOLDEN = Path(__file__).parents[3] / "golden" / "bounce"
REPLY = (
    "550-5.1.1 no such user here, sorry about that, this is a rather long explanation"
    " 550 5.1.1 second line of it"
)
SAID = f"host 127.0.0.1[127.0.0.1] said: {REPLY} (in reply to RCPT TO command)"
CONTENT = b"From: s@src.example\r\nSubject: hi\r\nMessage-ID: <m1@src.example>\r\n\r\nline1\r\n"
FAILED = (
    Concerned(
        Recipient("nouser@local.example", "nouser@local.example", "rfc822;or+ig@x.example"),
        "failed",
        "5.1.1",
        'unknown user: "nouser"',
        "",
        "",
    ),
    Concerned(
        Recipient("bad@far.example", "ali@v.example"), "failed", "5.1.1", SAID, "127.0.0.1", REPLY
    ),
    Concerned(
        Recipient("cmd@local.example"), "failed", "5.6.0", "data format error", "", "no good"
    ),
)


pytestmark = pytest.mark.usefixtures("utc")


def _report(
    kind: Kind = Kind.FAILURE,
    concerned: tuple[Concerned, ...] = FAILED,
    *,
    returned: Returned = Returned.MESSAGE,
    to_postmaster: bool = False,
    **envelope: object,
) -> Report:
    said = {"encoding": "7bit", **envelope}
    sent = Envelope("t1@src.example", (), envid="abc+d", **said)  # type: ignore[arg-type]
    return Report(
        Letter(kind, "", "t1@src.example", concerned, "x", to_postmaster=to_postmaster),
        Original(
            "D7A7321243C",
            sent,
            "t1@src.example",
            1795533881.0,
            1795533881.0 + 5 * 86400,
            header_of(CONTENT),
        ),
        Reporter(
            "mx.oracle.example", "Postfix", "Mail Delivery System <MAILER-DAEMON@mx.oracle.example>"
        ),
        Wording("The subject", () if to_postmaster else ("What people read.",), "utf-8"),
        "<20261124152441.DFDED21244C@mx.oracle.example>",
        1795533881.5,
        returned,
    )


def _bytes(report: Report) -> bytes:
    around = frame(report)
    middle = {
        Returned.MESSAGE: CONTENT,
        Returned.HEADERS: report.original.header,
        Returned.NOTHING: b"",
    }
    return around.head + middle[report.returned] + around.tail


def _parsed(report: Report) -> EmailMessage:
    message = email.message_from_bytes(_bytes(report), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def _delayed() -> tuple[Concerned, ...]:
    return (replace(FAILED[1], action="delayed", dsn="4.2.0"),)


def _delivered() -> tuple[Concerned, ...]:
    recipient = Recipient("alice@local.example")
    return (
        Concerned(
            recipient, "delivered", "2.0.0", "delivery via local: delivered to mailbox", "", ""
        ),
    )


@pytest.mark.parametrize(
    ("name", "report"),
    [
        ("failure", _report()),
        ("failure-headers", _report(returned=Returned.HEADERS)),
        ("delay", _report(Kind.DELAY, _delayed(), returned=Returned.HEADERS)),
        ("success", _report(Kind.SUCCESS, _delivered(), returned=Returned.HEADERS)),
        ("postmaster", _report(to_postmaster=True, returned=Returned.HEADERS)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_report_looks_as_it_did(name: str, report: Report) -> None:
    expected = (GOLDEN / f"{name}.eml").read_bytes().replace(b"\n", b"\r\n")
    assert _bytes(report) == expected


def test_a_report_has_three_parts_that_every_reader_finds() -> None:
    message = _parsed(_report())
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    words, status, original = message.iter_parts()
    assert [part.get_content_type() for part in (words, status, original)] == [
        "text/plain",
        "message/delivery-status",
        "message/rfc822",
    ]
    about_message, *about_recipients = status.get_payload()
    assert about_message["Reporting-MTA"] == "dns; mx.oracle.example"
    assert about_message["Original-Envelope-Id"] == "abc+d"
    assert [block["Action"] for block in about_recipients] == ["failed"] * 3
    assert about_recipients[0]["Original-Recipient"] == "rfc822;or+ig@x.example"
    assert about_recipients[1]["Remote-MTA"] == "dns; 127.0.0.1"
    assert " ".join(about_recipients[1]["Diagnostic-Code"].split()) == f"smtp; {REPLY}"
    assert about_recipients[2]["Diagnostic-Code"] == "x-unix; no good"
    (returned,) = original.get_payload()
    assert returned["Message-ID"] == "<m1@src.example>"
    assert returned["Return-Path"] == "<t1@src.example>"
    assert returned.get_payload() == "line1\r\n"


def test_headers_alone_are_returned_as_headers() -> None:
    *_, original = _parsed(_report(returned=Returned.HEADERS)).iter_parts()
    assert original.get_content_type() == "text/rfc822-headers"
    assert "line1" not in original.as_string()
    assert "Subject: hi" in original.as_string()


def test_a_message_that_cannot_be_read_is_reported_without_it() -> None:
    assert len(list(_parsed(_report(returned=Returned.NOTHING)).iter_parts())) == 2


def test_a_report_on_internationalised_mail_says_so_in_its_types() -> None:
    concerned = (replace(FAILED[0], recipient=Recipient("jürgen@exämple.example")),)
    parsed = _parsed(_report(concerned=concerned, smtputf8=True))
    _, status, original = parsed.iter_parts()
    assert status.get_content_type() == "message/global-delivery-status"
    assert original.get_content_type() == "message/global"
    assert "Final-Recipient: utf-8; jürgen@exämple.example".encode() in _bytes(
        _report(concerned=concerned, smtputf8=True)
    )


def test_fields_for_programs_are_ascii_where_the_mail_was() -> None:
    concerned = (replace(FAILED[0], reason="kein Eingang für Sie", dsn="5.7.1"),)
    report = _report(concerned=concerned)
    assert b"Content-Transfer-Encoding: 8bit" in frame(report).head
    head = frame(report).head
    assert "für Sie".encode() in head
    assert b"Diagnostic-Code: X-Postfix; kein Eingang f?r Sie\r\n" in head


@given(st.text(max_size=200), st.text(max_size=60), st.text(max_size=60))
def test_nothing_that_a_peer_says_begins_a_line_of_its_own(
    reply: str, envid: str, orcpt: str
) -> None:
    one = replace(
        FAILED[1], reason=reply, reply=reply, recipient=Recipient("a@b.example", "", orcpt)
    )
    envelope = Envelope("t1@src.example", (), envid=envid)
    report = _report(concerned=(one,))
    report = replace(report, original=replace(report.original, envelope=envelope))
    head = frame(report).head
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\r" not in head.replace(b"\r\n", b"")
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if b"Action" in line]
    assert names.count(b"Action") == 1


def test_a_thread_names_the_message_and_what_it_answered() -> None:
    header = b"References: <a@x>\r\n <b@x>\r\nMessage-ID: <c@x>\r\n"
    report = _report()
    report = replace(report, threaded=True, original=replace(report.original, header=header))
    message = _parsed(report)
    assert message["References"].split() == ["<a@x>", "<b@x>", "<c@x>"]
    assert message["In-Reply-To"] == "<c@x>"


@pytest.mark.parametrize(
    ("mail_name", "expected"), [("Postfix", "X-Postfix"), ("My Mail (1)", "X-My-Mail-1-")]
)
def test_the_name_of_the_mail_system_is_part_of_names(mail_name: str, expected: str) -> None:
    assert product(mail_name) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"A: b\r\n\r\nbody\r\n", b"A: b\r\n"),
        (b"A: b\r\n", b"A: b\r\n"),
        (b"\r\nbody\r\n", b""),
    ],
)
def test_the_header_ends_at_the_first_empty_line(content: bytes, expected: bytes) -> None:
    assert header_of(content) == expected
