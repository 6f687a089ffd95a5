"""A master.cf with many services of few programs, under names of their own, for real."""

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mail_system import MailSystem, free_port, wait_for
from tests.support.receiver import Receiver

SERVICES = """\
127.0.0.1:{second}  inet  n - n - 1 smtpd
  -o smtpd_banner=second.example -o {{ smtpd_client_restrictions = permit_mynetworks, reject }}
  -o syslog_name=postfix/second -v
localhost:{third}   inet  n - n - 0 smtpd -D
127.0.0.1:{wrapped} inet  n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:{submission} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
smtpd       pass       - - n - - smtpd
smtp-amavis unix       - - n - 2 lmtp -o lmtp_data_done_timeout=1200
slow        unix       - - n - 1 smtp -o {{ smtp_helo_name = slow.example }}
  -o syslog_name=${{multi_instance_name?{{$multi_instance_name}}:{{postfix}}}}/$service_name
secret      unix       - - n - - smtp -o smtp_tls_security_level=encrypt
boxes       unix       - n n - - virtual
trash       unix       - - n - - discard
closed      unix       - - n - - error
maildrop    unix       - n n - - spawn user=vmail argv=/usr/bin/maildrop
policy      unix       - n n - 0 spawn user=nobody argv=/usr/bin/policyd
other       unix       - - n - 0 bounce
again       unix       - - n - - trivial-rewrite
pickup2     fifo       n - n 60 1 pickup
subcleanup  unix       n - - - 0 cleanup -o header_checks=
postlog     unix-dgram n - n - 1 postlogd
tlsmgr      unix       - - n 1000? 1 tlsmgr
scache      unix       - - n - 1 scache
anvil       unix       - - n - 1 anvil
proxywrite  unix       - - n - 1 proxymap
"""


class Site:
    """A running system with SERVICES, and a server that the transport "slow" delivers to."""

    def __init__(self, root: Path, receiver: Receiver) -> None:
        """Route a domain to each of the transports."""
        self.receiver = receiver
        self.second, self.third = free_port(), free_port()
        self.wrapped, self.submission = free_port(), free_port()
        routes = ", ".join((
            "{trash.example = trash:}",
            "{closed.example = closed:no mail is taken here}",
            "{maildrop.example = maildrop:}",
            f"{{secret.example = secret:[127.0.0.1]:{receiver.port}}}",
            f"{{slow.example = slow:[127.0.0.1]:{receiver.port}}}",
            "{boxes.example = boxes:}",
        ))  # fmt: skip
        mailboxes = "{alice@boxes.example = boxes/alice/}"
        settings = {
            "transport_maps": f"inline:{{{routes}}}",
            "virtual_mailbox_maps": f"inline:{{{mailboxes}}}",
            "virtual_mailbox_domains": "boxes.example",
        }
        services = SERVICES.format(**vars(self))
        self.system = MailSystem(root, settings, services)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("services")
    with Receiver(root / "taken") as receiver:
        site = Site(root, receiver)
        with site.system:
            yield site


def send(site: Site, domain: str) -> None:
    site.system.send("", [f"alice@{domain}"], "Subject: x\n\nhello\n")


def test_several_smtpd_listen_on_several_addresses_each_with_its_own_settings(site: Site) -> None:
    with smtplib.SMTP("127.0.0.1", site.second, timeout=30) as client:
        assert client.docmd("NOOP") == (250, b"2.0.0 Ok")
        assert client.sock is not None
    with smtplib.SMTP("localhost", site.third, timeout=30) as client:
        assert client.ehlo()[0] == 250
    site.system.wait_for_log("postfix/second/smtpd[")
    with smtplib.SMTP(timeout=30) as client:
        assert client.connect("127.0.0.1", site.second) == (220, b"second.example")


def test_what_must_be_encrypted_is_not_served_in_plain_text(site: Site) -> None:
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP("127.0.0.1", site.wrapped, timeout=30)
    assert f"service 127.0.0.1:{site.wrapped}: smtpd_tls_wrappermode is set" in site.system.log()
    with smtplib.SMTP("127.0.0.1", site.submission, timeout=30) as client:
        assert client.ehlo()[0] == 250
        refusal = (530, b"5.7.0 Must issue a STARTTLS command first")
        assert client.docmd("MAIL FROM:<a@example.com>") == refusal
    assert f"service 127.0.0.1:{site.submission}: smtpd_tls_security_level" in site.system.log()


def test_what_must_be_encrypted_is_not_sent_in_plain_text(site: Site) -> None:
    send(site, "secret.example")
    site.system.wait_for_log("to=<alice@secret.example>")
    lines = [line for line in site.system.log().split("\n") if "to=<alice@secret" in line]
    assert "status=deferred (mail transport unavailable)" in lines[0]
    assert "service secret: smtp_tls_security_level or smtp_tls_wrappermode" in site.system.log()
    assert not site.receiver.taken()["alice@secret.example"]


def test_a_second_smtp_client_delivers_with_parameters_of_its_own(site: Site) -> None:
    send(site, "slow.example")
    wait_for(lambda: site.receiver.taken()["alice@slow.example"], 30, "mail at the next hop")
    site.system.wait_for_log("postfix/slow/smtp[")


@pytest.mark.parametrize(
    ("domain", "answer"),
    [
        ("trash.example", "postfix/discard["),
        ("closed.example", "status=bounced (no mail is taken here)"),
        ("boxes.example", "status=sent (delivered to maildir)"),
    ],
)
def test_an_agent_delivers_under_another_name(site: Site, domain: str, answer: str) -> None:
    send(site, domain)
    site.system.wait_for_log(f"to=<alice@{domain}>")
    lines = [line for line in site.system.log().split("\n") if f"to=<alice@{domain}>" in line]
    assert answer in lines[0]


def test_mail_for_an_agent_that_does_not_exist_waits_and_says_so(site: Site) -> None:
    send(site, "maildrop.example")
    site.system.wait_for_log("status=deferred (mail transport unavailable)")
    assert "service maildrop: spoolmta does not have the program spawn yet" in site.system.log()


def test_services_that_are_rows_have_no_process_and_a_stage_has_one(site: Site) -> None:
    stages = {"rewrite", "bounce", "pickup", "qmgr", "keeper"}
    wait_for(lambda: stages <= set(site.system.services().values()), 20, "every stage")
    running = set(site.system.services().values())
    assert not running & {"again", "other", "pickup2", "subcleanup", "anvil", "scache", "smtpd"}


def test_two_services_cannot_have_one_socket(tmp_path: Path) -> None:
    system = MailSystem(tmp_path, {}, "submit unix - - n - - smtp\n")
    text = system.run("spoolmta", "serve", status=78)
    assert "service submit: the name submit is used by spoolmta itself already" in text


def test_a_name_that_is_no_file_name_is_told(tmp_path: Path) -> None:
    system = MailSystem(tmp_path, {}, "a/b unix - - n - - smtp\n")
    text = system.run("spoolmta", "serve", status=78)
    assert "service a/b: cannot bind public/a/b: No such file or directory" in text
