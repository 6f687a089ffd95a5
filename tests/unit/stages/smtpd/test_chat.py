from spoolmta.protocols.smtp_syntax import Reply
from spoolmta.stages.smtpd.chat import Chat, soften


def test_replies_leave_in_one_write():
    written = []
    chat = Chat(written.append, soft_bounce=False)
    chat.send(Reply(250, "2.1.0", "Ok"))
    chat.send(Reply(550, "5.1.1", "no"))
    assert written == []
    chat.flush()
    chat.flush()
    assert written == [b"250 2.1.0 Ok\r\n550 5.1.1 no\r\n"]


def test_soft_bounce_makes_nothing_final():
    written = []
    chat = Chat(written.append, soft_bounce=True)
    chat.send(Reply(550, "5.1.1", "no"))
    chat.send(Reply(501, "", "no"))
    chat.send(Reply(250, "2.1.0", "Ok"))
    chat.flush()
    assert written == [b"450 4.1.1 no\r\n401 no\r\n250 2.1.0 Ok\r\n"]


def test_a_softened_reply_says_the_same():
    assert soften(Reply(554, "5.7.1", "go")) == Reply(454, "4.7.1", "go")
