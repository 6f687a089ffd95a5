"""8-bit content on its way to a 7-bit server."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.agents.smtp.downgrade import to_7bit

HEAD = b"From: a@example.com\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
TEXT = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"


def body_of(content: bytes) -> bytes:
    return content.partition(b"\r\n\r\n")[2]


def test_7bit_content_is_left_alone() -> None:
    content = HEAD + b"\r\nplain\r\n"
    assert to_7bit(content) is content


def test_a_text_becomes_7bit_and_reads_the_same() -> None:
    content = HEAD + TEXT + "Grüße aus Köln\r\n.\r\nEnde\r\n".encode()
    converted = to_7bit(content)
    assert converted.isascii()
    assert converted.startswith(HEAD)
    assert b"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" in converted
    message = email.message_from_bytes(converted, policy=email.policy.default)
    assert message.get_content().replace("\r\n", "\n") == "Grüße aus Köln\n.\nEnde\n"


def test_the_7bit_parts_of_a_multipart_stay_line_for_line() -> None:
    signed = b"Content-Type: application/x\r\n\r\nkeep  this \r\n"
    content = (
        HEAD + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\npreamble\r\n--b\r\n'
        + TEXT + "ü\r\n".encode() + b"--b\r\n" + signed + b"--b--\r\n"
    )  # fmt: skip
    converted = to_7bit(content)
    assert converted.isascii()
    assert b"preamble\r\n--b\r\n" in converted
    assert b"--b\r\n" + signed + b"--b--\r\n" in converted


def test_a_multipart_may_begin_with_its_first_part() -> None:
    content = HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\xe4\r\n--b--"
    assert to_7bit(content) == (
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n"
        b"Content-Transfer-Encoding: 7bit\r\n\r\n--b\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n--b--"
    )


@pytest.mark.parametrize(
    "content",
    [
        "Subject: Köln\r\n\r\nü\r\n".encode(),
        b"Subject: \xff\xfe\r\n\r\n\x80\x81\r\n",
        b"\xff\xfe\r\n",
        HEAD + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\xe4\r\n",
        HEAD + b"Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\n\xe4\r\n",
        HEAD + b"Content-Transfer-Encoding: base64\r\n\r\n\xe4\xe4\r\n",
    ],
)
def test_odd_content_becomes_7bit_too(content: bytes) -> None:
    converted = to_7bit(content)
    assert body_of(converted).isascii()
    assert b"\n" not in converted.replace(b"\r\n", b"")
    assert converted.count(b"Content-Transfer-Encoding:") <= 2


@given(st.binary(max_size=300))
def test_any_content_becomes_7bit(body: bytes) -> None:
    body = body.replace(b"\r", b"").replace(b"\n", b"\r\n")
    converted = to_7bit(HEAD + b"\r\n" + body + b"\r\n")
    assert converted.isascii()
    decoded = email.message_from_bytes(converted).get_payload(decode=True)
    assert decoded == body + b"\r\n"
