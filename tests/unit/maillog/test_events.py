"""The texts of the lines, as Postfix writes them and as log readers parse them."""

import re
from collections.abc import Callable

import pytest

from spoolmta import maillog
from spoolmta.maillog import HeaderAction, MailLog, Rejection
from spoolmta.maillog.targets import NoTarget
from spoolmta.message.envelope import Client
from spoolmta.message.outcome import Action, Outcome


class Collector(NoTarget):
    def __init__(self) -> None:
        self.text = ""

    def write(self, lines: list[bytes]) -> list[bytes]:
        self.text += b"".join(lines).decode()
        return []


def texts(act: Callable[[MailLog], object]) -> list[str]:
    collector = Collector()
    log = MailLog(collector, "postfix/x", "h")
    act(log)
    log.close()
    return [line.split("]: ", 1)[1] for line in collector.text.split("\n")[:-1]]


def text(act: Callable[[MailLog], object]) -> str:
    (line,) = texts(act)
    return line


PEER = Client("mx.example.com", "mx.example.com", "192.0.2.1", helo="h", protocol="ESMTP")


def test_a_client_connects() -> None:
    assert text(lambda log: maillog.connect(log, PEER)) == "connect from mx.example.com[192.0.2.1]"


@pytest.mark.parametrize(
    ("commands", "counts"),
    [
        ({}, " commands=0/0"),
        ({"quit": (1, 1)}, " quit=1 commands=1"),
        (
            {"quit": (1, 1), "unknown": (0, 3), "auth": (0, 1), "ehlo": (2, 2), "rcpt": (1, 2)},
            " ehlo=2 auth=0/1 rcpt=1/2 quit=1 unknown=0/3 commands=4/9",
        ),
    ],
)
def test_commands_are_counted_in_postfix_order(
    commands: dict[str, tuple[int, int]], counts: str
) -> None:
    line = text(lambda log: maillog.disconnect(log, PEER, commands))
    assert line == "disconnect from mx.example.com[192.0.2.1]" + counts


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (maillog.lost_connection, "lost connection"),
        (maillog.timeout, "timeout"),
        (maillog.too_many_errors, "too many errors"),
    ],
)
def test_sessions_end_badly(event: Callable[..., None], words: str) -> None:
    peer = "mx.example.com[192.0.2.1]"
    assert text(lambda log: event(log, PEER, "RCPT")) == f"{words} after RCPT from {peer}"
    line = text(lambda log: event(log, PEER, "DATA", 0))
    assert line == f"{words} after DATA (0 bytes) from {peer}"


def test_a_message_names_its_client() -> None:
    line = text(lambda log: maillog.client(log, "ABC", PEER))
    assert line == "ABC: client=mx.example.com[192.0.2.1]"
    user = Client("a", "a", "::1", sasl_method="PLAIN", sasl_username="u", sasl_sender="s@x")
    line = text(lambda log: maillog.client(log, "ABC", user))
    assert line == "ABC: client=a[::1], sasl_method=PLAIN, sasl_username=u, sasl_sender=s@x"


FAIL2BAN = re.compile(
    r"^NOQUEUE: reject: [A-Z]{4} from [^[]*\[(\S+)\](?::\d+)?: [45][50][04] [45]\.\d\.\d+ "
    r"(?:(?:<[^>]*>)?: )?(?:(?:Helo command|(?:Sender|Recipient) address) rejected: )?"
    r"(?:Service unavailable|Relay access denied|User unknown|need fully-qualified hostname)\b"
)


def test_a_rejection_tells_envelope_protocol_and_greeting() -> None:
    rejection = Rejection(
        "reject", "RCPT", "554 5.7.1 <r@x>: Relay access denied",
        sender="", recipient="r@x", protocol="ESMTP", helo="h",
    )  # fmt: skip
    line = text(lambda log: maillog.reject(log, "", PEER, rejection))
    assert line == (
        "NOQUEUE: reject: RCPT from mx.example.com[192.0.2.1]: 554 5.7.1 <r@x>: Relay access denied"
        "; from=<> to=<r@x> proto=ESMTP helo=<h>"
    )
    assert FAIL2BAN.match(line)


def test_a_rejection_leaves_out_what_is_not_known() -> None:
    rejection = Rejection("reject", "CONNECT", "554 5.7.1 x", protocol="SMTP")
    line = text(lambda log: maillog.reject(log, "ABC", PEER, rejection))
    assert line == "ABC: reject: CONNECT from mx.example.com[192.0.2.1]: 554 5.7.1 x; proto=SMTP"


