"""What a new user does in the first hour, with the programs that are at hand, for real.

The built-in default is started as `make run` starts it, without any configuration, in a home of
its own. Mail is handed in by swaks, sendmail, Python's smtplib and curl, and read in the maildir.
"""

import os
import re
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from tests.rules.sources import ROOT
from tests.support.forked import BIN
from tests.support.mail_system import MailSystem, free_port, wait_for
from tests.support.receiver import Receiver
from tests.support.stub_dns import StubDns


@dataclass
class FirstHour:
    """A home folder, and spoolmta running in it with its built-in configuration."""

    home: Path
    port: int
    environment: dict[str, str]
    printed: Path

    def mail(self, user: str) -> list[Message]:
        """Return the messages in a user's maildir."""
        folder = self.home / "state" / "spoolmta" / "mail" / "inbox.example" / user / "new"
        return [message_from_bytes(path.read_bytes()) for path in sorted(folder.glob("*"))]

    def wait_for_mail(self, user: str, subject: str) -> Message:
        """Return the message with a subject as soon as it is in the maildir."""
        found: list[Message] = wait_for(
            lambda: [message for message in self.mail(user) if message["Subject"] == subject],
            30,
            f"{subject!r} in the maildir of {user}\n{self.printed.read_text()}",
        )
        assert len(found) == 1
        return found[0]

    def run(self, *command: str | Path, stdin: str = "", status: int = 0) -> str:
        """Run a program as the user; return what it printed."""
        done = subprocess.run(
            command,
            input=stdin.encode(),
            capture_output=True,
            env=self.environment,
            timeout=60,
            check=False,
        )
        text = done.stdout.decode() + done.stderr.decode()
        assert done.returncode == status, f"{command}: {done.returncode}\n{text}"
        return text


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstHour]:
    home = tmp_path_factory.mktemp("home")
    port = free_port()
    environment = {
        **{name: text for name, text in os.environ.items() if name != "MAIL_CONFIG"},
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "SPOOLMTA_PORT": str(port),
    }
    printed = home / "printed"
    with printed.open("wb") as output:
        master = subprocess.Popen(
            ["make", "--no-print-directory", f"PYTHON={sys.executable}", "run"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    hour = FirstHour(home, port, environment, printed)
    wait_for(lambda: _greets(master, hour), 60, f"a greeting\n{printed.read_text()}")
    yield hour
    os.killpg(master.pid, signal.SIGTERM)
    assert master.wait(40) in (0, 2, -signal.SIGTERM), printed.read_text()


def test_the_start_tells_how_to_send_a_mail_and_where_it_goes(hour: FirstHour) -> None:
    text = hour.printed.read_text()
    assert f"127.0.0.1:{hour.port}" in text
    assert "alice@inbox.example" in text
    assert str(hour.home / "state" / "spoolmta") in text


def test_swaks_delivers_to_a_maildir(hour: FirstHour) -> None:
    hour.run(
        *("swaks", "--server", f"127.0.0.1:{hour.port}", "--from", "me@example.com"),
        *("--to", "alice@inbox.example", "--header", "Subject: by swaks", "--body", "hello"),
    )
    message = hour.wait_for_mail("alice", "by swaks")
    assert message["Return-Path"] == "<me@example.com>"
    assert message["X-Original-To"] == "alice@inbox.example"
    assert message["Received"]


def test_sendmail_takes_recipients_from_the_headers(hour: FirstHour) -> None:
    text = "To: alice@inbox.example\nBcc: bob@inbox.example\nSubject: by sendmail\n\nhello\n"
    hour.run(BIN / "sendmail", "-t", stdin=text)
    seen = hour.wait_for_mail("alice", "by sendmail")
    hidden = hour.wait_for_mail("bob", "by sendmail")
    assert seen["Bcc"] is hidden["Bcc"] is None
    assert seen["Date"]
    assert seen["Message-ID"]
    assert seen["From"]


def test_smtplib_delivers_to_a_maildir_and_keeps_the_address_extension(hour: FirstHour) -> None:
    with smtplib.SMTP("127.0.0.1", hour.port, timeout=30) as client:
        client.sendmail(
            "me@example.com",
            ["bob+list@inbox.example"],
            "Subject: by smtplib\r\n\r\n.leading dot\r\n..two\r\n",
        )
    message = hour.wait_for_mail("bob", "by smtplib")
    assert message["Delivered-To"] == "bob+list@inbox.example"
    assert message.get_payload() == ".leading dot\n..two\n"


def test_curl_delivers_to_a_maildir(hour: FirstHour) -> None:
    hour.run(
        *("curl", "-sS", f"smtp://127.0.0.1:{hour.port}/me", "--mail-from", "me@example.com"),
        *("--mail-rcpt", "alice@inbox.example", "-T", "-"),
        stdin="Subject: by curl\r\n\r\nhello\r\n",
    )
    hour.wait_for_mail("alice", "by curl")


def test_an_unknown_recipient_is_refused_in_the_dialogue(hour: FirstHour) -> None:
    with smtplib.SMTP("127.0.0.1", hour.port, timeout=30) as client:
        client.ehlo()
        client.mail("me@example.com")
        code, text = client.rcpt("nobody@inbox.example")
    assert code == 550
    assert text.startswith(b"5.1.1 <nobody@inbox.example>: Recipient address rejected")


def test_the_whole_life_of_a_message_can_be_read_after_it_is_gone(hour: FirstHour) -> None:
    hour.run(
        *("swaks", "--server", f"127.0.0.1:{hour.port}", "--from", "me@example.com"),
        *("--to", "alice@inbox.example", "--header", "Subject: traced", "--body", "hello"),
    )
    message = hour.wait_for_mail("alice", "traced")
    found = re.search(r"id ([0-9A-F]{10,})", str(message["Received"]))
    assert found
    wait_for(lambda: "removed" in hour.run(BIN / "spoolmta", "trace", found[1]), 20, "its removal")
    trace = hour.run(BIN / "spoolmta", "trace", found[1])
    for step in ("accepted from", "goes by virtual", "let go", "sent by virtual", "removed"):
        assert step in trace, trace
    assert found[1] not in hour.run(BIN / "mailq")


def test_every_program_of_the_tour_answers_on_the_running_system(hour: FirstHour) -> None:
    status = hour.run(BIN / "spoolmta", "status")
    for word in ("keeper", "qmgr", "deferred"):
        assert word in status, status
    hour.run(BIN / "spoolmta", "queue", "list")
    counted = hour.run(BIN / "spoolmta", "sql", "SELECT count(*) FROM v1_events")
    assert re.search(r"[1-9]", counted)


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[tuple[MailSystem, Receiver]]:
    """Yield a mail system whose mail for outside.example goes to a receiver found by its MX."""
    with Receiver(tmp_path / "taken") as receiver, StubDns() as dns:
        dns.mx("outside.example", 10, "mx.outside.example")
        dns.a("mx.outside.example", "127.0.0.1")
        settings = {"dns_nameservers": dns.parameter, "smtp_tcp_port": str(receiver.port)}
        with MailSystem(tmp_path, settings) as system:
            yield system, receiver
            system.stop()


def test_mail_to_an_outside_domain_goes_to_its_mail_exchanger(
    outside: tuple[MailSystem, Receiver],
) -> None:
    system, receiver = outside
    system.send("alice@inbox.example", ["someone@outside.example"], "Subject: out\n\nhello\n")
    wait_for(lambda: receiver.taken()["someone@outside.example"], 30, "the message")
    system.wait_for_log("relay=mx.outside.example[127.0.0.1]")
    system.wait_until_empty()


def test_what_the_next_hop_refuses_comes_back_as_a_bounce(
    outside: tuple[MailSystem, Receiver],
) -> None:
    system, _ = outside
    system.send("alice@inbox.example", ["refuse-1@outside.example"], "Subject: no\n\nhello\n")
    wait_for(lambda: system.mailbox("alice"), 30, "the bounce")
    system.wait_until_empty()
    bounce = message_from_bytes(system.mailbox("alice")[0])
    assert bounce["Return-Path"] == "<>"
    assert bounce.get_content_type() == "multipart/report"
    _, report, original = bounce.get_payload()
    fields = report.get_payload()[1]  # type: ignore[union-attr, index]
    assert fields["Final-Recipient"] == "rfc822; refuse-1@outside.example"
    assert fields["Action"] == "failed"
    assert fields["Status"] == "5.1.1"
    assert original.get_payload()[0]["Subject"] == "no"  # type: ignore[union-attr, index]


def test_a_domain_without_a_mail_exchanger_bounces_at_once(
    outside: tuple[MailSystem, Receiver],
) -> None:
    system, _ = outside
    system.send("alice@inbox.example", ["x@no-such-domain.example"], "Subject: no\n\nhello\n")
    wait_for(lambda: system.mailbox("alice"), 30, "the bounce")
    assert b"Status: 5.4.4" in system.mailbox("alice")[0]


def test_mail_from_a_stranger_to_the_outside_is_not_relayed(tmp_path: Path) -> None:
    with MailSystem(tmp_path, {"mynetworks": "192.0.2.0/24"}) as system:
        with system.client() as client:
            client.ehlo()
            client.mail("me@example.com")
            code, text = client.rcpt("someone@outside.example")
        assert (code, text) == (
            454,
            b"4.7.1 <someone@outside.example>: Relay access denied",
        )
        assert system.stop() == 0


def _greets(master: "subprocess.Popen[bytes]", hour: FirstHour) -> bool:
    assert master.poll() is None, hour.printed.read_text()
    try:
        with smtplib.SMTP("127.0.0.1", hour.port, timeout=30) as client:
            return client.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False


@pytest.mark.slow
def test_the_tour_of_the_readme_goes_as_it_says(hour: FirstHour) -> None:
    """Run every command block of the README's tour in one shell, with the ports of this test."""
    readme = (ROOT / "README.md").read_text()
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", readme, re.DOTALL | re.MULTILINE))
    script = script.replace(":2525", f":{hour.port}")
    # A reader waits for some seconds; here, until there is what they are waited for.
    sink_listens = f"( : < /dev/tcp/127.0.0.1/{hour.port + 1} )"
    inbox = '"$STATE/mail/inbox.example/alice/new"'
    awaited = (
        f'grep -qrs "^Subject: first mail" {inbox}',
        "spoolmta queue list --reason refused | grep -q outside",
        sink_listens,
        sink_listens,
        f'grep -qrs "Diagnostic-Code.*no such user here" {inbox}',
    )
    first, *rest = re.split(r"^sleep \d+$", script, flags=re.MULTILINE)
    waits = (f"until {what}; do sleep 0.1; done 2> /dev/null" for what in awaited)
    script = first + "".join(w + part for w, part in zip(waits, rest, strict=True))
    script = script.replace("spoolmta sink", f"spoolmta sink --port {hour.port + 1}")
    printed = hour.run("bash", "-e", "-m", "-o", "pipefail", "-c", script)
    for words in (
        "Subject: first mail",
        "RCPT failed: 550",
        "Connection refused",
        '"patience"',
        "removed",
        "no such user here",
        "accepted",
    ):
        assert words in printed, printed
