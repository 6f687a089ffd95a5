"""What of a session with a server is told to the postmaster."""

from typing import Any

import pytest

from spoolmta.agents.smtp.transcript import Transcript
from spoolmta.protocols.smtp_client import ReplyReader, ServerReply
from spoolmta.service.postmaster import Postmaster
from tests.support.mta import Mta


@pytest.fixture
def mta(tmp_path: Any) -> Any:
    settings = {"notify_classes": "protocol", "error_notice_recipient": "alice@inbox.example"}
    with Mta(tmp_path, settings) as mta:
        yield mta


def reply(raw: bytes) -> ServerReply:
    reader = ReplyReader()
    reader.feed(raw)
    found = reader.next()
    assert found is not None
    return found


def letters(mta: Mta, answer: bytes, *, twice: bool = False) -> list[bytes]:
    async def talk() -> None:
        transcript = Transcript(Postmaster.open(mta.context), "LMTP client", "mx[192.0.2.1]:24")
        transcript.says(b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\n")
        transcript.hears(reply(answer))
        transcript.judge(reply(answer))
        for _ in range(1 + twice):
            transcript.tell()
        await mta.context.committer.submit(lambda _: None)  # which commits what came before it

    mta.run(talk())
    mta.run_until_idle()
    return mta.maildir("inbox.example", "alice")


@pytest.mark.parametrize("answer", [b"500 5.5.2 what?\r\n", b"555 no such option\r\n"])
def test_a_reply_about_syntax_is_told_once(mta: Mta, answer: bytes) -> None:
    (told,) = letters(mta, answer, twice=True)
    assert b"Subject: Postfix LMTP client: errors from mx[192.0.2.1]:24\n" in told
    assert b" Out: MAIL FROM:<a@b>\n Out: RCPT TO:<c@d>\n In:  " in told


@pytest.mark.parametrize("answer", [b"550 5.1.1 nobody\r\n", b"421 4.3.2 later\r\n"])
def test_any_other_refusal_is_not_told(mta: Mta, answer: bytes) -> None:
    assert letters(mta, answer) == []
