"""The client's side of SMTP and LMTP: bytes in, bytes out, no sockets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from spoolmta.errors import LocalProtocolError, RemoteProtocolError
from spoolmta.message.envelope import Notify
from spoolmta.message.outcome import Delivery, DeliveryRecipient
from spoolmta.protocols.smtp_client import (
    Answer,
    Capabilities,
    Phase,
    ReplyReader,
    ServerReply,
    Service,
    Transaction,
    mail_command,
    parse_capabilities,
    rcpt_command,
)

ALL = Capabilities(frozenset(Service), 10_240_000, "mx.example")
NONE = Capabilities()
ALICE = DeliveryRecipient(0, "alice@example.com", "", "", 0)
DELIVERY = Delivery(
    delivery_id=1,
    message_id=1,
    queue_id="0123456789ABCDE",
    transport="smtp",
    nexthop="example.com",
    sender="sender@example.org",
    size=4096,
    encoding="7bit",
    smtputf8=False,
    envid="",
    ret="",
    arrived_at=0.0,
    activated_at=0.0,
    granted_at=0.0,
    attempted_at=0.0,
    recipients=(ALICE,),
)
MAIL = b"MAIL FROM:<s@example.org>\r\n"
RCPTS = (b"RCPT TO:<a@example.com>\r\n", b"RCPT TO:<b@example.com>\r\n")
DATA = b"DATA\r\n"


def replies(data: bytes) -> list[ServerReply]:
    reader = ReplyReader()
    reader.feed(data)
    found = []
    while (reply := reader.next()) is not None:
        found.append(reply)
    return found


def reply(line: str) -> ServerReply:
    return replies(line.encode() + b"\r\n")[0]


def converse(transaction: Transaction, *lines: str) -> list[bytes]:
    """Feed *lines* as replies, send content when it is due; return each write."""
    left = list(lines)
    sent = []
    while (phase := transaction.phase) is not None:
        out = transaction.commands()
        if out:
            sent.append(out)
        if phase is Phase.CONTENT:
            sent.append(b"<content>")
            transaction.content_sent()
        else:
            transaction.receive(reply(left.pop(0)))
    assert not left
    return sent


def codes(transaction: Transaction) -> list[tuple[str, int] | None]:
    return [a and (a.phase.name, a.reply.code) for a in transaction.answers]


# ---------------------------------------------------------------------------------- replies


def test_replies_of_one_segment_come_one_by_one() -> None:
    assert [r.code for r in replies(b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n")] == [
        *(250, 250, 354)
    ]


def test_the_text_of_a_reply_is_what_came_on_one_line() -> None:
    found = replies(b"550-5.1.1 no such\r\n550 5.1.1 user\r\n")
    assert [(r.text, r.dsn) for r in found] == [("550-5.1.1 no such 550 5.1.1 user", "5.1.1")]


@pytest.mark.parametrize(
    ("line", "dsn"),
    [
        ("250 2.1.5 Ok", "2.1.5"),
        ("550 no such user", "5.0.0"),
        ("550 4.1.1 wrong class", "5.0.0"),
        ("450", "4.0.0"),
        ("550 5.7.1000 too long", "5.0.0"),
        ("354 go", "3.0.0"),
    ],
)
def test_the_status_code_agrees_with_the_reply_code(line: str, dsn: str) -> None:
    assert reply(line).dsn == dsn


def test_control_characters_of_a_reply_do_not_reach_the_log() -> None:
    assert reply("550 5.1.1 a\x1b[2Jb\tc").text == "550 5.1.1 a?[2Jb?c"


@pytest.mark.parametrize("data", [b"hello\r\n", b"25 x\r\n", b"2500 x\r\n", b"\r\n", b"150 x\r\n"])
def test_what_is_no_reply_is_an_error_of_the_peer(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        replies(data)


def test_a_reply_without_end_is_an_error_of_the_peer() -> None:
    with pytest.raises(RemoteProtocolError):
        replies(b"250-x\r\n" * 20_000)


@given(st.data())
def test_replies_do_not_depend_on_how_they_are_cut(data: st.DataObject) -> None:
    stream = b"250-mx\r\n250 DSN\r\n550-5.1.1 a\r\n550 5.1.1 b\r\n354 go\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = ReplyReader()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[start:end])
        while (one := reader.next()) is not None:
            found.append(one)
    assert found == replies(stream)
    assert reader.is_empty


@given(st.binary(max_size=200))
def test_any_bytes_are_replies_or_an_error(data: bytes) -> None:
    try:
        for one in replies(data):
            assert 200 <= one.code < 600
            assert one.text.isprintable()
    except RemoteProtocolError:
        pass


# ----------------------------------------------------------------------------- capabilities


def test_capabilities_are_read_in_any_case_and_in_old_forms() -> None:
    lines = "250-mx.example greets you\r\n250-pipelining\r\n250-AUTH=LOGIN\r\n250 Size 1000"
    found = parse_capabilities(reply(lines).reply)
    assert found == Capabilities(
        frozenset({Service.PIPELINING, Service.AUTH, Service.SIZE}), 1000, "mx.example"
    )


def test_discarded_keywords_count_as_not_offered() -> None:
    lines = "250-mx.example\r\n250-PIPELINING\r\n250 SIZE 1000"
    assert parse_capabilities(reply(lines).reply, ["Pipelining", "SIZE"]) == Capabilities(
        name="mx.example"
    )


def test_smtputf8_means_8bitmime() -> None:
    found = parse_capabilities(reply("250-mx.example\r\n250 SMTPUTF8").reply)
    assert Service.EIGHT_BIT_MIME in found.services


@pytest.mark.parametrize("size", ["", "x", "-1", "²"])
def test_a_size_that_is_no_number_sets_no_limit(size: str) -> None:
    found = parse_capabilities(reply(f"250-mx\r\n250 SIZE {size}").reply)
    assert (Service.SIZE in found.services, found.size_limit) == (True, 0)


# ---------------------------------------------------------------------------------- commands


def test_a_plain_server_gets_plain_commands() -> None:
    delivery = replace(DELIVERY, envid="e", ret="HDRS", smtputf8=True, encoding="8bit")
    recipient = replace(ALICE, orcpt="rfc822;a@b", notify=Notify.NEVER)
    assert mail_command(delivery, NONE) == b"MAIL FROM:<sender@example.org>\r\n"
    assert rcpt_command(recipient, NONE, smtputf8=True) == b"RCPT TO:<alice@example.com>\r\n"


def test_mail_carries_what_the_server_offers_to_take() -> None:
    delivery = replace(DELIVERY, envid="a+b c", ret="HDRS", smtputf8=True, encoding="8bit")
    assert mail_command(delivery, ALL) == (
        b"MAIL FROM:<sender@example.org> SIZE=4096 BODY=8BITMIME ENVID=a+2Bb+20c RET=HDRS SMTPUTF8"
        b"\r\n"
    )


def test_converted_content_has_no_announced_size() -> None:
    size_only = Capabilities(frozenset({Service.SIZE}))
    command = mail_command(replace(DELIVERY, encoding="8bit"), size_only, converted=True)
    assert command == b"MAIL FROM:<sender@example.org>\r\n"


def test_the_null_sender_is_an_empty_path() -> None:
    assert mail_command(replace(DELIVERY, sender=""), NONE) == b"MAIL FROM:<>\r\n"


@pytest.mark.parametrize(
    ("recipient", "options"),
    [
        ({"original": "a b@example.com"}, b'ORCPT=rfc822;"a+20b"@example.com'),
        ({"orcpt": "rfc822;x+y@b", "original": "z@b"}, b"ORCPT=rfc822;x+2By@b"),
        ({"notify": Notify.SUCCESS | Notify.DELAY}, b"NOTIFY=SUCCESS,DELAY"),
        ({"notify": Notify.NEVER}, b"NOTIFY=NEVER"),
        ({"original": "ü@b"}, b"ORCPT=rfc822;+C3+BC@b"),
        ({"orcpt": "utf-8;ü=1@b"}, rb"ORCPT=utf-8;\x{FC}\x{3D}1@b"),
    ],
)
def test_rcpt_carries_dsn_options(recipient: dict[str, str], options: bytes) -> None:
    command = rcpt_command(replace(ALICE, **recipient), ALL, smtputf8=False)  # type: ignore[arg-type]
    assert command == b"RCPT TO:<alice@example.com> " + options + b"\r\n"


def test_an_original_recipient_in_utf8_goes_as_utf8_where_that_was_agreed() -> None:
    recipient = replace(ALICE, original="ü+@b")
    command = rcpt_command(recipient, ALL, smtputf8=True)
    assert command == b"RCPT TO:<alice@example.com> ORCPT=utf-8;\\x{FC}\\x{2B}@b\r\n"


def test_an_address_that_needs_quotes_gets_them() -> None:
    recipient = replace(ALICE, address="a b@example.com")
    assert rcpt_command(recipient, NONE, smtputf8=False) == b'RCPT TO:<"a b"@example.com>\r\n'


def test_a_line_end_in_an_address_never_becomes_a_command() -> None:
    with pytest.raises(LocalProtocolError):
        rcpt_command(replace(ALICE, address="a\r\nDATA@b"), NONE, smtputf8=False)


# ------------------------------------------------------------------------------- transactions


def pipelined(*, lmtp: bool = False, reset: bool = False) -> Transaction:
    return Transaction(MAIL, RCPTS, pipelining=True, lmtp=lmtp, reset=reset)


def step_by_step(*, lmtp: bool = False) -> Transaction:
    return Transaction(MAIL, RCPTS, pipelining=False, lmtp=lmtp)


def test_the_pipelined_envelope_is_one_write() -> None:
    transaction = pipelined()
    sent = converse(transaction, "250 ok", "250 ok", "250 ok", "354 go", "250 2.0.0 taken")
    assert sent == [MAIL + RCPTS[0] + RCPTS[1] + DATA, b"<content>"]
    assert codes(transaction) == [("END_OF_DATA", 250)] * 2
    assert all(answer and answer.is_success for answer in transaction.answers)
    assert not transaction.needs_reset


def test_without_pipelining_each_reply_is_awaited() -> None:
    transaction = step_by_step()
    sent = converse(transaction, "250 ok", "250 ok", "250 ok", "354 go", "250 taken")
    assert sent == [MAIL, *RCPTS, DATA, b"<content>"]


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_probe_ends_with_the_answers_to_its_recipients(pipelining: bool) -> None:
    transaction = Transaction(MAIL, RCPTS, pipelining=pipelining, probe=True)
    sent = b""
    for line in ("250 ok", "250 2.1.5 fine", "550 5.1.1 unknown"):
        sent += transaction.commands()
        transaction.receive(reply(line))
    assert transaction.commands() == b""
    assert transaction.phase is None
    assert sent == MAIL + b"".join(RCPTS)
    taken, refused = transaction.answers
    assert taken is not None
    assert taken.is_success
    assert refused is not None
    assert not refused.is_success
    assert transaction.needs_reset


def test_reset_goes_before_mail_in_the_same_write() -> None:
    transaction = pipelined(reset=True)
    sent = converse(transaction, *["250 ok"] * 4, "354 go", "250 taken")
    assert sent[0].startswith(b"RSET\r\nMAIL ")


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_refused_recipient_does_not_hinder_the_other(pipelining: bool) -> None:
    transaction = Transaction(MAIL, RCPTS, pipelining=pipelining)
    converse(transaction, "250 ok", "550 5.1.1 no", "250 ok", "354 go", "250 taken")
    assert codes(transaction) == [("RCPT", 550), ("END_OF_DATA", 250)]


def test_data_that_was_taken_without_recipients_gets_an_empty_message() -> None:
    transaction = pipelined()
    sent = converse(transaction, "250 ok", "550 no", "450 no", "354 go", "554 nobody")
    assert sent[1:] == [b".\r\n"]
    assert codes(transaction) == [("RCPT", 550), ("RCPT", 450)]
    assert not transaction.needs_reset


def test_data_refused_after_all_recipients_leaves_their_answers() -> None:
    transaction = pipelined()
    converse(transaction, "250 ok", "550 no", "450 no", "554 5.5.1 no valid recipients")
    assert codes(transaction) == [("RCPT", 550), ("RCPT", 450)]
    assert transaction.needs_reset


@pytest.mark.parametrize("pipelining", [True, False])
def test_data_refused_counts_for_the_recipients_that_were_taken(pipelining: bool) -> None:
    transaction = Transaction(MAIL, RCPTS, pipelining=pipelining)
    converse(transaction, "250 ok", "250 ok", "550 no", "451 4.3.0 not now")
    assert codes(transaction) == [("DATA", 451), ("RCPT", 550)]
    assert transaction.needs_reset


def test_a_refused_sender_is_the_answer_to_all_recipients() -> None:
    transaction = pipelined()
    converse(transaction, "553 5.1.8 no", "503 x", "503 x", "503 x")
    assert codes(transaction) == [("MAIL", 553)] * 2
    assert not transaction.needs_reset


def test_a_refused_sender_ends_a_conversation_that_is_not_pipelined() -> None:
    transaction = step_by_step()
    assert converse(transaction, "451 4.3.0 no") == [MAIL]


def test_no_data_is_sent_when_no_recipient_was_taken() -> None:
    transaction = step_by_step()
    assert converse(transaction, "250 ok", "550 no", "550 no") == [MAIL, *RCPTS]
    assert transaction.needs_reset


def test_content_refused_is_the_answer_to_all() -> None:
    transaction = pipelined()
    converse(transaction, "250 ok", "250 ok", "250 ok", "354 go", "552 5.3.4 too big")
    assert codes(transaction) == [("END_OF_DATA", 552)] * 2
    assert not transaction.answers[0].is_success  # type: ignore[union-attr]


@pytest.mark.parametrize("pipelining", [True, False])
def test_lmtp_answers_each_recipient_that_was_taken(pipelining: bool) -> None:
    recipients = (*RCPTS, b"RCPT TO:<c@example.com>\r\n")
    transaction = Transaction(MAIL, recipients, pipelining=pipelining, lmtp=True)
    converse(transaction, *["250 ok", "250 ok", "550 no", "250 ok", "354 go"], "250 in", "452 full")
    assert codes(transaction) == [("END_OF_DATA", 250), ("RCPT", 550), ("END_OF_DATA", 452)]
    assert not transaction.needs_reset


def test_lmtp_without_any_recipient_gets_one_reply() -> None:
    transaction = pipelined(lmtp=True)
    converse(transaction, "250 ok", "550 no", "550 no", "354 go", "503 nobody")
    assert codes(transaction) == [("RCPT", 550)] * 2


def test_recipients_without_number_go_in_several_writes() -> None:
    recipients = [b"RCPT TO:<%04d@example.com>\r\n" % n for n in range(2000)]
    transaction = Transaction(MAIL, recipients, pipelining=True)
    sent = converse(transaction, *["250 ok"] * 2001, "354 go", "250 taken")
    assert b"".join(sent[:-1]) == MAIL + b"".join(recipients) + DATA
    assert max(map(len, sent)) < 17_000


def test_a_refused_sender_in_the_first_of_several_writes_ends_it() -> None:
    recipients = [b"RCPT TO:<%04d@example.com>\r\n" % n for n in range(2000)]
    transaction = Transaction(MAIL, recipients, pipelining=True)
    transaction.commands()
    while transaction.phase is not None:
        transaction.receive(reply("550 no"))
    assert codes(transaction) == [("MAIL", 550)] * 2000


def test_421_says_that_the_connection_ends() -> None:
    transaction = step_by_step()
    converse(transaction, "421 4.3.2 closing")
    assert transaction.closing


def test_a_refused_reset_says_that_the_connection_is_of_no_use() -> None:
    transaction = pipelined(reset=True)
    transaction.commands()
    transaction.receive(reply("502 what?"))
    assert transaction.closing
    assert not transaction.confirmed


def test_a_reply_that_nobody_waits_for_is_our_error() -> None:
    with pytest.raises(LocalProtocolError):
        pipelined().receive(reply("250 ok"))


@given(
    st.booleans(),
    st.booleans(),
    st.lists(st.sampled_from(["250 ok", "354 go", "450 no", "550 no", "421 bye"]), max_size=40),
)
def test_any_replies_lead_to_an_end(pipelining: bool, lmtp: bool, lines: list[str]) -> None:
    transaction = Transaction(MAIL, RCPTS, pipelining=pipelining, lmtp=lmtp)
    lines += ["250 ok"] * 10
    while (phase := transaction.phase) is not None:
        transaction.commands()
        if phase is Phase.CONTENT:
            transaction.content_sent()
        else:
            transaction.receive(reply(lines.pop(0)))
    assert all(isinstance(answer, Answer) for answer in transaction.answers)
