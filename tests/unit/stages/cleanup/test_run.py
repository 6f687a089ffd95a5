"""What a message looks like when cleanup is done with it."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.message.envelope import Client, Notify, Recipient
from spoolmta.stages.cleanup.verdict import Verdict
from tests.unit.stages.cleanup.conftest import QUEUE_ID, Clean, begin, quiet_rules

DATE = "Fri, 15 Jan 2027 08:00:00 +0000 (UTC)"
WHOLE = b"From: a@b.test\r\nDate: now\r\nMessage-ID: <i@b.test>\r\n\r\nbody\r\n"


pytestmark = pytest.mark.usefixtures("utc")


def test_received_tells_of_the_client_and_the_only_recipient(clean: Clean) -> None:
    done = clean(WHOLE)
    assert done.head.startswith(
        "Received: from helo.example (client.example [192.0.2.1])\r\n"
        f"\tby mail.example.test (Postfix) with ESMTP id {QUEUE_ID}\r\n"
        f"\tfor <r@example.test>; {DATE}\r\n"
        "From: a@b.test\r\n"
    )
    assert done.content.endswith(b"Message-ID: <i@b.test>\r\n\r\nbody\r\n")
    assert done.result.size == len(done.content)
    assert done.result.verdict is Verdict.ACCEPT


def test_received_names_no_recipient_if_there_are_several(clean: Clean) -> None:
    done = clean(WHOLE, ["r@example.test", "s@example.test"])
    assert f"with ESMTP id {QUEUE_ID};" in done.head
    assert "for <" not in done.head


def test_received_of_a_user_and_of_our_own_mail(clean: Clean) -> None:
    by_user = clean(WHOLE, client=Client(), origin="sendmail", uid=1000)
    assert by_user.head.startswith(
        f"Received: by mail.example.test (Postfix, from userid 1000)\r\n\tid {QUEUE_ID}; {DATE}\r\n"
    )
    by_us = clean(WHOLE, client=Client(), origin="bounce", sender="")
    assert by_us.head.startswith(
        f"Received: by mail.example.test (Postfix)\r\n\tid {QUEUE_ID}; {DATE}\r\n"
    )


def test_received_of_an_internationalized_client_on_ipv6(clean: Clean) -> None:
    client = Client("unknown", "", "2001:db8::1", 1, "h", "ESMTP", sasl_username="joe")
    done = clean(WHOLE, client=client, smtputf8=True)
    assert "(unknown [IPv6:2001:db8::1])" in done.head
    assert "with UTF8SMTPA id" in done.head


def test_missing_headers_are_added_at_the_end_for_local_clients(clean: Clean) -> None:
    done = clean(b"Subject: x\r\n\r\nbody\r\n")
    message_id = f"<20270115080000.{QUEUE_ID}@mail.example.test>"
    assert done.head.endswith(
        f"Subject: x\r\nMessage-Id: {message_id}\r\nDate: {DATE}\r\nFrom: a@b.test\r\n\r\n"
    )
    assert done.result.message_id == message_id
    assert f"{QUEUE_ID}: message-id={message_id}\n" in done.log


def test_nothing_is_added_for_foreign_clients(clean: Clean) -> None:
    done = clean(b"Subject: x\r\n\r\nbody\r\n", local_rewrite=False)
    assert done.head.endswith("(UTC)\r\nSubject: x\r\n\r\n")
    assert f"{QUEUE_ID}: message-id=<>\n" in done.log
    added = clean(
        b"Subject: x\r\n\r\n", local_rewrite=False, settings={"always_add_missing_headers": "yes"}
    )
    assert "From: a@b.test\r\n" in added.head


def test_a_message_sent_again_gets_resent_headers(clean: Clean) -> None:
    done = clean(b"Resent-To: joe\r\nFrom: x@y.test\r\n\r\nbody\r\n")
    assert "Resent-Message-Id: <" in done.head
    assert f"Resent-Date: {DATE}\r\nResent-From: a@b.test\r\n\r\n" in done.head
    assert "\r\nMessage-Id:" not in done.head
    assert "resent-message-id=<2027" in done.log
    assert "message-id=<>" in done.log


@pytest.mark.parametrize(
    ("full_name", "shown"),
    [
        ("", "a@b.test"),
        ("Joe Doe", "Joe Doe <a@b.test>"),
        ("J. Doe", '"J. Doe" <a@b.test>'),
        ('J "x" Doe', '"J \\"x\\" Doe" <a@b.test>'),
        ("a\\b", '"a\\\\b" <a@b.test>'),
        ("Jörg", "=?utf-8?B?SsO2cmc=?= <a@b.test>"),
        ("J.  Doe", '"J.  Doe" <a@b.test>'),
        (" Joe  Doe ", "Joe Doe <a@b.test>"),
        ("evil\r\nBcc: x", '"evil  Bcc: x" <a@b.test>'),
    ],
)
def test_from_shows_the_full_name(clean: Clean, full_name: str, shown: str) -> None:
    assert f"\r\nFrom: {shown}\r\n" in clean(b"\r\nx\r\n", full_name=full_name).head


def test_from_in_the_old_form(clean: Clean) -> None:
    done = clean(b"\r\n", full_name="J. Doe", settings={"header_from_format": "obsolete"})
    assert "\r\nFrom: a@b.test (J. Doe)\r\n" in done.head


def test_from_of_the_null_sender(clean: Clean) -> None:
    assert "\r\nFrom: MAILER-DAEMON\r\n" in clean(b"\r\n", sender="", full_name="x").head


def test_headers_that_no_message_keeps_are_dropped(clean: Clean) -> None:
    done = clean(
        b"To: y@z.test\r\nBcc: joe,\r\n\tjim\r\nReturn-Path: <x>\r\nbcc : k\r\n"
        b"Content-Length: 3\r\nSubject: s\r\n\r\nBcc: in the body\r\n",
        local_rewrite=False,
    )
    assert done.head.endswith("(UTC)\r\nTo: y@z.test\r\nSubject: s\r\n\r\n")
    assert done.content.endswith(b"\r\n\r\nBcc: in the body\r\n")


def test_header_addresses_are_completed_for_local_clients(clean: Clean) -> None:
    content = (
        b'To: joe, "Bob, B" <bob>\r\nFrom : x\r\nCc: a@b.example, C <c@d.example>\r\n'
        b"Subject: joe\r\n\r\n"
    )
    done = clean(content)
    assert 'To: joe@mail.example.test, "Bob, B" <bob@mail.example.test>\r\n' in done.head
    assert "\r\nFrom: x@mail.example.test\r\n" in done.head
    assert "\r\nCc: a@b.example, C <c@d.example>\r\nSubject: joe\r\n" in done.head
    foreign = clean(content, local_rewrite=False)
    assert 'To: joe, "Bob, B" <bob>\r\n' in foreign.head
    remote = clean(
        content, local_rewrite=False, settings={"remote_header_rewrite_domain": "else.invalid"}
    )
    assert "To: joe@else.invalid" in remote.head


def test_a_mailbox_line_becomes_a_header(clean: Clean) -> None:
    done = clean(b"From x y\r\nSubject: x\r\n\r\nbody\r\n", local_rewrite=False)
    assert done.head.endswith("(UTC)\r\nX-Mailbox-Line: From x y\r\nSubject: x\r\n\r\n")


def test_text_in_the_header_begins_the_body(clean: Clean) -> None:
    done = clean(b"Subject: x\r\ntext: of the body \r\nno: t\r\ntext here\r\nTo: y\r\n")
    assert done.content.endswith(b"From: a@b.test\r\n\r\ntext here\r\nTo: y\r\n")


def test_headers_alone_get_no_empty_line(clean: Clean) -> None:
    assert clean(b"Subject: x\r\n", local_rewrite=False).content.endswith(b"\r\nSubject: x\r\n")
    assert clean(b"", local_rewrite=False).content.endswith(b"(UTC)\r\n")


def test_the_fiftieth_hop_is_one_too_many(clean: Clean) -> None:
    hops = b"Received: x\r\n"
    assert clean(hops * 48 + b"\r\n").result.verdict is Verdict.ACCEPT
    done = clean(hops * 49 + b"\r\n")
    assert done.result.verdict is Verdict.REJECT
    assert done.result.reply == "554 5.4.0 Error: too many hops"
    assert f"warning: {QUEUE_ID}: message rejected: hopcount exceeded" in done.log


def test_what_a_header_has_beyond_its_limit_is_dropped(clean: Clean) -> None:
    long = b"Subject: " + b"x" * 500 + b"\r\n " + b"y" * 600 + b"\r\nTo: z@z.test\r\n\r\nbody\r\n"
    done = clean(long, settings={"header_size_limit": "600"}, local_rewrite=False)
    assert "x" * 500 in done.head
    assert done.head.endswith("x\r\nTo: z@z.test\r\n\r\n")
    long = b"Subject: " + b"x" * 700 + b"\r\n y\r\n\r\nbody\r\n"
    done = clean(long, settings={"header_size_limit": "600"}, local_rewrite=False)
    assert done.head.endswith("\r\nSubject: " + "x" * (600 - len("Subject: ")) + "\r\n\r\n")


def test_a_message_that_is_too_large_is_not_taken(clean: Clean) -> None:
    settings = {"message_size_limit": "1000"}
    assert clean(b"\r\n" + b"x" * 998, settings=settings).result.verdict is Verdict.ACCEPT
    done = clean(b"\r\n" + b"x" * 999, settings=settings, pieces=100)
    assert done.result.reply == "552 5.3.4 Error: message file too big"
    assert done.result.verdict is Verdict.REJECT


def test_headers_that_are_too_large_together_are_not_taken(clean: Clean) -> None:
    done = clean(b"X: " + b"x" * 1000 + b"\r\n" + b"X: yyyyyyyyyyyy\r\n" * 90_000, pieces=50_000)
    assert done.result.reply == "552 5.3.4 Error: message header too big"


def test_our_own_name_is_the_null_sender(clean: Clean) -> None:
    assert clean(WHOLE, sender="mailer-daemon@mail.example.test").result.sender == ""
    assert clean(WHOLE, sender="mailer-daemon@x.example").result.sender != ""
    assert clean(WHOLE, sender="joe").result.sender == "joe@mail.example.test"


def test_a_table_that_gives_no_answer_defers(clean: Clean) -> None:
    done = clean(WHOLE, settings={"virtual_alias_maps": "fail:down", "virtual_alias_domains": ""})
    assert done.result.verdict is Verdict.DEFER
    assert done.result.reply.startswith("451 4.3.0 ")
    assert "warning: " in done.log


def test_aliases_that_never_end_defer(clean: Clean) -> None:
    table = "inline:{{a@example.test=a@example.test, b@example.test, c@example.test}}"
    settings = {"virtual_alias_maps": table, "virtual_alias_expansion_limit": "2"}
    done = clean(WHOLE, ["a@example.test"], settings=settings)
    assert done.result.reply == "451 4.6.0 Alias expansion error"


def test_long_queue_ids_are_message_ids_by_themselves(clean: Clean) -> None:
    done = clean(b"\r\n", queue_id="3Pt2mN2VXxznjll", settings={"enable_long_queue_ids": "yes"})
    assert done.result.message_id == "<3Pt2mN2VXxznjll@mail.example.test>"


def test_undisclosed_recipients(clean: Clean) -> None:
    settings = {"undisclosed_recipients_header": "To: undisclosed-recipients:;"}
    assert "\r\nTo: undisclosed-recipients:;\r\n" in clean(b"\r\n", settings=settings).head
    assert "undisclosed" not in clean(b"Cc: x\r\n\r\n", settings=settings).head


def test_an_envelope_is_kept_with_its_wishes(clean: Clean) -> None:
    wish = Recipient("joe", "joe", "rfc822;joe@x.test", Notify.NEVER)
    done = clean(WHOLE, [wish])
    assert done.result.recipients == (
        Recipient("joe@mail.example.test", "joe", "rfc822;joe@x.test", Notify.NEVER),
    )


@given(content=st.binary(max_size=200), pieces=st.integers(1, 50))
def test_any_bytes_are_taken_and_the_body_is_kept(content: bytes, pieces: int) -> None:
    text = content.replace(b"\r", b" ").replace(b"\n", b"\r\n") + b"\r\n"
    cleanup = begin(*quiet_rules())
    body = b"".join(cleanup.feed(text[at : at + pieces]) for at in range(0, len(text), pieces))
    result = asyncio.run(cleanup.finish([Recipient("r@example.test")]))
    assert result.verdict is Verdict.ACCEPT
    assert text.endswith(body + result.tail)
    assert result.size == len(result.head + body + result.tail)
