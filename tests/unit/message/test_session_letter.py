"""The letter to the postmaster about a session, apart from who sends it."""

from spoolmta.message.session_letter import SessionLetter, said


def lines(letter: SessionLetter) -> list[str]:
    text = letter.text(sender="a@x", recipient="b@x", mail_name="Postfix", at=0.0)
    assert text.endswith(b"\r\n")
    return text.decode().split("\r\n")


def test_a_letter_says_who_erred_and_why_the_session_ended() -> None:
    letter = SessionLetter("SMTP server", "c[192.0.2.1]", ("Out: 220 hi",), reason="timeout")
    assert lines(letter)[3:] == [
        "Subject: Postfix SMTP server: errors from c[192.0.2.1]", "",
        "Transcript of session follows.", "", " Out: 220 hi", "",
        "Session aborted, reason: timeout", "", "For other details, see the local mail logfile", "",
    ]  # fmt: skip


def test_nothing_that_a_stranger_said_becomes_a_line_of_its_own() -> None:
    letter = SessionLetter("SMTP client", "c", tuple(said("In:  ", "FOO\x00\nSubject: y\x7f\r\n")))
    assert " In:  FOO??Subject: y?" in lines(letter)


def test_an_answer_of_several_lines_is_as_many_lines() -> None:
    assert list(said("Out: ", "250-a\r\n250 b\r\n")) == ["Out: 250-a", "Out: 250 b"]
