import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoolmta.errors import RemoteProtocolError
from spoolmta.message.envelope import Notify
from spoolmta.protocols.smtp_syntax import (
    LONGEST_REPLY_LINE,
    Command,
    MailOptions,
    RcptOptions,
    Refused,
    Reply,
    decode_xtext,
    encode_xtext,
    format_notify,
    parse_command,
    parse_mail_options,
    parse_mailbox,
    parse_notify,
    parse_path,
    parse_rcpt_options,
    parse_reply,
    split_words,
)
from tests.support.hostile_texts import HOSTILE, SIZE, milliseconds


@pytest.mark.parametrize(
    ("line", "verb", "argument"),
    [
        (b"NOOP", b"NOOP", b""),
        (b"noop", b"NOOP", b""),
        (b"ehlo mail.example.com", b"EHLO", b"mail.example.com"),
        (b"  RCPT  TO:<a@b> ", b"RCPT", b"TO:<a@b>"),
        (b"mail\tfrom:<a@b>", b"MAIL", b"from:<a@b>"),
        (b"", b"", b""),
    ],
)
def test_a_command_line_is_a_verb_and_an_argument(line, verb, argument):
    assert parse_command(line) == Command(verb, argument)


@pytest.mark.parametrize(
    ("argument", "path", "parameters"),
    [
        (b"FROM:<a@b>", b"<a@b>", []),
        (b"from: <a@b>", b"<a@b>", []),
        (b"From:<a@b> SIZE=10\tBODY=7BIT", b"<a@b>", [b"SIZE=10", b"BODY=7BIT"]),
        (b"FROM:a@b SIZE=10", b"a@b", [b"SIZE=10"]),
        (b'FROM:<"a b"@c> X', b'<"a b"@c>', [b"X"]),
        (b'FROM:"a > b"@c X', b'"a > b"@c', [b"X"]),
        (b"FROM:<a b> c", b"<a b>", [b"c"]),
        (b"FROM:<a@b>foo bar", b"<a@b>foo", [b"bar"]),
        (b"FROM:<a\\>b@c> d", b"<a\\>b@c>", [b"d"]),
    ],
)
def test_a_path_is_taken_with_what_follows_it(argument, path, parameters):
    assert parse_path(argument, b"FROM:") == (path, parameters)


@pytest.mark.parametrize("argument", [b"", b"FROM", b"FROM:", b"FROM: ", b"FROM :<a>", b"TO:<a>"])
def test_an_argument_of_another_form_has_no_path(argument):
    assert parse_path(argument, b"FROM:") is None


# What Postfix 3.7 answers 250 to, as RCPT TO:<...>, and the address in internal form.
GOOD = {
    "a@b_c": "a@b_c",
    "a@b.": "a@b.",
    '"a b"@c': "a b@c",
    '"a\\"b"@c': 'a"b@c',
    "a\\ b@c": "a b@c",
    "a\\b@c": "ab@c",
    '"a@b"@c': "a@b@c",
    '"a@b"': "a@b",
    "a@b@c": "a@b@c",
    "a:b@c": "a:b@c",
    "(x)a@b": "a@b",
    "a(x)@b": "a@b",
    "a@b(x)": "a@b",
    "[a]@c": "[a]@c",
    "a@[IPv6:::1]": "a@[IPv6:::1]",
    "a@" + "b" * 63 + ".c": "a@" + "b" * 63 + ".c",
    ".a@b": ".a@b",
    "a..b@c": "a..b@c",
    "a@@b": "a@@b",
    'a@"b"': "a@b",
    "a!b": "a!b",
    "a%b@c": "a%b@c",
    " a@b ": "a@b",
    "a @ b": "a@b",
    "@x:a@b": "a@b",
    "@x,@y:a@b": "a@b",
    "@x:@y:a@b": "a@b",
    "@x:a": "a",
    "=?x?=@b": "=?x?=@b",
    "*@b": "*@b",
    "o'b@c": "o'b@c",
    "postmaster": "postmaster",
    "<a@b>": "a@b",
    "ü@ö.example": "ü@ö.example",
    "": "",
}
BAD = [
    "a@1.2.3.4",
    "a@123",
    "a@-b",
    "a@b-",
    "a@b-.c",
    "a@b..",
    "a@.b",
    "a b@c",
    '"a"b"@c',
    'a"b"c@d',
    "a,b@c",
    "a;b@c",
    "a<b@c",
    "a>b@c",
    "a@[1.2.3]",
    "a@[1.2.3.4",
    "a@1.2.3.4]",
    "a@[::1]",
    "a@[IPv6:x]",
    "a@" + "b" * 64 + ".c",
    "a@" + ".".join(["b" * 60] * 5),
    "@",
    "foo@",
    '"a',
    'a"',
    "a@b c",
    "a\tb@c",
    "a@b/c",
    "a@b!c",
    "@x:",
    "a@x:b",
    "a@b\\",
    "a@[127.0.0.1].c",
    "a@*",
    "a@b:25",
    "a@#123",
    "a@[]",
    "a\x01@b",
    "a\r@b",
]


