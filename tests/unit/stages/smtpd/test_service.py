"""What a dialogue alone does not show: time, limits, trouble, the end."""

import time

import psutil
import pytest

from spoolmta.errors import ConfigError
from tests.dialogs.smtpd import PATIENCE_SECONDS, Smtpd
from tests.support.stub_dns import StubDns

MEGABYTE = 1_000_000
NULL_MX = "Domain null.test does not accept mail (nullMX)"


def begin(client, *more):
    for command in ("EHLO client.example", "MAIL FROM:<a@b.test>", "RCPT TO:<bob>", *more):
        assert (client.ask(command) or "")[0] in "23"


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def send(client, size):
    line = b"x" * 70 + b"\r\n"
    block = line * 2000
    client.send(b"Subject: large\r\n\r\n")
    for _ in range(size // len(block)):
        client.send(block)


def test_a_message_is_in_the_spool_when_it_is_acknowledged(tmp_path):
    with Smtpd(tmp_path) as smtpd, smtpd.connect() as client:
        begin(client, "RCPT TO:<root> NOTIFY=NEVER ORCPT=rfc822;x+40y", "DATA")
        client.send(b"Subject: hi\r\nMessage-ID: <4711@b.test>\r\n\r\n..hello\r\n.\r\n")
        queue_id = client.reply().rpartition(" ")[2]
        row = smtpd.rows(
            "SELECT queue_id, origin, sender, encoding, client_address, client_helo,"
            " client_protocol FROM message JOIN incoming USING (message_id)"
        )
        assert row == [(queue_id, "smtpd", "a@b.test", "", "127.0.0.1", "client.example", "ESMTP")]
        assert smtpd.rows("SELECT original, orcpt, notify FROM recipient ORDER BY number") == [
            ("bob", "", 0),
            ("root", "rfc822;x@y", 1),
        ]
        assert smtpd.content().endswith(b"\r\n\r\n.hello\r\n")
        told = "SELECT detail ->> 'header_id' FROM event WHERE kind = 'accepted'"
        assert smtpd.rows(told) == [("<4711@b.test>",)]
        wait_until(lambda: smtpd.pokes == ["trivial_rewrite"])


@pytest.mark.parametrize(
    ("action", "check"),
    [
        ("HOLD why", lambda smtpd: smtpd.rows("SELECT reason FROM hold") == [("why",)]),
        ("DISCARD", lambda smtpd: smtpd.rows("SELECT * FROM message") == []),
        (
            "REDIRECT x@y.test",
            lambda smtpd: smtpd.rows("SELECT address FROM recipient") == [("x@y.test",)],
        ),
        (
            "BCC x@y.test",
            lambda smtpd: (
                smtpd.rows("SELECT address, notify FROM recipient ORDER BY number")
                == [("bob@mx.example.test", 0), ("x@y.test", 1)]
            ),
        ),
        (
            "PREPEND X-Seen: yes",
            lambda smtpd: smtpd.content().startswith(b"X-Seen: yes\r\nReceived: "),
        ),
    ],
)
def test_an_access_action_reaches_the_message(tmp_path, action, check):
    settings = {"smtpd_sender_restrictions": f"check_sender_access static:{{{action}}}"}
    with Smtpd(tmp_path, settings) as smtpd, smtpd.connect() as client:
        begin(client, "DATA")
        assert "queued as" in client.ask("Subject: hi\r\n\r\nhello\r\n.")
        assert check(smtpd)


def test_what_was_wanted_of_one_message_is_not_done_to_the_next(tmp_path):
    hold = "check_sender_access inline:{{held@b.test=HOLD why}}"
    with Smtpd(tmp_path, {"smtpd_sender_restrictions": hold}) as smtpd, smtpd.connect() as client:
        for sender in ("held@b.test", "free@b.test"):
            for command in (f"MAIL FROM:<{sender}>", "RCPT TO:<bob>", "DATA", "."):
                client.ask(command)
        assert smtpd.rows("SELECT sender FROM message JOIN hold USING (message_id)") == [
            ("held@b.test",)
        ]
        assert smtpd.rows("SELECT sender FROM message JOIN incoming USING (message_id)") == [
            ("free@b.test",)
        ]


def test_a_large_message_grows_no_process(tmp_path):
    with Smtpd(tmp_path, {"message_size_limit": "0"}) as smtpd, smtpd.connect() as client:
        process = psutil.Process()
        begin(client, "DATA")
        send(client, 2 * MEGABYTE)
        assert "queued as" in client.ask(".")
        before = process.memory_info().rss
        begin(client, "DATA")
        send(client, 60 * MEGABYTE)
        grown = process.memory_info().rss - before
        assert "queued as" in client.ask(".")
        assert grown < 20 * MEGABYTE
        sizes = smtpd.rows("SELECT max(length(data)) FROM content")
        assert sizes[0][0] <= 256 * 1024
        sums = (
            "SELECT size, (SELECT sum(length(data)) FROM content WHERE"
            " content.message_id = message.message_id) FROM message"
        )
        assert all(size == stored for size, stored in smtpd.rows(sums))
        assert smtpd.rows("SELECT count(*) FROM upload") == [(0,)]


@pytest.mark.parametrize("ending", ["hangs up", "RSET after chunks", "is too large"])
def test_nothing_is_left_of_a_message_that_was_not_taken(tmp_path, ending):
    settings = {"message_size_limit": str(3 * MEGABYTE)}
    with Smtpd(tmp_path, settings) as smtpd, smtpd.connect() as client:
        begin(client)
        if ending == "RSET after chunks":
            client.send(b"BDAT 1000000\r\n" + b"Subject: x\r\n\r\n".ljust(MEGABYTE, b"x"))
            assert client.reply() == "250 2.0.0 Ok: 1000000 bytes"
            assert smtpd.rows("SELECT count(*) FROM upload") == [(1,)]
            client.ask("RSET")
        else:
            client.ask("DATA")
            send(client, MEGABYTE)
            wait_until(lambda: smtpd.rows("SELECT count(*) FROM upload") == [(1,)])
            if ending == "hangs up":
                client.close()
            else:
                send(client, 3 * MEGABYTE)
                assert client.ask(".") == "552 5.3.4 Error: message file too big"
        wait_until(lambda: smtpd.rows("SELECT count(*) FROM content") == [(0,)])
        assert smtpd.rows("SELECT count(*) FROM upload") == [(0,)]
        assert smtpd.rows("SELECT count(*) FROM message") == [(0,)]


def test_a_full_disk_is_answered_and_gone_through(tmp_path):
    with Smtpd(tmp_path) as smtpd, smtpd.connect() as client:
        smtpd.limit_pages(1)
        for size in (MEGABYTE, 200_000):
            begin(client, "DATA")
            send(client, size)
            assert client.ask(".") == "452 4.3.1 Insufficient system storage"
        smtpd.limit_pages(2**31)
        begin(client, "DATA")
        assert "queued as" in client.ask(".")
        assert smtpd.rows("SELECT count(*) FROM message") == [(1,)]


def test_a_silent_client_is_sent_away(tmp_path):
    with Smtpd(tmp_path, {"smtpd_timeout": "1s"}) as smtpd:
        with smtpd.connect() as silent, smtpd.connect() as sending:
            begin(sending, "DATA")
            sending.send(b"Subject: x\r\n")
            expected = "421 4.4.2 mx.example.test Error: timeout exceeded"
            assert silent.reply() == expected
            assert silent.reply() is None
            assert sending.reply() == expected
        wait_until(lambda: sum(line.startswith("disconnect") for line in smtpd.log()) == 2)
        assert "timeout after CONNECT from localhost[127.0.0.1]" in smtpd.log()
        assert "timeout after DATA (12 bytes) from localhost[127.0.0.1]" in smtpd.log()


@pytest.mark.parametrize(
    ("commands", "line"),
    [
        ([], "lost connection after CONNECT from localhost[127.0.0.1]"),
        (["EHLO x"], "lost connection after EHLO from localhost[127.0.0.1]"),
        (["FOO"], "lost connection after UNKNOWN from localhost[127.0.0.1]"),
        (
            ["MAIL FROM:<a@b>", "RCPT TO:<bob>", "DATA"],
            "lost connection after DATA (0 bytes) from localhost[127.0.0.1]",
        ),
        (
            ["MAIL FROM:<a@b>", "RCPT TO:<bob>", "DATA", "."],
            "lost connection after END-OF-MESSAGE from localhost[127.0.0.1]",
        ),
    ],
)
def test_a_client_that_goes_away_is_missed(tmp_path, commands, line):
    with Smtpd(tmp_path) as smtpd:
        with smtpd.connect() as client:
            for command in commands:
                client.ask(command)
        wait_until(lambda: smtpd.log() and smtpd.log()[-1].startswith("disconnect"))
        assert smtpd.log()[-2] == line


def test_what_came_before_the_end_of_input_is_answered(tmp_path):
    with Smtpd(tmp_path) as smtpd, smtpd.connect() as client:
        client.ask("EHLO client.example")
        client.send(b"MAIL FROM:<a@b.test>\r\nRCPT TO:<bob>\r\nDATA\r\n")
        client.end()
        replies = [client.reply() for _ in range(4)]
        assert [reply and reply[:3] for reply in replies] == ["250", "250", "354", None]


def test_more_clients_than_the_limit_have_to_wait(tmp_path):
    smtpd = Smtpd(tmp_path)
    smtpd.session_limit = 2
    with smtpd, smtpd.connect() as first, smtpd.connect() as second:
        with smtpd.connect(greeted=False) as third:
            third.set_timeout(0.3)
            with pytest.raises(TimeoutError):
                third.line()
        with smtpd.connect(greeted=False) as third:
            first.ask("QUIT")
            assert third.reply() == "220 mx.example.test ESMTP Postfix"
            assert second.ask("NOOP") == "250 2.0.0 Ok"


def test_draining_lets_sessions_come_to_their_end(tmp_path):
    with Smtpd(tmp_path) as smtpd, smtpd.connect() as idle, smtpd.connect() as sending:
        begin(sending, "DATA")
        smtpd.drain()
        assert idle.ask("NOOP") == "250 2.0.0 Ok"
        sending.send(b"Subject: x\r\n\r\n")
        assert "queued as" in sending.ask(".")
        sending.ask("QUIT")
        idle.ask("QUIT")
        smtpd.join()
        assert smtpd.error is None


def test_stopping_lets_content_come_to_its_end(tmp_path):
    with Smtpd(tmp_path) as smtpd, smtpd.connect() as idle, smtpd.connect() as sending:
        begin(sending, "DATA")
        sending.send(b"Subject: x\r\n\r\n")
        smtpd.ask_to_stop()
        goodbye = "421 4.3.2 mx.example.test Service shutting down"
        assert idle.reply() == goodbye
        assert idle.reply() is None
        assert "queued as" in sending.ask(".")
        assert sending.reply() == goodbye
        smtpd.stop()
        assert smtpd.error is None


def test_an_unknown_restriction_stops_the_start(tmp_path):
    with pytest.raises(ConfigError, match="smtpd_client_restrictions"):
        Smtpd(tmp_path, {"smtpd_client_restrictions": "nosuch"}).__enter__()


def test_a_bug_ends_the_process_and_not_just_the_session(tmp_path):
    smtpd = Smtpd(tmp_path)
    with pytest.raises(ZeroDivisionError), smtpd, smtpd.connect() as client:
        smtpd.break_ids()
        client.ask("MAIL FROM:<a@b.test>")
        client.ask("RCPT TO:<bob>")
        smtpd.join()


@pytest.mark.parametrize(
    ("restriction", "command", "reply"),
    [
        ("reject_unknown_sender_domain", "MAIL FROM:<a@good.test>", "250 2.1.5 Ok"),
        (
            "reject_unknown_sender_domain",
            "MAIL FROM:<a@none.test>",
            "450 4.1.8 <a@none.test>: Sender address rejected: Domain not found",
        ),
        (
            "reject_unknown_sender_domain",
            "MAIL FROM:<a@null.test>",
            f"550 5.7.27 <a@null.test>: Sender address rejected: {NULL_MX}",
        ),
        (
            "reject_unknown_sender_domain",
            "MAIL FROM:<a@down.test>",
            "450 4.1.8 <a@down.test>: Sender address rejected: Domain not found",
        ),
        ("reject_unknown_sender_domain", "MAIL FROM:<>", "250 2.1.5 Ok"),
        ("reject_unknown_sender_domain", "MAIL FROM:<bob@localhost>", "250 2.1.5 Ok"),
        ("reject_unknown_helo_hostname", "EHLO good.test", "250 2.1.5 Ok"),
        ("reject_unknown_helo_hostname", "EHLO null.test", "250 2.1.5 Ok"),
        (
            "reject_unknown_helo_hostname",
            "EHLO none.test",
            "450 4.7.1 <none.test>: Helo command rejected: Host not found",
        ),
        (
            "reject_unknown_helo_hostname",
            "EHLO down.test",
            "450 4.7.1 <down.test>: Helo command rejected: Host not found",
        ),
    ],
)
def test_domains_are_looked_up(tmp_path, restriction, command, reply):
    with StubDns() as dns:
        dns.mx("good.test", 10, "mx.good.test")
        dns.null_mx("null.test")
        dns.fails("down.test")
        settings = {
            "dns_nameservers": dns.parameter,
            "smtpd_recipient_restrictions": restriction,
        }
        with Smtpd(tmp_path, settings) as smtpd, smtpd.connect() as client:
            client.ask(command)
            client.ask("MAIL FROM:<bob@localhost>")
            assert client.ask("RCPT TO:<bob>") == reply


def test_commands_behind_one_that_waits_are_answered_in_order(tmp_path):
    with StubDns() as dns:
        dns.mx("good.test", 10, "mx.good.test")
        settings = {
            "dns_nameservers": dns.parameter,
            "smtpd_recipient_restrictions": "reject_unknown_recipient_domain",
        }
        with Smtpd(tmp_path, settings) as smtpd, smtpd.connect() as client:
            client.ask("EHLO client.example")
            client.send(
                b"MAIL FROM:<a@b.test>\r\nRCPT TO:<a@good.test>\r\nRCPT TO:<a@none.test>\r\n"
                b"RCPT TO:<bob>\r\nDATA\r\n"
            )
            replies = [(client.reply() or "")[:3] for _ in range(5)]
            assert replies == ["250", "250", "450", "250", "354"]


def test_a_client_that_takes_no_replies_is_cut_off(tmp_path):
    settings = {"smtpd_timeout": "1s", "smtpd_junk_command_limit": "1000000"}
    with Smtpd(tmp_path, settings) as smtpd, smtpd.connect() as client:
        client.ask("EHLO client.example")
        client.set_timeout(0.5)
        with pytest.raises((TimeoutError, ConnectionError)):  # whichever of both is first
            while True:
                client.send(b"RSET\r\n" * 10_000)
        wait_until(lambda: any(line.startswith("disconnect") for line in smtpd.log()))