def test_a_rejection_of_a_user_tells_the_account() -> None:
    rejection = Rejection(
        "hold", "DATA", "x", sender='a b@x', sasl_method="LOGIN", sasl_username="u"
    )  # fmt: skip
    line = text(lambda log: maillog.reject(log, "", PEER, rejection))
    assert line.endswith('; from=<"a b"@x> sasl_method=LOGIN sasl_username=u')


def test_pipelining_and_strange_commands_are_shown() -> None:
    peer = "mx.example.com[192.0.2.1]"
    assert texts(
        lambda log: (
            maillog.improper_pipelining(log, PEER, "EHLO", b"MAIL FROM:<>\r\n"),
            maillog.non_smtp_command(log, PEER, "GET / HTTP/1.0"),
            maillog.illegal_address(log, PEER, "RCPT", "<a b>"),
            maillog.reject_etrn(log, PEER, "x"),
            maillog.name_does_not_resolve(log, "h", "192.0.2.1"),
            maillog.name_does_not_resolve(log, "h", "192.0.2.1", "No such host"),
        )
    ) == [
        f"improper command pipelining after EHLO from {peer}: MAIL FROM:<>\\r\\n",
        f"warning: non-SMTP command from {peer}: GET / HTTP/1.0",
        f"warning: Illegal address syntax from {peer} in RCPT command: <a b>",
        f"warning: reject: ETRN x... from {peer}",
        "warning: hostname h does not resolve to address 192.0.2.1",
        "warning: hostname h does not resolve to address 192.0.2.1: No such host",
    ]


def test_cleanup_and_pickup_lines() -> None:
    assert texts(
        lambda log: (
            maillog.message_id(log, "ABC", "<x@y>"),
            maillog.resent_message_id(log, "ABC", "<x@y>"),
            maillog.pickup(log, "ABC", 0, "root"),
            maillog.pickup(log, "ABC", 0, "root", "DEF"),
        )
    ) == [
        "ABC: message-id=<x@y>",
        "ABC: resent-message-id=<x@y>",
        "ABC: uid=0 from=<root>",
        "ABC: uid=0 from=<root> orig_id=DEF",
    ]


def test_a_header_action_shows_what_matched() -> None:
    check = HeaderAction(
        "reject", "header", "Subject: rej\n  more", "localhost[127.0.0.1]", "a@b.example",
        "u@d.example", "ESMTP", "c", "5.7.1 nope",
    )  # fmt: skip
    assert text(lambda log: maillog.header_action(log, "ABC", check)) == (
        "ABC: reject: header Subject: rej more from localhost[127.0.0.1]; from=<a@b.example>"
        " to=<u@d.example> proto=ESMTP helo=<c>: 5.7.1 nope"
    )
    check = HeaderAction("hold", "body", "x" * 300, "local", "")
    line = text(lambda log: maillog.header_action(log, "ABC", check))
    assert line == f"ABC: hold: body {'x' * 200} from local; from=<>"


def test_the_queue_manager_lines() -> None:
    assert texts(
        lambda log: (
            maillog.queue_active(log, "ABC", "s@x", 1234, 2),
            maillog.removed(log, "ABC"),
            maillog.expired(log, "ABC", "s@x"),
            maillog.expired(log, "ABC", "s@x", forced=True),
            maillog.skipped(log, "ABC"),
            maillog.bounce_notification(log, "ABC", "sender non-delivery", "DEF"),
        )
    ) == [
        "ABC: from=<s@x>, size=1234, nrcpt=2 (queue active)",
        "ABC: removed",
        "ABC: from=<s@x>, status=expired, returned to sender",
        "ABC: from=<s@x>, status=force-expired, returned to sender",
        "ABC: skipped, still being delivered",
        "ABC: sender non-delivery notification: DEF",
    ]


PFLOGSUMM = re.compile(
    r"to=<([^>]*)>, (?:orig_to=<[^>]*>, )?relay=([^,]+), (?:conn_use=[^,]+, )?delay=([^,]+), "
    r"(?:delays=[^,]+, )?(?:dsn=[^,]+, )?status=(\S+)(.*)$"
)
EXPORTER = re.compile(
    r", relay=(\S+), .*, delays=([0-9\.]+)/([0-9\.]+)/([0-9\.]+)/([0-9\.]+), .*, status=(\w+) "
)