@pytest.mark.parametrize(("text", "address"), GOOD.items())
def test_an_address_is_read_as_postfix_reads_it(text, address):
    assert parse_mailbox(f"<{text}>".encode()) == address
    if not text.startswith(" ") and " @" not in text and text:
        assert parse_mailbox(text.encode()) == address


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_address_is_told_from_one(text):
    assert parse_mailbox(f"<{text}>".encode()) is None


@pytest.mark.parametrize("path", [b"<a@b", b"<a@b>foo", b"<", b"<a@b>>", b"a<a@b>"])
def test_brackets_must_match(path):
    assert parse_mailbox(path) is None


def test_a_comment_may_follow_the_brackets():
    assert parse_mailbox(b"<a@b>(home)") == "a@b"


def test_a_domain_of_digits_is_taken_where_the_site_says_so():
    assert parse_mailbox(b"<a@192.0.2.1>", numeric_domain=True) == "a@192.0.2.1"


@given(st.binary(max_size=60))
def test_any_bytes_are_an_address_without_control_characters_or_none(path):
    address = parse_mailbox(path)
    assert address is None or all(c >= " " and c != "\x7f" for c in address)


@given(st.binary(max_size=60))
def test_no_word_of_an_argument_is_lost(text):
    joined = b"".join(split_words(text))
    assert [c for c in joined if c not in b" \t"] == [c for c in text if c not in b" \t"]


def test_mail_parameters_are_read_in_any_case():
    parameters = [b"size=10", b"Body=8bitmime", b"smtputf8", b"RET=hdrs", b"ENVID=a+41b"]
    assert parse_mail_options(parameters) == MailOptions(10, "8BITMIME", "HDRS", "aAb", True)
    assert parse_mail_options([]) == MailOptions()


@pytest.mark.parametrize(
    ("parameter", "reply"),
    [
        (b"FOO=bar", "555 5.5.4 Unsupported option: FOO=bar"),
        (b"SIZE", "555 5.5.4 Unsupported option: SIZE"),
        (b"SIZE=", "501 5.5.4 Bad message size syntax"),
        (b"SIZE=1x", "501 5.5.4 Bad message size syntax"),
        (b"SIZE=\xd9\xa3", "501 5.5.4 Bad message size syntax"),
        (
            b"SIZE=99999999999999999999999",
            "552 5.3.4 Message size exceeds file system imposed limit",
        ),
        (b"SIZE=9223372036854775808", "552 5.3.4 Message size exceeds file system imposed limit"),
        (b"BODY=FOO", "555 5.5.4 Unsupported option: BODY=FOO"),
        (b"RET=FOO", "501 5.5.4 Bad RET parameter syntax"),
        (b"ENVID=+", "501 5.5.4 Bad ENVID parameter syntax"),
        (b"ENVID=a+0Ab", "501 5.5.4 Bad ENVID parameter syntax"),
        (b"SMTPUTF8=1", "555 5.5.4 Unsupported option: SMTPUTF8=1"),
    ],
)
def test_a_bad_mail_parameter_is_refused_in_the_words_of_postfix(parameter, reply):
    with pytest.raises(Refused) as refused:
        parse_mail_options([parameter])
    assert refused.value.reply.line == reply


def test_a_mail_parameter_of_dsn_may_come_once():
    for twice in ([b"RET=FULL", b"RET=FULL"], [b"ENVID=a", b"ENVID=a"]):
        with pytest.raises(Refused):
            parse_mail_options(twice)


def test_rcpt_parameters_are_decoded():
    options = parse_rcpt_options([b"notify=failure,DELAY", b"ORCPT=rfc822;bob+40example.com"])
    assert options == RcptOptions(Notify.FAILURE | Notify.DELAY, "rfc822;bob@example.com")
    assert parse_rcpt_options([]) == RcptOptions()


@pytest.mark.parametrize(
    ("parameter", "reply"),
    [
        (b"NOTIFY=FOO", "501 5.5.4 Error: Bad NOTIFY parameter syntax"),
        (b"NOTIFY=NEVER,FAILURE", "501 5.5.4 Error: Bad NOTIFY parameter syntax"),
        (b"NOTIFY=FAILURE,NEVER", "501 5.5.4 Error: Bad NOTIFY parameter syntax"),
        (b"NOTIFY=", "501 5.5.4 Error: Bad NOTIFY parameter syntax"),
        (b"ORCPT=bob", "501 5.5.4 Error: Bad ORCPT parameter syntax"),
        (b"ORCPT=;bob", "501 5.5.4 Error: Bad ORCPT parameter syntax"),
        (b"ORCPT=rfc822;+zz", "501 5.5.4 Error: Bad ORCPT parameter syntax"),
        (b"ORCPT=rfc822;a+0D+0Ab", "501 5.5.4 Error: Bad ORCPT parameter syntax"),
        (b"x", "555 5.5.4 Unsupported option: x"),
    ],
)
def test_a_bad_rcpt_parameter_is_refused_in_the_words_of_postfix(parameter, reply):
    with pytest.raises(Refused) as refused:
        parse_rcpt_options([parameter])
    assert refused.value.reply.line == reply


