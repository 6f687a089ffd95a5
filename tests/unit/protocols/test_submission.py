"""The language of public/submit, both sides, in any pieces; and what it does not allow."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.errors import RemoteProtocolError
from spoolmta.message.envelope import Notify
from spoolmta.message.submitter import Submitter
from spoolmta.protocols import submission
from spoolmta.protocols.submission import (
    Answer,
    AnswerReader,
    Begun,
    Content,
    Ended,
    Event,
    Submission,
    SubmissionReader,
)


def frame(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(4) + payload


def said(data: bytes, pieces: int = 1 << 20) -> list[Event]:
    """Return what the server hears."""
    reader = SubmissionReader()
    return [
        event for at in range(0, len(data), pieces) for event in reader.feed(data[at : at + pieces])
    ]


BEGINNING = submission.format_begin(Submission(), ["a@x.test"])


def test_a_message_is_understood_in_any_pieces() -> None:
    asked = Submission("", "Jö", extract=True, envid="id", ret="HDRS", encoding="8bit", notify=6)
    data = submission.format_begin(asked, ["a@x.test", "", "ü@x.test"])
    data += b"".join(submission.format_content(b"Subject: x\r\n\r\nbody\r\n"))
    data += submission.format_end()
    for pieces in (1, 2, 7, 1000):
        begun, content, ended = said(data, pieces)
        assert begun == Begun(asked, ("a@x.test", "", "ü@x.test"))
        assert content == Content(b"Subject: x\r\n\r\nbody\r\n")
        assert ended == Ended()


def test_who_says_nothing_is_the_user() -> None:
    begun, _ = said(BEGINNING + submission.format_end())
    assert isinstance(begun, Begun)
    envelope = begun.submission.envelope(Submitter(1000, "joe", "Joe Doe"), begun.recipients)
    assert (envelope.sender, envelope.full_name, envelope.uid) == ("joe", "Joe Doe", 1000)
    assert (envelope.origin, envelope.client.is_local) == ("sendmail", True)
    assert envelope.recipients[0].notify is Notify.ABSENT


def test_privileges_cannot_be_claimed() -> None:
    words = b"uid\x000\x00origin\0smtpd\0client_name\0x\0sasl_username\0root\0"
    data = frame(b"E", words) + frame(b"R", b"a@x.test\0") + submission.format_end()
    begun, _ = said(data)
    assert isinstance(begun, Begun)
    envelope = begun.submission.envelope(Submitter(1000, "joe", ""), begun.recipients)
    assert (envelope.uid, envelope.origin, envelope.client.sasl_username) == (1000, "sendmail", "")


@pytest.mark.parametrize(
    "data",
    [
        b"X" + bytes(4),
        frame(b"R", b"a@x.test\0"),
        frame(b"C", b"x\r\n"),
        frame(b"Z", b""),
        b"E" + (submission.ENVELOPE_BYTES + 1).to_bytes(4),
        b"E\xff\xff\xff\xff",
        frame(b"E", b"") + frame(b"Z", b""),
        frame(b"E", b"") + frame(b"E", b""),
        frame(b"E", b"sender\0"[:-1]),
        frame(b"E", b"sender\0\xff@x\0"),
        frame(b"E", b"ret\0ALL\0"),
        frame(b"E", b"notify\x003\0"),
        frame(b"E", b"notify\0-1\0"),
        frame(b"E", b"envid\0" + b"x" * 101 + b"\0"),
        frame(b"E", b"envid\0a\nb\0"),
        frame(b"E", b"sender\0a\r\nb\0"),
        frame(b"E", b"") + frame(b"R", b"a@x\0b\n@x\0"),
        frame(b"E", b"") + frame(b"R", b"a" * 2049 + b"\0"),
        BEGINNING + frame(b"R", b"a" * 70_000),
        BEGINNING + frame(b"C", b"x\n"),
        BEGINNING + frame(b"C", b"x\r"),
        BEGINNING + frame(b"C", b"x\r\r\n"),
        BEGINNING + frame(b"C", b"x\r") + frame(b"C", b"\n"),
        BEGINNING + frame(b"C", b"no line end") + frame(b"Z", b""),
        BEGINNING + frame(b"C", b"x\r\n") + frame(b"R", b"a@x\0"),
        BEGINNING + frame(b"Z", b"") + frame(b"C", b"x\r\n"),
    ],
)
def test_what_is_not_allowed(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        said(data)


def test_there_is_a_limit_to_recipients() -> None:
    reader = SubmissionReader()
    assert not list(reader.feed(frame(b"E", b"")))
    some = frame(b"R", b"a\0" * 30_000)
    with pytest.raises(RemoteProtocolError, match="more than 100000 recipients"):
        for _ in range(4):
            list(reader.feed(some))


def test_many_recipients_take_many_frames() -> None:
    people = [f"user{number}@{'x' * 50}.test" for number in range(5000)]
    begun, _ = said(submission.format_begin(Submission(), people) + submission.format_end())
    assert begun == Begun(Submission(), tuple(people))


@given(st.lists(st.sampled_from([b"x", b"\r\n", b"yy" * 40_000, b"z" * 131_071]), max_size=6))
def test_content_is_cut_between_line_ends_only(parts: list[bytes]) -> None:
    content = b"".join([*parts, b"\r\n"])
    events = said(
        BEGINNING + b"".join(submission.format_content(content)) + submission.format_end()
    )
    assert b"".join(e.data for e in events if isinstance(e, Content)) == content


@given(st.binary(max_size=60))
def test_any_bytes_are_understood_or_refused(data: bytes) -> None:
    for start in (b"", BEGINNING):
        with contextlib.suppress(RemoteProtocolError):
            said(start + data)


def test_the_answer_comes_after_the_greeting() -> None:
    reader = AnswerReader()
    assert reader.feed(submission.GREETING[:3]) is None
    assert not reader.greeted
    assert reader.feed(submission.GREETING[3:]) is None
    assert reader.greeted
    assert reader.feed(submission.format_accepted("1AC")) == Answer("1AC")


def test_a_refusal_has_a_status_and_a_reason() -> None:
    reader = AnswerReader()
    data = submission.format_refused(75, "not now: ü")
    answers = [reader.feed(bytes([octet])) for octet in data]
    assert answers[-1] == Answer(status=75, text="not now: ü")
    assert not reader.greeted


@pytest.mark.parametrize("data", [b"HTTP/1.0 200", frame(b"X", b"no status"), b"A\0\1\0\0"])
def test_an_answer_that_is_none(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        AnswerReader().feed(data)


def test_the_headers_name_recipients() -> None:
    content = (
        b'To: a@x.test, "B, C" <b@x.test>\r\nBcc: c\r\nSubject: d@x.test\r\n\r\nTo: e@x.test\r\n'
    )
    assert submission.extract_recipients(content) == ["a@x.test", "b@x.test", "c"]
    with pytest.raises(RemoteProtocolError):
        submission.extract_recipients(b"To: \xff@x.test\r\n\r\n")