def test_a_delivery_line_is_what_log_readers_parse() -> None:
    outcome = Outcome(
        1, Action.SENT, "2.0.0", "250 2.0.0 Ok: queued as X",
        relay="mx.example[192.0.2.9]:25", delays=(0.1, 0.0, 0.5, 0.6), connection_use=2,
    )  # fmt: skip
    line = text(lambda log: maillog.delivery(log, "ABC", "r@x", "o@y", outcome))
    assert line == (
        "ABC: to=<r@x>, orig_to=<o@y>, relay=mx.example[192.0.2.9]:25, conn_use=2, delay=1.2,"
        " delays=0.1/0/0.5/0.6, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as X)"
    )
    assert PFLOGSUMM.search(line)
    assert EXPORTER.search(line)


@pytest.mark.parametrize("original", ["", "r@x", "R@X"])
def test_the_original_address_is_shown_only_if_it_differs(original: str) -> None:
    outcome = Outcome(1, Action.BOUNCED, "5.1.1", 'unknown user: "u"', relay="local")
    line = text(lambda log: maillog.delivery(log, "ABC", "r@x", original, outcome))
    assert line == (
        "ABC: to=<r@x>, relay=local, delay=0, delays=0/0/0/0, dsn=5.1.1, status=bounced"
        ' (unknown user: "u")'
    )


def test_a_soft_bounce_is_shown_as_one() -> None:
    outcome = Outcome(1, Action.DEFERRED, "4.1.1", "x")
    line = text(lambda log: maillog.delivery(log, "A", "r", "", outcome, soft_bounce=True))
    assert "relay=none, " in line
    assert line.endswith("dsn=4.1.1, status=SOFTBOUNCE (x)")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("a@x", "a@x"), ("", ""), ("a", "a"), ("a+b.c@x", "a+b.c@x"), ("a b@x", '"a b"@x'),
        ('a"\\b@x', '"a\\"\\\\b"@x'), (".a@x", '".a"@x'),
        ("a..b@x", '"a..b"@x'), ("a@b@x", '"a@b"@x'),
        ("ü@x", "ü@x"), ("a b", '"a b"'),
    ],
)  # fmt: skip
def test_addresses_are_shown_in_external_form(address: str, shown: str) -> None:
    line = text(lambda log: maillog.queue_active(log, "A", address, 1, 1))
    assert line.startswith(f"A: from=<{shown}>, ")


def test_addresses_may_be_shown_in_internal_form() -> None:
    def act(log: MailLog) -> None:
        log.external_addresses = False
        maillog.queue_active(log, "A", "a b@x", 1, 1)

    assert text(act).startswith("A: from=<a b@x>, ")


def test_master_and_operator_lines() -> None:
    assert texts(
        lambda log: (
            maillog.daemon_started(log, "3.11.6", "/etc/x"),
            maillog.daemon_reload(log, "3.11.6", "/etc/x"),
            maillog.daemon_terminating(log, 15),
            maillog.process_died(log, "smtpd", 7, status=1),
            maillog.process_died(log, "smtpd", 7, status=0, signal=9),
            maillog.throttling(log, "smtpd"),
            maillog.process_limit_reached(log, "smtp", "25", 100),
            maillog.queue_change(log, "ABC", "placed on hold"),
            maillog.queue_change_total(log, "removed", 1),
            maillog.queue_change_total(log, "requeued", 2),
            maillog.trouble(log, "ABC", "host x[y] said: 450 z"),
            maillog.trouble(log, "", "connect to x[y]:25: Connection refused"),
        )
    ) == [
        "daemon started -- version 3.11.6, configuration /etc/x",
        "reload -- version 3.11.6, configuration /etc/x",
        "terminating on signal 15",
        "warning: process smtpd pid 7 exit status 1",
        "warning: process smtpd pid 7 killed by signal 9",
        "warning: smtpd: bad command startup -- throttling",
        (
            'warning: service "smtp" (25) has reached its process limit "100":'
            " new clients may experience noticeable delays"
        ),
        "ABC: placed on hold",
        "Deleted: 1 message",
        "Requeued: 2 messages",
        "ABC: host x[y] said: 450 z",
        "connect to x[y]:25: Connection refused",
    ]