@pytest.mark.parametrize("text", ["NEVER", "SUCCESS", "SUCCESS,FAILURE,DELAY", "DELAY"])
def test_notify_flags_are_parsed_and_formatted(text):
    flags = parse_notify(text.encode())
    assert flags is not None
    assert format_notify(flags) == text


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_xtext_gives_back_what_went_in(text):
    encoded = encode_xtext(text)
    assert all("!" <= c <= "~" and c != "=" for c in encoded)
    assert decode_xtext(encoded.encode("ascii")) == text


def test_a_reply_of_one_line_is_encoded():
    assert Reply(250, "2.0.0", "Ok").encode() == b"250 2.0.0 Ok\r\n"
    assert Reply(250, "", "mail.example.com").encode() == b"250 mail.example.com\r\n"


def test_a_reply_of_several_lines_repeats_its_codes():
    reply = Reply(550, "5.7.1", "go\naway")
    assert reply.encode() == b"550-5.7.1 go\r\n550 5.7.1 away\r\n"
    assert reply.line == "550-5.7.1 go 550 5.7.1 away"


def test_a_reply_cannot_be_made_to_say_more_than_one_reply():
    assert Reply(252, "2.0.0", "a\rb\0").encode() == b"252 2.0.0 a?b?\r\n"
    assert len(Reply(252, "2.0.0", "x" * 2000).encode()) == LONGEST_REPLY_LINE + 2


@pytest.mark.parametrize(
    ("wire", "reply"),
    [
        (b"250 2.1.0 Ok\r\n", Reply(250, "2.1.0", "Ok")),
        (b"250 Ok\n", Reply(250, "", "Ok")),
        (b"250\r\n", Reply(250, "", "")),
        (b"250-mx\r\n250-SIZE 10\r\n250 DSN\r\n", Reply(250, "", "mx\nSIZE 10\nDSN")),
        (b"550-5.1.1 no such\r\n550 5.1.1 user\r\n", Reply(550, "5.1.1", "no such\nuser")),
        (b"421 4.3.2\r\n", Reply(421, "4.3.2", "")),
    ],
)
def test_a_reply_is_parsed(wire, reply):
    assert parse_reply(wire) == (reply, len(wire))
    assert parse_reply(b"xx" + wire, 2) == (reply, len(wire) + 2)


@pytest.mark.parametrize("wire", [b"", b"250", b"250-a\r\n", b"250-a\r\n250 b"])
def test_a_reply_is_not_parsed_before_it_is_complete(wire):
    assert parse_reply(wire) is None


@pytest.mark.parametrize(
    "wire", [b"hello\r\n", b"2500 x\r\n", b"25\r\n", b"250-a\r\nb\r\n", b"199 x\n"]
)
def test_what_is_no_reply_is_the_peers_error(wire):
    with pytest.raises(RemoteProtocolError):
        parse_reply(wire)


@given(
    st.integers(200, 599),
    st.lists(st.text(st.characters(codec="utf-8", min_codepoint=33), max_size=20), min_size=1),
)
def test_an_encoded_reply_is_parsed_to_itself(code, lines):
    text = "\n".join(line.translate({0x7F: "x"}) for line in lines)
    reply = Reply(code, "5.0.0", text)
    assert parse_reply(reply.encode()) == (reply, len(reply.encode()))


NESTED = ["<" * (SIZE // 2) + ">" * (SIZE // 2), "@a:" * (SIZE // 3)]


@pytest.mark.alone
@pytest.mark.parametrize("text", [*HOSTILE, *NESTED])
def test_a_path_of_64_kilobytes_is_read_at_once(text: str) -> None:
    """Command lines are shorter, unless line_length_limit says otherwise."""
    path = text.encode()
    assert milliseconds(lambda: parse_mailbox(path), 50) < 50


@pytest.mark.alone
@pytest.mark.parametrize("text", HOSTILE)
def test_64_kilobytes_of_xtext_are_written_and_read_at_once(text: str) -> None:
    assert milliseconds(lambda: encode_xtext(text), 50) < 50
    assert milliseconds(lambda: decode_xtext(text.encode()), 50) < 50
